/*
 * The policy: its format, and what it says of single objects.  Knows nothing of which objects there
 * are.
 */
#include "model/policy.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/address_list.h"
#include "model/backend.h"
#include "model/env.h"
#include "model/fields.h"
#include "model/host.h"
#include "model/override.h"

#define LIST_MAX  256
#define RULES_MAX 256
#define BOUND_MAX 1000000

struct env_rule { /* lists have NULL at the end; NULL: nothing is said */
	char **owners, **sources;
	char **names, **parents, **hosts, **services, **versions;
	bool is_named_after_file;
	unsigned max_environments; /* 0: nothing is said */
	int64_t max_expires;	   /* ms; the same */
	unsigned line;
};

struct service_rule {
	char **names, **versions, **networks;
	struct address_list *addresses; /* networks, as they are asked; NULL: nothing is said */
	unsigned max_versions, max_instances; /* 0: nothing is said */
	unsigned line;
};

struct protection {
	char **environments, **owners, **services;
	unsigned line;
};

struct policy {
	char *name;
	struct env_rule *env_rules;
	size_t env_rule_count;
	struct service_rule *service_rules;
	size_t service_rule_count;
	struct protection protected;
};

/* --- the format ------------------------------------------------------------------------------ */

#define ITEM(name)                                                                                 \
	(&(const struct field){.kind = FIELD_TEXT,                                                 \
			       .flags = FIELD_OWN | FIELD_MAY_EMPTY,                               \
			       .type = &value_##name,                                              \
			       .size = sizeof(char *)})
#define PATTERNS(type, key, member, ...)                                                           \
	{                                                                                          \
		key, FIELD_LIST, FIELD_AT(struct type, member), .item = ITEM(text),                \
								.max = LIST_MAX, __VA_ARGS__       \
	}
#define MOST(type, key, member, ...)                                                               \
	{                                                                                          \
		key, FIELD_INT, FIELD_AT(struct type, member), .min = 1, .max = BOUND_MAX,         \
							       __VA_ARGS__                         \
	}

/* clang-format off */
static const struct field env_rows[] = {
    PATTERNS(env_rule, "owners", owners,
	 .doc = "Whose environments the rule is for, as patterns of the shell: `team-a-*`. Not "
		"given: everybody's. The owner of one that was put by hand is empty."),
    PATTERNS(env_rule, "sources", sources,
	 .doc = "The files that it is for: patterns of what `envwatch` says of where an "
		"environment comes from, a path mostly. Not given: all."),
    PATTERNS(env_rule, "names", names,
	 .doc = "What an environment may be named. Its header must fit as well, and its prefix, "
		"with or without `www-` before it."),
    {"named_after_file", FIELD_BOOL, 0, FIELD_AT(struct env_rule, is_named_after_file),
     .doc = "Its name must be that of its file without `.yaml` or `.yml`, or begin with it and a "
	    "`-`."},
    PATTERNS(env_rule, "extends", parents, .doc = "The environments that it may extend."),
    PATTERNS(env_rule, "hosts", hosts, .doc = "The host names that it may have."),
    PATTERNS(env_rule, "services", services, .doc = "The services that it may name."),
    PATTERNS(env_rule, "versions", versions, .doc = "The versions that it may name."),
    MOST(env_rule, "max_environments", max_environments,
	 .doc = "How many environments one owner may have, of those that the rule is for. Those "
		"stay that were created first. Not given: any number."),
    {"max_expires", FIELD_DURATION, 0, FIELD_AT(struct env_rule, max_expires), .min = 1000,
     .max = INT64_C(366) * 86400000,
     .doc = "The longest `expires` that it may have: it must say a duration, and none above this. A "
	    "date is none. Not given: it may live for ever."},
};
static const struct field service_rows[] = {
    PATTERNS(service_rule, "names", names,
	 .doc = "The services that the rule is for, as patterns. Not given: all."),
    PATTERNS(service_rule, "versions", versions,
	 .doc = "The versions that instances may have."),
    {"networks", FIELD_LIST, FIELD_AT(struct service_rule, networks), .item = ITEM(addresses),
     .max = LIST_MAX,
     .doc = "Where instances may be: networks, addresses and hosts' names, each with a port or "
	    "for all of them: `10.0.0.0/8`, `10.0.0.5:80`, `[fd00::/8]:80`."},
    MOST(service_rule, "max_versions", max_versions,
	 .doc = "How many versions with instances each of the services may have. Those stay whose "
		"first instance was created first. Not given: any number."),
    MOST(service_rule, "max_instances", max_instances,
	 .doc = "How many instances each version may have. Those stay that were created first. Not "
		"given: any number."),
};
static const struct field protected_rows[] = {
    PATTERNS(protection, "environments", environments,
	 .doc = "Environments that only `owners` may have, whose names no other has as `header` or "
		"`prefix`, and in which nobody's version takes the place of theirs."),
    PATTERNS(protection, "owners", owners, .doc = "Who may have those."),
    PATTERNS(protection, "services", services,
	 .doc = "Services of which nobody's version takes the place of an environment's."),
};
/* clang-format on */

