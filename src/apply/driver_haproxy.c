/*
 * The driver of HAProxy: asks its worker what it runs, tries the addresses that it will want, hands
 * over to the next worker which servers are dead, and reloads it.  What the runtime API does is
 * live.c's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/binds.h"
#include "apply/group_internal.h"
#include "apply/haproxy.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "sys/file.h"

enum {
	RELOAD_MS = 15 * 1000,
	RELOAD_GAP_MS = 250,	  /* from one start of a reload to the next ... */
	RELOAD_GAP_MAX_MS = 4000, /* ... in a storm */
	CONFIG_MAX = 1 << 30,
};

static bool owns(const struct settings *settings, struct output_id id)
{
	(void)settings;
	return id.group == OUTPUT_HAPROXY;
}

static const char *path(const struct settings *settings, size_t i)
{
	(void)i;
	return settings->haproxy.config;
}

static char **check(const struct settings *settings, size_t i)
{
	(void)i;
	return settings->haproxy.check == NULL || settings->haproxy.check[0] == NULL
		   ? NULL
		   : settings->haproxy.check;
}

static int64_t check_ms(const struct settings *settings)
{
	return settings->haproxy.check_timeout;
}

static bool can_reload(const struct settings *settings, size_t i)
{
	(void)settings;
	(void)i;
	return true;
}

static void cancel(void *job)
{
	haproxy_cancel(job);
}

/* --- the file of dead servers ---------------------------------------------------------------- */

/*
 * It is only for the reload that follows, and a HAProxy that finds it cut off checks those servers
 * first; so it is not synced, for which the loop would have to wait.
 */
static void write_dead(const struct settings *settings, const char *bytes, size_t len)
{
	mem_auto_free char *name = output_server_state_path(settings);
	mem_auto_close int fd =
	    open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);

	if (fd < 0)
		return;
	(void)fchmod(fd, 0644);
	(void)file_write_all(fd, bytes, len);
}

static void forget_dead(const struct settings *settings)
{
	write_dead(settings, HAPROXY_NO_DEAD, strlen(HAPROXY_NO_DEAD));
}

static bool has_dead(const struct settings *settings)
{
	mem_auto_free char *name = output_server_state_path(settings);

	return access(name, F_OK) == 0;
}

/* One that an earlier life has left full. */
static void open_haproxy(struct group *group)
{
	if (has_dead(group->settings))
		forget_dead(group->settings);
}

/* Without it the new worker finds out for itself: no reason to fail. */
static void on_dead(void *ctx, const struct buf *state, const struct mf_err *err)
{
	struct group *group = ctx;

	group->job = NULL;
	if (err == NULL)
		write_dead(group->settings, buf_str(state), state->len);
	group_next(group);
}

static void keep_dead(struct group *group)
{
	if (group->written.keeps_dead && group->observed_err.code == 0)
		group->job = haproxy_read_dead(group->loop, group->settings->haproxy.admin_socket,
					       on_dead, group);
	else
		group_next(group);
}

/* --- what it runs, and what it will want ----------------------------------------------------- */

static void on_observed(void *ctx, const struct haproxy_info *info, const struct mf_err *err)
{
	struct group *group = ctx;

	group->job = NULL;
	if (err != NULL) {
		group->observed_err = *err;
	} else {
		(void)snprintf(group->running, sizeof(group->running), "%s", info->description);
		group->running_pid = info->pid;
		group->events->on_observed(group->ctx, info);
	}
	group_next(group);
}

static void observe(struct group *group)
{
	group->job = haproxy_read_info(group->loop, group->settings->haproxy.admin_socket,
				       on_observed, group);
}

/*
 * HAProxy warns when the file of dead servers is not there.  What runs is taken to listen where
 * the file in place says, which it was loaded from.
 */
