/*
 * What this host has of users, groups and directories decides; who runs the tool does not.
 */
#include "cmd/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "model/settings.h"
#include "sys/file.h"

static bool is_roots(const char *dir)
{
	struct stat st;

	return stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == 0;
}

static void preset(char **field, const char *value, bool is_there)
{
	if (*field == NULL)
		settings_set_str(field, is_there ? value : "");
}

void privileges_preset(struct settings *settings)
{
	mem_auto_free char *dir = file_parent(settings->haproxy.config);
	bool is_root = is_roots(dir), drops;

	preset(&settings->haproxy.socket_group, "mayfly", is_root && getgrnam("mayfly") != NULL);
	preset(&settings->haproxy.user, "haproxy", is_root && getpwnam("haproxy") != NULL);
	drops = is_root && settings->haproxy.user[0] != '\0';
	preset(&settings->haproxy.group, "haproxy", drops && getgrnam("haproxy") != NULL);
	preset(&settings->haproxy.chroot, "/var/lib/haproxy",
	       drops && is_roots("/var/lib/haproxy"));
}