static int note_env_line(const struct node *node, void *object, struct mf_err *err)
{
	(void)err;
	((struct env_rule *)object)->line = node->line;
	return 0;
}

static int note_service_line(const struct node *node, void *object, struct mf_err *err)
{
	(void)err;
	((struct service_rule *)object)->line = node->line;
	return 0;
}

static int note_protected_line(const struct node *node, void *object, struct mf_err *err)
{
	(void)err;
	((struct protection *)object)->line = node->line;
	return 0;
}

static const struct fields env_fields = {FIELDS_ROWS(env_rows), .section = "environments",
					 .finish = note_env_line};
static const struct fields service_fields = {FIELDS_ROWS(service_rows), .section = "services",
					     .finish = note_service_line};
static const struct fields protected_fields = {FIELDS_ROWS(protected_rows), .section = "protected",
					       .finish = note_protected_line};
static const struct field env_item = {
    .kind = FIELD_OBJECT, .fields = &env_fields, .size = sizeof(struct env_rule)};
static const struct field service_item = {
    .kind = FIELD_OBJECT, .fields = &service_fields, .size = sizeof(struct service_rule)};

static const struct field rows[] = {
    {"environments", FIELD_LIST, FIELD_AT(struct policy, env_rules),
     FIELD_COUNT(struct policy, env_rule_count), .item = &env_item, .max = RULES_MAX,
     .doc = "Rules for environments: a list of maps of these keys."},
    {"services", FIELD_LIST, FIELD_AT(struct policy, service_rules),
     FIELD_COUNT(struct policy, service_rule_count), .item = &service_item, .max = RULES_MAX,
     .doc = "Rules for the instances and fixed addresses of services: a list of maps of these "
	    "keys."},
    {"protected", FIELD_OBJECT, FIELD_AT(struct policy, protected), .fields = &protected_fields,
     .doc = "What nobody else may touch."},
};
const struct fields fields_of_policy = {FIELDS_ROWS(rows)};

static void prepare(struct service_rule *rule)
{
	if (rule->networks == NULL)
		return;
	rule->addresses = address_list_new();
	for (char *const *p = rule->networks; *p != NULL; p++)
		address_list_add_item(rule->addresses, *p, *p);
}

int policy_parse(const char *name, const char *text, size_t len, struct policy **ret_policy,
		 struct mf_err *err)
{
	struct policy *policy = MEM_NEW(policy);
	struct node *root = NULL;
	int code = node_parse_yaml(text, len, &root, err);

	policy->name = mem_dup_str(name);
	if (code == 0)
		code = fields_read(&fields_of_policy, root, policy, false, err);
	node_free(root);
	if (code != 0) {
		policy_free(policy);
		if (err != NULL)
			err->code = MF_ECONFIG;
		return mf_err_wrap(err, "%s", name);
	}
	for (size_t i = 0; i < policy->service_rule_count; i++)
		prepare(&policy->service_rules[i]);
	*ret_policy = policy;
	return 0;
}

void policy_free(struct policy *policy)
{
	if (policy == NULL)
		return;
	for (size_t i = 0; i < policy->service_rule_count; i++)
		address_list_free(policy->service_rules[i].addresses);
	fields_fini(&fields_of_policy, policy);
	free(policy->name);
	free(policy);
}

/* --- patterns -------------------------------------------------------------------------------- */

/* A list that is not given fits everything. */
static bool fits(char *const *patterns, const char *s)
{
	if (patterns == NULL)
		return true;
	while (*patterns != NULL && fnmatch(*patterns, s, 0) != 0)
		patterns++;
	return *patterns != NULL;
}

/* Whether a pattern allows a host, and of a wildcard all of its hosts: then it begins like that. */
static bool fits_host(char *const *patterns, const char *host)
{
	if (patterns == NULL || !host_is_wildcard(host))
		return fits(patterns, host);
	while (*patterns != NULL && ((*patterns)[0] != '*' || fnmatch(*patterns, host + 1, 0) != 0))
		patterns++;
	return *patterns != NULL;
}

