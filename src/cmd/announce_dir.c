/* A directory announced: problems to the log, and SIGHUP.  What is announced its files say. */
#include "cmd/announce_dir.h"

#include <signal.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/problems.h"
#include "base/str.h"
#include "cmd/announce.h"
#include "cmd/cli.h"
#include "register/service_dir.h"
#include "sys/limit.h"
#include "sys/loop.h"

#define DEFAULT_TTL_MS 10000

struct announce_dir {
	struct service_dir *services;
};

static void on_problem(void *ctx, const char *object, const char *reason)
{
	(void)ctx;
	if (!str_has_prefix(object, "service "))
		problems_log(NULL, object, reason);
	else if (reason != NULL)
		log_warn("not as it is written", LOG_STR("name", object),
			 LOG_STR("reason", reason));
	else
		log_info("as it is written again", LOG_STR("name", object));
}

static void on_hangup(void *ctx, int signo)
{
	struct announce_dir *dir = ctx;

	(void)signo;
	log_info("looking through the directory again");
	service_dir_rescan(dir->services);
}

static int64_t find_ttl(const struct announce_dir *dir, const struct announce_dir_options *options)
{
	int64_t wanted = service_dir_ttl(dir->services);

	if (options->ttl_ms != 0)
		return options->ttl_ms;
	return wanted != 0 ? wanted : DEFAULT_TTL_MS;
}

static int start(struct announce_dir *dir, struct loop *loop, struct etcd *etcd,
		 const struct settings *settings, const struct announce_dir_options *options,
		 struct announce **ret_announce, struct mf_err *err)
{
	int64_t ttl_ms = find_ttl(dir, options);

	if (announce_start(loop, etcd, settings, ttl_ms, ret_announce, err) != 0 ||
	    loop_add_signal(loop, SIGHUP, on_hangup, dir, err) != 0)
		return err->code;
	log_info("following", LOG_STR("directory", options->path),
		 LOG_INT("files", service_dir_file_count(dir->services)),
		 LOG_INT("services", service_dir_count(dir->services)), LOG_INT("ttl_ms", ttl_ms));
	service_dir_announce(dir->services, announce_announcer(*ret_announce), ttl_ms);
	return 0;
}

int announce_dir_start(struct loop *loop, struct etcd *etcd, const struct settings *settings,
		       const struct announce_dir_options *options, struct announce **ret_announce,
		       struct announce_dir **ret_dir, struct mf_err *err)
{
	struct announce_dir *dir = MEM_NEW(dir);
	int code;

	limit_raise_files(); /* each check that waits for its answer has one open */
	code = service_dir_open(loop, options->path, options->allow_empty, on_problem, dir,
				&dir->services, err);
	if (code == 0)
		code = start(dir, loop, etcd, settings, options, ret_announce, err);
	if (code == 0)
		*ret_dir = dir;
	else
		announce_dir_free(dir);
	return code;
}

void announce_dir_free(struct announce_dir *dir)
{
	if (dir == NULL)
		return;
	service_dir_close(dir->services);
	free(dir);
}
