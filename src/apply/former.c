/*
 * The form in which dnsmasq's names were kept before.  Nobody else takes away what that has left:
 * each driver knows only its own files.
 */
#include "apply/former.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "apply/hostsdir.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/settings.h"
#include "render/output.h"
#include "sys/file.h"

enum { FORMER_MAX = PATH_MAX + 64 };

#define FORMER_HOSTS	"hosts "
#define FORMER_HOSTSDIR "hostsdir "

static char *state_path(const struct settings *settings)
{
	return mem_printf("%s/dnsmasq", settings->state_dir);
}

static bool has_hostsdir(const struct settings *settings)
{
	return settings->dnsmasq.hostsdir[0] != '\0';
}

/* The line that says what the settings say. */
static char *make_line(const struct settings *settings)
{
	return has_hostsdir(settings)
		   ? mem_printf(FORMER_HOSTSDIR "%s\n", settings->dnsmasq.hostsdir)
		   : mem_printf(FORMER_HOSTS "%s\n", settings->dnsmasq.hosts);
}

/* The path behind that word in the line; NULL: it says something else. */
static char *path_in(const struct buf *line, const char *word)
{
	const char *path = buf_str(line) + strlen(word);
	size_t len;

	if (!str_has_prefix(buf_str(line), word) || path[0] != '/')
		return NULL;
	len = strcspn(path, "\n");
	return mem_dup_bytes(path, len);
}

/* "" where there is none. */
static void read_line(const struct settings *settings, struct buf *ret_line)
{
	mem_auto_free char *state = state_path(settings);

	(void)file_read(state, FORMER_MAX, ret_line, NULL);
}

bool former_is_noted(const struct settings *settings)
{
	buf_auto struct buf line = BUF_INIT;
	mem_auto_free char *now = make_line(settings);

	read_line(settings, &line);
	return strcmp(buf_str(&line), now) == 0;
}

static int remove_names(const char *dir, struct mf_err *err)
{
	const struct output_set none = {.count = 0};
	struct hostsdir_sync sync = {.changes = 0};

	if (access(dir, F_OK) == 0 && hostsdir_sync(dir, &none, &sync) != 0)
		*err = sync.err;
	return sync.err.code;
}

static int empty_hosts(const char *path, struct mf_err *err)
{
	return access(path, F_OK) != 0 ? 0 : file_replace(path, "", 0, 0644, NULL, err);
}

int former_clear(const struct settings *settings, struct mf_err *err)
{
	buf_auto struct buf line = BUF_INIT;
	mem_auto_free char *state = state_path(settings);
	mem_auto_free char *now = make_line(settings);
	mem_auto_free char *other = NULL;
	int code = 0;

	read_line(settings, &line);
	if (strcmp(buf_str(&line), now) == 0)
		return 0;
	other = path_in(&line, has_hostsdir(settings) ? FORMER_HOSTS : FORMER_HOSTSDIR);
	if (other != NULL)
		code = has_hostsdir(settings) ? empty_hosts(other, err) : remove_names(other, err);
	if (code == 0)
		code = file_make_dirs(settings->state_dir, 0755, err);
	return code != 0 ? code : file_replace(state, now, strlen(now), 0644, NULL, err);
}
