/*
 * The lists of users of the settings, while their folder is followed.
 */
#ifndef MF_CMD_USERS_FOLLOW_H
#define MF_CMD_USERS_FOLLOW_H

struct loop;
struct settings;
struct users_follow;

/*
 * The settings are borrowed; their lists are exchanged when they have changed, and on_change is
 * called then.  NULL: the settings name no folder.  Where it cannot be followed, that is said, and
 * SIGHUP reads it.
 */
struct users_follow *users_follow_new(struct loop *loop, struct settings *settings,
				      void (*on_change)(void *ctx), void *ctx);
void users_follow_free(struct users_follow *follow); /* NULL is fine */

#endif