static int inspect(void *ctx, const struct output_set *set, struct mf_err *err)
{
	const struct group *group = ctx;
	buf_auto struct buf old = BUF_INIT;

	if (set->keeps_dead && !has_dead(group->settings))
		forget_dead(group->settings);
	if (!binds_same_network(group->running_pid) ||
	    file_read(group->settings->haproxy.config, CONFIG_MAX, &old, NULL) != 0)
		return 0;
	return binds_try(buf_str(&old), buf_str(&set->outputs[set->count - 1].bytes), err);
}

/*
 * A configuration of before Mayfly is somebody's work: it is kept, once, and that is said.  Ours
 * tells by its description.
 */
static int preserve(void *ctx, struct mf_err *err)
{
	const char *config = ((const struct group *)ctx)->settings->haproxy.config;
	mem_auto_free char *kept = mem_printf("%s.before-mayfly", config);
	buf_auto struct buf old = BUF_INIT;
	struct stat st;

	if (access(kept, F_OK) == 0 || stat(config, &st) != 0 ||
	    file_read(config, CONFIG_MAX, &old, NULL) != 0 || old.len == 0 ||
	    strstr(buf_str(&old), "description mayfly-") != NULL)
		return 0;
	if (file_replace(kept, old.data, old.len, st.st_mode & 0777, NULL, err) != 0)
		return mf_err_wrap(err, "the configuration of before Mayfly is not kept");
	log_info("the configuration of before Mayfly is kept", LOG_STR("file", kept));
	return 0;
}

static bool needs_reload(const struct group *group)
{
	char desired[GROUP_DESCRIPTION_SIZE];

	group_format_description(group, desired);
	return strcmp(group->running, desired) != 0 || group->demand != NULL;
}

/* --- reload ---------------------------------------------------------------------------------- */

/* Why it was needed: what is written is new, or HAProxy is. */
static const char *reason_of(const struct group *group)
{
	if (group->demand != NULL)
		return group->demand;
	return strcmp(group->running, group->matched) == 0
		   ? "what has changed needs another configuration"
		   : "it ran another configuration";
}

static void on_reloaded(void *ctx, const struct haproxy_info *info, const struct mf_err *err)
{
	struct group *group = ctx;

	group->job = NULL;
	group->now.refused = err != NULL && err->code == MF_EDATA;
	if (group->written.keeps_dead)
		forget_dead(group->settings);
	if (err == NULL) {
		group->reason = mem_dup_str(reason_of(group));
		memcpy(group->proven, group->written.structure, sizeof(group->proven));
		group->events->on_observed(group->ctx, info);
		group_end_reload(group);
		return;
	}
	if (err->code == MF_EUNAVAIL && group->observed_err.code == MF_EUNAVAIL)
		group_end_pending(group, err);
	else if (err->code == MF_EDATA || err->code == MF_ETIMEOUT)
		group_fail_and_put_back(group, err);
	else
		group_fail(group, err);
}

static void reload(struct group *group)
{
	char desired[GROUP_DESCRIPTION_SIZE];

	/* Reloading at every try, without ever seeing what comes of it, would help nobody. */
	if (!group->is_installed && group->observed_err.code != 0 &&
	    group->observed_err.code != MF_EUNAVAIL) {
		group_fail(group, &group->observed_err);
		return;
	}
	group_format_description(group, desired);
	group->job = haproxy_reload(group->loop, group->settings->haproxy.master_socket,
				    group->settings->haproxy.admin_socket, desired, RELOAD_MS,
				    on_reloaded, group);
}

const struct driver haproxy_driver = {
    .owns = owns,
    .path = path,
    .check = check,
    .check_ms = check_ms,
    .can_reload = can_reload,
    .open = open_haproxy,
    .observe = observe,
    .preserve = preserve,
    .inspect = inspect,
    .needs_reload = needs_reload,
    .keep = keep_dead,
    .reload = reload,
    .cancel = cancel,
    .is_live = true,
    .reload_gap_ms = RELOAD_GAP_MS,
    .reload_gap_max_ms = RELOAD_GAP_MAX_MS,
};