static bool is_named(char *const *patterns, const char *s)
{
	return patterns != NULL && fits(patterns, s);
}

/* What is left of a prefix is an environment's name as well. */
static const char *without_www(const char *prefix)
{
	static const char www[] = "www-";

	return str_has_prefix(prefix, www) ? prefix + strlen(www) : prefix;
}

/* By its name, or by what would be taken for it: a visitor's host name, a service's x-mayfly. */
static bool is_protected(const struct protection *protected, const struct env *env)
{
	char *const *names = protected->environments;

	return is_named(names, env->name) || is_named(names, env->header) ||
	       is_named(names, env->prefix) || is_named(names, without_www(env->prefix));
}

static int refuse(const struct policy *policy, unsigned line, char *const *patterns,
		  const char *what, const char *value, struct mf_err *err)
{
	buf_auto struct buf list = BUF_INIT;

	for (char *const *p = patterns; p != NULL && *p != NULL && list.len < 256; p++)
		buf_printf(&list, "%s%s", list.len == 0 ? "" : ", ", *p);
	if (list.len == 0)
		buf_add_str(&list, "none");
	return mf_err_set(err, MF_EPERM, "%s %s: allowed: %s (%s, line %u)", what,
			  value[0] == '\0' ? "\"\"" : value, list.data, policy->name, line);
}

/* --- environments ---------------------------------------------------------------------------- */

static const struct env_rule *find_env_rule(const struct policy *policy, const char *owner,
					    const char *source)
{
	for (size_t i = 0; policy != NULL && i < policy->env_rule_count; i++)
		if (fits(policy->env_rules[i].owners, owner) &&
		    fits(policy->env_rules[i].sources, source))
			return &policy->env_rules[i];
	return NULL;
}

static bool is_named_after(const char *name, const char *source)
{
	const char *slash = strrchr(source, '/'), *file = slash == NULL ? source : slash + 1;
	size_t len = strlen(file);

	if (str_has_suffix(file, ".yaml"))
		len -= strlen(".yaml");
	else if (str_has_suffix(file, ".yml"))
		len -= strlen(".yml");
	return len != 0 && strncmp(name, file, len) == 0 && (name[len] == '\0' || name[len] == '-');
}

static int judge_names(const struct policy *policy, const struct env_rule *rule,
		       const struct env *env, const char *source, struct mf_err *err)
{
	const char *prefix = env->prefix;

	if (!fits(rule->names, env->name))
		return refuse(policy, rule->line, rule->names, "name", env->name, err);
	if (!fits(rule->names, env->header))
		return refuse(policy, rule->line, rule->names, "header", env->header, err);
	if (!fits(rule->names, prefix) && !fits(rule->names, without_www(prefix)))
		return refuse(policy, rule->line, rule->names, "prefix", prefix, err);
	if (rule->is_named_after_file && !is_named_after(env->name, source))
		return mf_err_set(err, MF_EPERM,
				  "name %s: not named after its file%s%s (%s, line %u)", env->name,
				  source[0] == '\0' ? "" : " ", source, policy->name, rule->line);
	return 0;
}

static int judge_list(const struct policy *policy, unsigned line, char *const *patterns,
		      const char *what, const char **list, size_t count,
		      bool (*is_allowed)(char *const *patterns, const char *s), struct mf_err *err)
{
	for (size_t i = 0; i < count; i++)
		if (!is_allowed(patterns, list[i]))
			return refuse(policy, line, patterns, what, list[i], err);
	return 0;
}

/* A date would be within it on one day, and not on another. */
static int judge_expires(const struct policy *policy, const struct env_rule *rule,
			 const struct env *env, struct mf_err *err)
{
	buf_auto struct buf most = BUF_INIT;
	int64_t ms;

	if (rule->max_expires == 0 ||
	    (env->expires != NULL && str_parse_duration(env->expires, &ms) &&
	     ms <= rule->max_expires))
		return 0;
	field_add_duration(&most, rule->max_expires);
	return mf_err_set(err, MF_EPERM,
			  "expires%s%s: allowed: a duration of at most %s (%s, line %u)",
			  env->expires == NULL ? "" : " ", env->expires == NULL ? "" : env->expires,
			  buf_str(&most), policy->name, rule->line);
}

/* Of those that it says itself; NULL: all may be. */
static const char *find_unfit(const struct env_rule *rule, const struct env_service *service)
{
	const char *version;
	size_t i = 0;

	while ((version = env_service_version(service, i)) != NULL && fits(rule->versions, version))
		i++;
	return version;
}

