/*
 * Who has logged in, in memory only: a user of etcd, with the secret of a cookie and that of each
 * request that writes.
 */
#ifndef MF_CONSOLE_SESSION_H
#define MF_CONSOLE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#define SESSION_COOKIE "mayfly_session"

struct sessions;

struct session {
	char cookie[33], csrf[33]; /* 128 bits each, in hexadecimal */
	char *user, *password;	   /* NULL: nobody, where etcd asks nobody */
};

struct sessions *sessions_new(void);
void sessions_free(struct sessions *sessions); /* NULL is fine */

/* Borrowed until the next add or end.  The one unused for longest makes way.  now: milliseconds. */
const struct session *sessions_add(struct sessions *sessions, const char *user,
				   const char *password, int64_t now);
/* Of a value of Cookie (NULL: none); NULL: nobody, or unused for eight hours. */
const struct session *sessions_find(struct sessions *sessions, const char *cookies, int64_t now);
void sessions_end(struct sessions *sessions, const struct session *session);

/* Whether a value of x-csrf-token (NULL: none) is that of the session. */
bool session_has_token(const struct session *session, const char *token);

#endif
