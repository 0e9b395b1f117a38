/* Services taken from environments.  Knows nothing of what is announced there. */
#include "register/takeover.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/override.h"
#include "model/settings.h"
#include "register/announcer.h"
#include "store/registry.h"

struct takeover {
	struct takeovers *takeovers;
	unsigned refs;
	char *key, *env, *service, *version;
	bool steals;
	enum takeover_state state;
	char *why;
};

struct takeovers {
	struct registry *registry;
	char *prefix;	       /* "/mayfly/overrides/" */
	char *holder;	       /* "anna@laptop" */
	struct strmap *by_key; /* those that are not refused */
};

static char *make_holder(const char *node)
{
	const struct passwd *user = getpwuid(getuid());
	char *holder = user != NULL ? mem_printf("%.63s@%.128s", user->pw_name, node)
				    : mem_printf("%lu@%.128s", (unsigned long)getuid(), node);

	for (unsigned char *p = (unsigned char *)holder; *p != '\0'; p++)
		if (*p <= ' ' || *p >= 0x7f)
			*p = '-';
	return holder;
}

struct takeovers *takeovers_new(struct registry *registry, const struct settings *settings)
{
	struct takeovers *takeovers = MEM_NEW(takeovers);

	takeovers->registry = registry;
	takeovers->prefix = mem_printf("%s/overrides/", settings->etcd.prefix);
	takeovers->holder = make_holder(settings->node);
	takeovers->by_key = strmap_new(NULL);
	return takeovers;
}

void takeovers_free(struct takeovers *takeovers)
{
	if (takeovers == NULL)
		return;
	strmap_free(takeovers->by_key);
	free(takeovers->prefix);
	free(takeovers->holder);
	free(takeovers);
}

static void refuse(struct takeover *takeover, const char *holder, const char *version)
{
	bool was_held = takeover->state == TAKEOVER_OWNED;

	if (strmap_find(takeover->takeovers->by_key, takeover->key) == takeover)
		(void)strmap_del(takeover->takeovers->by_key, takeover->key);
	takeover->state = TAKEOVER_REFUSED;
	free(takeover->why);
	takeover->why = mem_printf("service %s of environment %s %s %s%s%s%s", takeover->service,
				   takeover->env, was_held ? "was taken by" : "is held by",
				   holder[0] == '\0' ? "somebody unknown" : holder,
				   version[0] == '\0' ? "" : " (version ", version,
				   version[0] == '\0' ? "" : ")");
}

static struct takeover *takeover_new(struct takeovers *takeovers, const struct announcement *want,
				     char *key)
{
	struct takeover *takeover = MEM_NEW(takeover);

	takeover->takeovers = takeovers;
	takeover->refs = 1;
	takeover->key = key;
	takeover->env = mem_dup_str(want->env);
	takeover->service = mem_dup_str(want->service);
	takeover->version = mem_dup_str(want->version);
	takeover->steals = want->steals;
	return takeover;
}

static void claim(struct takeover *takeover, const char *id)
{
	struct takeovers *takeovers = takeover->takeovers;
	const struct override value = {.env = takeover->env,
				       .service = takeover->service,
				       .version = takeover->version,
				       .holder = takeovers->holder,
				       .instance = id};
	buf_auto struct buf text = BUF_INIT;

	override_format(&value, &text);
	registry_watch_claims(takeovers->registry, takeovers->prefix);
	registry_claim(takeovers->registry, takeover->key, text.data, text.len, takeover->steals);
	strmap_set(takeovers->by_key, takeover->key, takeover);
}

struct takeover *takeovers_join(struct takeovers *takeovers, const struct announcement *want,
				const char *id)
{
	char *key = mem_printf("%s%s/%s", takeovers->prefix, want->env, want->service);
	struct takeover *old = strmap_find(takeovers->by_key, key), *takeover;

	if (old != NULL && strcmp(old->version, want->version) == 0) {
		free(key);
		old->refs++;
		return old;
	}
	takeover = takeover_new(takeovers, want, key);
	if (old != NULL && !want->steals) {
		refuse(takeover, "this very process", old->version);
		return takeover;
	}
	if (old != NULL)
		refuse(old, "this very process", want->version);
	claim(takeover, id);
	return takeover;
}

void takeover_leave(struct takeover *takeover)
{
	if (takeover == NULL || --takeover->refs != 0)
		return;
	if (takeover->state != TAKEOVER_REFUSED) {
		registry_del(takeover->takeovers->registry, takeover->key);
		(void)strmap_del(takeover->takeovers->by_key, takeover->key);
	}
	free(takeover->key);
	free(takeover->env);
	free(takeover->service);
	free(takeover->version);
	free(takeover->why);
	free(takeover);
}

bool takeover_is_for(const struct takeover *takeover, const struct announcement *want)
{
	bool is_tried_anew =
	    takeover->state == TAKEOVER_REFUSED && want->steals && !takeover->steals;

	return want->env != NULL && !is_tried_anew && strcmp(takeover->env, want->env) == 0 &&
	       strcmp(takeover->service, want->service) == 0 &&
	       strcmp(takeover->version, want->version) == 0;
}

enum takeover_state takeover_state(const struct takeover *takeover, const char **ret_why)
{
	*ret_why = takeover->why;
	return takeover->state;
}

bool takeovers_on_put(struct takeovers *takeovers, const char *key)
{
	struct takeover *takeover = strmap_find(takeovers->by_key, key);

	if (takeover == NULL)
		return false;
	takeover->state = TAKEOVER_OWNED;
	return true;
}

bool takeovers_on_taken(struct takeovers *takeovers, const char *key, const char *value, size_t len)
{
	struct takeover *takeover = strmap_find(takeovers->by_key, key);
	struct override *other = NULL;

	if (takeover == NULL)
		return false;
	if (override_parse(takeover->env, takeover->service, value, len, &other, NULL) == 0)
		refuse(takeover, other->holder, other->version);
	else
		refuse(takeover, "", "");
	override_unref(other);
	return true;
}
