/* Our environment with changes; the process's own is never changed. */
#include "sys/environment.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* names: "NAME", or "NAME=whatever". */
static bool is_among(const char *const *names, const char *variable)
{
	for (; names != NULL && *names != NULL; names++) {
		size_t len = strcspn(*names, "=");

		if (strncmp(*names, variable, len) == 0 && variable[len] == '=')
			return true;
	}
	return false;
}

static size_t count_of(const char *const *list)
{
	size_t n = 0;

	while (list != NULL && list[n] != NULL)
		n++;
	return n;
}

/* Who may write to etcd: no program that we start does so in our name. */
static const char *const secrets[] = {"ETCDCTL_USER", "ETCDCTL_PASSWORD", NULL};

const char **environment_make(const char *const *set, const char *const *unset)
{
	const char *const *ours = (const char *const *)environ;
	size_t n = 0, more = count_of(set);
	const char **list = mem_alloc((count_of(ours) + more + 1) * sizeof(*list));

	for (; ours != NULL && *ours != NULL; ours++)
		if (!is_among(secrets, *ours) && !is_among(unset, *ours) && !is_among(set, *ours))
			list[n++] = *ours;
	for (size_t i = 0; i < more; i++)
		list[n++] = set[i];
	return list;
}
