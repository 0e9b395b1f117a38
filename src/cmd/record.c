/* The record of the last good apply.  Decides nothing. */
#include "cmd/record.h"

#include <stdbool.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/settings.h"
#include "sys/file.h"

int record_applied(const struct settings *settings, int64_t revision, struct mf_err *err)
{
	static int64_t last = -1;
	mem_auto_free char *path = mem_printf("%s/applied.json", settings->state_dir);
	buf_auto struct buf text = BUF_INIT;
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	bool changed;
	int code;

	if (revision == last)
		return 0;
	(void)gmtime_r(&now, &tm);
	(void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	buf_printf(&text, "{\"revision\": %lld, \"time\": \"%s\"}\n", (long long)revision, stamp);
	code = file_make_dirs(settings->state_dir, 0755, err);
	if (code == 0)
		code = file_replace(path, text.data, text.len, 0644, &changed, err);
	if (code == 0)
		last = revision;
	return code;
}
