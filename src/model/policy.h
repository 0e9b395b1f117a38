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

#endif
