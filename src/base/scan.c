/* The tokens of JSON.  Knows nothing of what they make. */
#include "base/scan.h"

void scan_skip_blanks(struct scan *scan)
{
	while (scan->at < scan->end &&
	       (*scan->at == ' ' || *scan->at == '\t' || *scan->at == '\r' || *scan->at == '\n'))
		scan->at++;
}

bool scan_take(struct scan *scan, char c)
{
	scan_skip_blanks(scan);
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}
