/* Services taken from environments.  Knows nothing of what is announced there. */
#include "register/taking.h"

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

struct taking {
	struct takings *takings;
	unsigned refs;
	char *key, *env, *service, *version;
	bool steals;
	enum taking_state state;
	char *why;
};

struct takings {
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

struct takings *takings_new(struct registry *registry, const struct settings *settings)
{
	struct takings *takings = MEM_NEW(takings);

	takings->registry = registry;
	takings->prefix = mem_printf("%s/overrides/", settings->etcd.prefix);
	takings->holder = make_holder(settings->node);
	takings->by_key = strmap_new(NULL);
	return takings;
}

void takings_free(struct takings *takings)
{
	if (takings == NULL)
		return;
	strmap_free(takings->by_key);
	free(takings->prefix);
	free(takings->holder);
	free(takings);
}

static void refuse(struct taking *taking, const char *holder, const char *version)
{
	bool was_held = taking->state == TAKING_HELD;

	if (strmap_find(taking->takings->by_key, taking->key) == taking)
		(void)strmap_del(taking->takings->by_key, taking->key);
	taking->state = TAKING_REFUSED;
	free(taking->why);
	taking->why = mem_printf("service %s of environment %s %s %s%s%s%s", taking->service,
				 taking->env, was_held ? "was taken by" : "is held by",
				 holder[0] == '\0' ? "somebody unknown" : holder,
				 version[0] == '\0' ? "" : " (version ", version,
				 version[0] == '\0' ? "" : ")");
}

static struct taking *taking_new(struct takings *takings, const struct announcement *want,
				 char *key)
{
	struct taking *taking = MEM_NEW(taking);

	taking->takings = takings;
	taking->refs = 1;
	taking->key = key;
	taking->env = mem_dup_str(want->env);
	taking->service = mem_dup_str(want->service);
	taking->version = mem_dup_str(want->version);
	taking->steals = want->steals;
	return taking;
}

static void claim(struct taking *taking, const char *id)
{
	struct takings *takings = taking->takings;
	const struct override value = {taking->env, taking->service, taking->version,
				       takings->holder, id};
	buf_auto struct buf text = BUF_INIT;

	override_format(&value, &text);
	registry_watch_claims(takings->registry, takings->prefix);
	registry_claim(takings->registry, taking->key, text.data, text.len, taking->steals);
	strmap_set(takings->by_key, taking->key, taking);
}

struct taking *takings_join(struct takings *takings, const struct announcement *want,
			    const char *id)
{
	char *key = mem_printf("%s%s/%s", takings->prefix, want->env, want->service);
	struct taking *old = strmap_find(takings->by_key, key), *taking;

	if (old != NULL && strcmp(old->version, want->version) == 0) {
		free(key);
		old->refs++;
		return old;
	}
	taking = taking_new(takings, want, key);
	if (old != NULL && !want->steals) {
		refuse(taking, "this very process", old->version);
		return taking;
	}
	if (old != NULL)
		refuse(old, "this very process", want->version);
	claim(taking, id);
	return taking;
}

void taking_leave(struct taking *taking)
{
	if (taking == NULL || --taking->refs != 0)
		return;
	if (taking->state != TAKING_REFUSED) {
		registry_del(taking->takings->registry, taking->key);
		(void)strmap_del(taking->takings->by_key, taking->key);
	}
	free(taking->key);
	free(taking->env);
	free(taking->service);
	free(taking->version);
	free(taking->why);
	free(taking);
}

bool taking_is_for(const struct taking *taking, const struct announcement *want)
{
	bool is_tried_anew = taking->state == TAKING_REFUSED && want->steals && !taking->steals;

	return want->env != NULL && !is_tried_anew && strcmp(taking->env, want->env) == 0 &&
	       strcmp(taking->service, want->service) == 0 &&
	       strcmp(taking->version, want->version) == 0;
}

enum taking_state taking_state(const struct taking *taking, const char **ret_why)
{
	*ret_why = taking->why;
	return taking->state;
}

bool takings_on_put(struct takings *takings, const char *key)
{
	struct taking *taking = strmap_find(takings->by_key, key);

	if (taking == NULL)
		return false;
	taking->state = TAKING_HELD;
	return true;
}

bool takings_on_taken(struct takings *takings, const char *key, const char *value, size_t len)
{
	struct taking *taking = strmap_find(takings->by_key, key);
	struct override *other = NULL;

	if (taking == NULL)
		return false;
	if (override_parse(taking->env, taking->service, value, len, &other, NULL) == 0)
		refuse(taking, other->holder, other->version);
	else
		refuse(taking, "", "");
	override_free(other);
	return true;
}
