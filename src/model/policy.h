/*
 * The policy: /etc/mayfly/policy.yaml, who may have what.
 *
 * Two lists of rules.  The first rule of `environments` whose owners and sources fit an environment
 * judges it, and all that the rule says must hold; the first rule of `services` whose names fit a
 * service judges its instances and fixed addresses.  What no rule fits may be.  Besides,
 * `protected` names environments that only some owners may have, and services that nobody replaces.
 */
#ifndef MF_MODEL_POLICY_H
#define MF_MODEL_POLICY_H

#include <stdbool.h>
#include <stddef.h>

struct env;
struct fields;
struct instance;
struct mf_err;
struct override;
struct policy;

extern const struct fields fields_of_policy; /* the format, of struct policy */

/* name: what messages call it, such as its path.  MF_ECONFIG with key, line and column. */
int policy_parse(const char *name, const char *text, size_t len, struct policy **ret_policy,
		 struct mf_err *err);
void policy_free(struct policy *policy); /* NULL is fine */

/*
 * Each is 0, or MF_EPERM with the place of the rule:
 * `name prod: not among a-*, b-* (policy.yaml, line 3)`.  policy: NULL is none, which allows all.
 */
int policy_judge_env(const struct policy *policy, const struct env *env, const char *owner,
		     const char *source, struct mf_err *err);
int policy_judge_instance(const struct policy *policy, const struct instance *instance,
			  struct mf_err *err);
int policy_judge_override(const struct policy *policy, const struct override *override,
			  struct mf_err *err);

struct policy_bound {
	size_t most;
	unsigned line; /* of the rule */
};

/* How many there may be: environments of one owner, of those that one rule is for; versions with
 * instances of a service; instances of each.  False: any number. */
bool policy_bound_envs(const struct policy *policy, const char *owner, const char *source,
		       struct policy_bound *ret_bound);
bool policy_bound_versions(const struct policy *policy, const char *service,
			   struct policy_bound *ret_bound);
bool policy_bound_instances(const struct policy *policy, const char *service,
			    struct policy_bound *ret_bound);

/* `owner team-a has 50 environments, and may have no more (policy.yaml, line 3)`: what is
 * owner, member is environment.  Handed over. */
char *policy_make_reason(const struct policy *policy, const struct policy_bound *bound,
			 const char *what, const char *name, const char *member);

#endif
