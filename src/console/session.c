/* Sessions in a small array, found by the secret of their cookie. */
#include "console/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

#define MAX_SESSIONS ((size_t)64)
#define IDLE_MS	     (INT64_C(8) * 3600 * 1000)

struct slot {
	struct session session; /* cookie "": free */
	int64_t used;
};

struct sessions {
	struct slot slots[MAX_SESSIONS];
};

/* Without a secret nobody may be let in. */
static void make_secret(char secret[33])
{
	unsigned char bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		abort();
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(secret + 2 * i, 3, "%02x", bytes[i]);
}

/* In a time that says nothing of where they differ. */
static bool is_secret(const char *secret, const char *text, size_t len)
{
	unsigned char differs = 0;

	if (len != 32)
		return false;
	for (size_t i = 0; i < len; i++)
		differs |= (unsigned char)(secret[i] ^ text[i]);
	return differs == 0;
}

static void forget(struct slot *slot)
{
	if (slot->session.password != NULL)
		explicit_bzero(slot->session.password, strlen(slot->session.password));
	free(slot->session.user);
	free(slot->session.password);
	*slot = (struct slot){.used = 0};
}

struct sessions *sessions_new(void)
{
	struct sessions *sessions = MEM_NEW(sessions);

	return sessions;
}

void sessions_free(struct sessions *sessions)
{
	for (size_t i = 0; sessions != NULL && i < MAX_SESSIONS; i++)
		forget(&sessions->slots[i]);
	free(sessions);
}

const struct session *sessions_add(struct sessions *sessions, const char *user,
				   const char *password, int64_t now)
{
	struct slot *slot = &sessions->slots[0];

	for (size_t i = 0; i < MAX_SESSIONS && slot->session.cookie[0] != '\0'; i++)
		if (sessions->slots[i].session.cookie[0] == '\0' ||
		    sessions->slots[i].used < slot->used)
			slot = &sessions->slots[i];
	forget(slot);
	make_secret(slot->session.cookie);
	make_secret(slot->session.csrf);
	slot->session.user = mem_dup_str(user);
	slot->session.password = mem_dup_str(password);
	slot->used = now;
	return &slot->session;
}

static struct slot *find(struct sessions *sessions, const char *secret, size_t len)
{
	for (size_t i = 0; i < MAX_SESSIONS; i++)
		if (sessions->slots[i].session.cookie[0] != '\0' &&
		    is_secret(sessions->slots[i].session.cookie, secret, len))
			return &sessions->slots[i];
	return NULL;
}

const struct session *sessions_find(struct sessions *sessions, const char *cookies, int64_t now)
{
	static const char name[] = SESSION_COOKIE "=";

	for (const char *at = cookies; at != NULL && *at != '\0';) {
		size_t len = strcspn(at, "; ");
		struct slot *slot = strncmp(at, name, strlen(name)) != 0
					? NULL
					: find(sessions, at + strlen(name), len - strlen(name));

		if (slot != NULL && now - slot->used > IDLE_MS)
			forget(slot);
		else if (slot != NULL) {
			slot->used = now;
			return &slot->session;
		}
		at += len;
		at += strspn(at, "; ");
	}
	return NULL;
}

void sessions_end(struct sessions *sessions, const struct session *session)
{
	struct slot *slot = find(sessions, session->cookie, strlen(session->cookie));

	if (slot != NULL)
		forget(slot);
}

bool session_has_token(const struct session *session, const char *token)
{
	return token != NULL && is_secret(session->csrf, token, strlen(token));
}
