# Runs of lines that stand in two places: awk -v least=8 -f tests/duplicates.awk FILE...
# Indentation, blank lines, includes and the rows of tables do not count; a run of nothing but
# punctuation is none.  Prints the first line of each run, in both places.

function trim(s) {
	gsub(/^[ \t]+|[ \t]+$/, "", s)
	return s
}

FNR == 1 { n = 0; last = "" }

{
	line = trim($0)
	if (line == "" || line ~ /^#include/ || line ~ /^[{"X]/ && line ~ /[,}"\\]$/)
		next
	n++
	text[n % least] = line
	at[n % least] = FNR
	if (n < least)
		next
	key = ""
	words = 0
	for (i = n - least + 1; i <= n; i++) {
		key = key text[i % least] "\n"
		words += text[i % least] ~ /[a-z]/
	}
	start = FILENAME ":" at[(n + 1) % least]
	if (!(key in seen)) {
		seen[key] = start
		continued = 0
	} else if (words >= least / 2) {
		if (!continued)
			print seen[key] ": stands again at " start
		continued = 1
	}
}
