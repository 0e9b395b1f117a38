/* Lists of users, read again when something in their folder changes. */
#include "cmd/users_follow.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "model/settings.h"
#include "model/users.h"
#include "store/users_dir.h"
#include "sys/dirwatch.h"

struct users_follow {
	struct settings *settings;
	void (*on_change)(void *ctx);
	void *ctx;
	struct dirwatch *watch;
};

static void on_event(void *ctx, bool replaced)
{
	struct users_follow *follow = ctx;
	struct user_lists *lists = &follow->settings->user_lists, now;

	(void)replaced;
	users_dir_load(follow->settings->users, &now);
	if (users_are_equal(lists, &now)) {
		users_fini(&now);
		return;
	}
	users_fini(lists);
	*lists = now;
	log_info("users read again", LOG_INT("lists", now.count));
	follow->on_change(follow->ctx);
}

struct users_follow *users_follow_new(struct loop *loop, struct settings *settings,
				      void (*on_change)(void *ctx), void *ctx)
{
	struct users_follow *follow;
	struct mf_err err;

	if (settings->users[0] == '\0')
		return NULL;
	follow = MEM_NEW(follow);
	*follow = (struct users_follow){settings, on_change, ctx, NULL};
	if (dirwatch_start(loop, settings->users, on_event, follow, &follow->watch, &err) != 0)
		log_warn("users: the folder is not followed", LOG_STR("error", err.msg));
	return follow;
}

void users_follow_free(struct users_follow *follow)
{
	if (follow == NULL)
		return;
	dirwatch_stop(follow->watch);
	free(follow);
}
