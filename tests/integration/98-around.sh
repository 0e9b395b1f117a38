#!/bin/bash
# What comes with the tools: installing and removing them leaves nothing, the completion knows their
# options, and the git hook looks at what is staged.
. "$(dirname "$0")/lib.sh"

need git make
write_settings

unset MAKEFLAGS MAKELEVEL MFLAGS
installed() { find "$T/root" ! -type d | sed "s|$T/root||" | sort; }
build=$(dirname "$MAYFLY_BIN")
make_it() { make --no-print-directory -C "$TOP" "$1" BUILD="$build" DESTDIR="$T/root" PREFIX=/usr; }
ok 'make install' make_it install
like "$(installed)" '^/usr/bin/kvwatch$' 'a tool'
like "$(installed)" '^/usr/share/man/man1/kvwatch.1$' 'its page'
like "$(installed)" '^/usr/share/mayfly/templates/haproxy.cfg.mustache$' 'a template'
like "$(installed)" '^/usr/lib/systemd/system/kvwatch.service$' 'a unit'
unlike "$(cat "$T"/root/usr/lib/systemd/system/*)" '@[A-Z]+@' 'with its places filled in'
unlike "$(cat "$T"/root/usr/share/man/man*/*)" /usr/local 'as pages have theirs'
is "$(find "$T/root/etc/mayfly" -mindepth 1 -perm 755 -printf '%f\n' | sort | paste -sd ' ')" \
	'environments instances services.d templates' 'directories for files that nobody else may put there'
if command -v systemd-analyze >"$T/out/which"; then
	for unit in "$T"/root/usr/lib/systemd/system/*.service; do
		said=$(systemd-analyze security --offline=yes --no-pager --threshold=20 "$unit" 2>&1)
		is "$?" 0 "${unit##*/} may do little: an exposure of at most 2.0"
		unlike "$said" 'ignoring|Unknown|fatal' 'and systemd understands all of it'
	done
else
	skip 'not installed: systemd-analyze'
fi
is "$("$MAYFLY_BIN/envwatch" --check "$T/root/usr/share/mayfly/examples/environments" | grep -c ok)" 2 \
	'examples to start from'
ok 'make uninstall' make_it uninstall
is "$(installed)" '' 'leaves nothing'

complete_for() { # WORD...
	PATH=$MAYFLY_BIN:$PATH bash -c '. "$1"; shift; COMP_CWORD=$(($# - 1)) COMP_WORDS=("$@")
		_mayfly "$1" "${@: -1}" "${@: -2:1}"; echo "${COMPREPLY[@]}"' \
		sh "$TOP/contrib/completions/mayfly" "$@"
}
is "$(complete_for cfgrender --dry)" --dry-run 'an option is completed'
is "$(complete_for svcregister r)" register 'and a word'
is "$(complete_for svcregister dir --val)" --validate 'and an option behind it'
is "$(complete_for kvwatch --log-format j)" json 'and a value'
is "$(complete_for svcregister register web 1 127.0.0.1:1 -- svcregi)" svcregister 'and a program to run'

mkdir -p "$T/repo/environments"
cd "$T/repo" || exit 1
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git init -q .
git config user.name tester
git config user.email tester@example.com
ln -s "$TOP/contrib/git-hooks/pre-commit" .git/hooks/pre-commit
commit() { PATH=$MAYFLY_BIN:$PATH git commit -q -m "$1"; }
cp "$TOP"/contrib/examples/environments/*.yaml environments/
git add .
ok 'good environments are committed' commit good
printf 'name: bad name\n' >environments/bad.yaml
git add .
printf 'name: good\nservices: [a]\n' >environments/bad.yaml
is "$(commit bad 2>&1 | grep -c 'environments/bad.yaml.*line 1, column 7')" 1 \
	'a bad one is refused with its place, though it is mended in the work tree'
is "$(git log --oneline | wc -l)" 1 'and nothing is committed'
git add .
ok 'the mended one is committed' commit mended

done_testing