static int judge_services(const struct policy *policy, const struct env_rule *rule,
			  const struct env *env, struct mf_err *err)
{
	for (size_t i = 0; i < env->service_count; i++) {
		const struct env_service *service = &env->services[i];
		mem_auto_free char *what = NULL;
		const char *version;

		if (!fits(rule->services, service->name))
			return refuse(policy, rule->line, rule->services, "service", service->name,
				      err);
		version = service->version_said == FIELD_IS_SAID ? find_unfit(rule, service) : NULL;
		if (version == NULL)
			continue;
		what = mem_printf("service %s: version", service->name);
		return refuse(policy, rule->line, rule->versions, what, version, err);
	}
	return 0;
}

int policy_judge_env(const struct policy *policy, const struct env *env, const char *owner,
		     const char *source, struct mf_err *err)
{
	const struct env_rule *rule;
	unsigned line;

	if (policy == NULL)
		return 0;
	if (is_protected(&policy->protected, env) && !is_named(policy->protected.owners, owner))
		return refuse(policy, policy->protected.line, policy->protected.owners, "owner",
			      owner, err);
	rule = find_env_rule(policy, owner, source);
	if (rule == NULL)
		return 0;
	line = rule->line;
	if (judge_names(policy, rule, env, source, err) != 0 ||
	    judge_list(policy, line, rule->parents, "extends", env->parents, env->parent_count,
		       fits, err) != 0 ||
	    judge_expires(policy, rule, env, err) != 0 ||
	    judge_list(policy, line, rule->hosts, "host", env->hosts, env->host_count, fits_host,
		       err) != 0)
		return err->code;
	return judge_services(policy, rule, env, err);
}

/* --- services -------------------------------------------------------------------------------- */

static const struct service_rule *find_service_rule(const struct policy *policy,
						    const char *service)
{
	for (size_t i = 0; policy != NULL && i < policy->service_rule_count; i++)
		if (fits(policy->service_rules[i].names, service))
			return &policy->service_rules[i];
	return NULL;
}

int policy_judge_instance(const struct policy *policy, const struct instance *instance,
			  struct mf_err *err)
{
	const struct service_rule *rule = find_service_rule(policy, instance->service);

	if (rule == NULL)
		return 0;
	if (!fits(rule->versions, instance->version))
		return refuse(policy, rule->line, rule->versions, "version", instance->version,
			      err);
	if (rule->addresses == NULL ||
	    address_list_find(rule->addresses, instance->address, instance->port) != NULL)
		return 0;
	return refuse(policy, rule->line, rule->networks, "address", instance->server, err);
}

int policy_judge_override(const struct policy *policy, const struct override *override,
			  struct mf_err *err)
{
	const struct protection *protected;

	if (policy == NULL)
		return 0;
	protected = &policy->protected;
	if (is_named(protected->environments, override->env))
		return mf_err_set(err, MF_EPERM, "environment %s is protected (%s, line %u)",
				  override->env, policy->name, protected->line);
	if (is_named(protected->services, override->service))
		return mf_err_set(err, MF_EPERM, "service %s is protected (%s, line %u)",
				  override->service, policy->name, protected->line);
	return 0;
}

/* --- bounds ---------------------------------------------------------------------------------- */

static bool set_bound(unsigned most, unsigned line, struct policy_bound *ret_bound)
{
	if (most != 0)
		*ret_bound = (struct policy_bound){most, line};
	return most != 0;
}

bool policy_bound_envs(const struct policy *policy, const char *owner, const char *source,
		       struct policy_bound *ret_bound)
{
	const struct env_rule *rule = find_env_rule(policy, owner, source);

	return rule != NULL && set_bound(rule->max_environments, rule->line, ret_bound);
}

bool policy_bound_versions(const struct policy *policy, const char *service,
			   struct policy_bound *ret_bound)
{
	const struct service_rule *rule = find_service_rule(policy, service);

	return rule != NULL && set_bound(rule->max_versions, rule->line, ret_bound);
}

bool policy_bound_instances(const struct policy *policy, const char *service,
			    struct policy_bound *ret_bound)
{
	const struct service_rule *rule = find_service_rule(policy, service);

	return rule != NULL && set_bound(rule->max_instances, rule->line, ret_bound);
}

char *policy_make_reason(const struct policy *policy, const struct policy_bound *bound,
			 const char *what, const char *name, const char *member)
{
	return mem_printf("%s %s has %zu %s%s, and may have no more (%s, line %u)", what,
			  name[0] == '\0' ? "\"\"" : name, bound->most, member,
			  bound->most == 1 ? "" : "s", policy->name, bound->line);
}
