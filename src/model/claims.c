/* Claims on names, and who gets them.  Knows nothing of what an environment routes. */
#include "model/claims.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/snapshot.h"
#include "model/sorted.h"

#define NAMED_MAX  8   /* environments, or hosts, in the message of one problem */
#define LABELS_MAX 256 /* so many changes of one label each are cheaper than one of all */

enum claim_kind { CLAIM_PREFIX, CLAIM_HEADER, CLAIM_HOST, CLAIM_KINDS };

static const char *const kind_words[CLAIM_KINDS] = {
    [CLAIM_HOST] = "host", [CLAIM_PREFIX] = "prefix", [CLAIM_HEADER] = "header"};

/* What becomes of the hosts that are held, in view of the prefixes of other environments. */
enum host_set {
	HOSTS_IN_FORCE,	 /* no stronger prefix has them; shared with snapshots */
	HOSTS_OVERRULED, /* the others */
	HOSTS_EXCEPTED,	 /* of those in force, what a weaker prefix does not have */
	HOST_SETS
};

struct claims {
	struct {
		struct sorted held; /* struct claim: the strongest on each name */
		struct sorted lost; /* struct claim: all others, strongest first */
		size_t lost_keys;   /* on which there are some */
	} kinds[CLAIM_KINDS];
	/* struct claim; worked out anew of changed hosts and first labels, or all of them. */
	struct sorted hosts[HOST_SETS];
	struct strmap *changed_hosts, *changed_labels;
	bool all_changed;
};

/* --- which claim is stronger ------------------------------------------------------------------ */

static bool is_same_env(const struct claim *a, const struct claim *b)
{
	return strcmp(a->env->name, b->env->name) == 0;
}

/* Whether that is all of the host, or what stands before its first dot. */
static bool has_label(const struct claim *host, const char *label)
{
	size_t len = strlen(label);

	return strncmp(host->key, label, len) == 0 &&
	       (host->key[len] == '.' || host->key[len] == '\0');
}

/* What an environment has for its name alone; a host belongs to that where its prefix does. */
static bool is_default(enum claim_kind kind, const struct claim *claim)
{
	const struct env *env = claim->env;

	if (kind == CLAIM_HEADER)
		return strcmp(env->header, env->name) == 0;
	if (!env_has_default_prefix(env))
		return false;
	return kind == CLAIM_PREFIX || has_label(claim, env->prefix);
}

static int compare_age(const struct env *a, const struct env *b)
{
	if (a->created != b->created)
		return a->created < b->created ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* Below 0: the first is stronger.  0: both are of one environment. */
static int compare_strength(enum claim_kind kind, const struct claim *a, enum claim_kind other_kind,
			    const struct claim *b)
{
	bool is_own = is_default(kind, a);

	if (is_own != is_default(other_kind, b))
		return is_own ? -1 : 1;
	return compare_age(a->env, b->env);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(((const struct claim *)a)->key, ((const struct claim *)b)->key);
}

/* Strongest first of one key; without an environment, to search with, before all of them. */
static int compare_of_kind(enum claim_kind kind, const struct claim *a, const struct claim *b)
{
	int order = compare_keys(a, b);

	if (order != 0)
		return order;
	if (a->env == NULL || b->env == NULL)
		return (a->env != NULL) - (b->env != NULL);
	return compare_strength(kind, a, kind, b);
}

static int compare_prefixes(const void *a, const void *b)
{
	return compare_of_kind(CLAIM_PREFIX, a, b);
}

static int compare_headers(const void *a, const void *b)
{
	return compare_of_kind(CLAIM_HEADER, a, b);
}

static int compare_hosts(const void *a, const void *b)
{
	return compare_of_kind(CLAIM_HOST, a, b);
}

/* Hosts by their first labels. */
static int compare_labels(const void *a, const void *b)
{
	const char *x = ((const struct claim *)a)->key, *y = ((const struct claim *)b)->key;
	size_t n = strcspn(x, "."), m = strcspn(y, ".");
	int order = strncmp(x, y, n < m ? n : m);

	if (order == 0 && n != m)
		order = n < m ? -1 : 1;
	return order != 0 ? order : strcmp(x, y);
}

static void hosts_init(struct sorted *sets)
{
	for (int set = 0; set < HOST_SETS; set++)
		sorted_init(&sets[set], sizeof(struct claim),
			    set == HOSTS_IN_FORCE ? compare_keys : compare_labels);
}

static void hosts_fini(struct sorted *sets)
{
	for (int set = 0; set < HOST_SETS; set++)
		sorted_fini(&sets[set]);
}

struct claims *claims_new(void)
{
	static int (*const compare[CLAIM_KINDS])(const void *a, const void *b) = {
	    [CLAIM_PREFIX] = compare_prefixes,
	    [CLAIM_HEADER] = compare_headers,
	    [CLAIM_HOST] = compare_hosts};
	struct claims *claims = MEM_NEW(claims);

	for (int kind = 0; kind < CLAIM_KINDS; kind++) {
		sorted_init(&claims->kinds[kind].held, sizeof(struct claim), compare_keys);
		sorted_init(&claims->kinds[kind].lost, sizeof(struct claim), compare[kind]);
	}
	hosts_init(claims->hosts);
	claims->changed_hosts = strmap_new(NULL);
	claims->changed_labels = strmap_new(NULL);
	return claims;
}

void claims_free(struct claims *claims)
{
	for (int kind = 0; kind < CLAIM_KINDS; kind++) {
		sorted_fini(&claims->kinds[kind].held);
		sorted_fini(&claims->kinds[kind].lost);
	}
	hosts_fini(claims->hosts);
	strmap_free(claims->changed_hosts);
	strmap_free(claims->changed_labels);
	free(claims);
}

/* --- who has a name --------------------------------------------------------------------------- */

static const struct claim *find_held(const struct claims *claims, enum claim_kind kind,
				     const char *key)
{
	return sorted_find(&claims->kinds[kind].held, &(struct claim){key, NULL});
}

/* Where the claims that have lost a key begin, if there are any. */
static size_t first_lost(const struct claims *claims, enum claim_kind kind, const char *key)
{
	return sorted_lower_bound(&claims->kinds[kind].lost, &(struct claim){key, NULL});
}

static bool is_lost_at(const struct claims *claims, enum claim_kind kind, size_t i, const char *key)
{
	const struct sorted *lost = &claims->kinds[kind].lost;

	return i < lost->count && strcmp(((const struct claim *)sorted_at(lost, i))->key, key) == 0;
}

/* Who has the first label of a host as a prefix; NULL: nobody. */
static const struct claim *find_prefix(const struct claims *claims, const char *host)
{
	mem_auto_free char *label = mem_dup_bytes(host, strcspn(host, "."));

	return find_held(claims, CLAIM_PREFIX, label);
}

/* A name has another holder: that host is to be worked out anew, or all below the prefix. */
static void on_holder_changed(struct claims *claims, enum claim_kind kind, const char *key)
{
	size_t hosts = claims->kinds[CLAIM_HOST].held.count;

	if (kind == CLAIM_HEADER || claims->all_changed)
		return;
	strmap_set(kind == CLAIM_HOST ? claims->changed_hosts : claims->changed_labels, key,
		   claims);
	claims->all_changed = strmap_count(claims->changed_labels) > LABELS_MAX ||
			      strmap_count(claims->changed_hosts) > LABELS_MAX + hosts / 16;
}

static void put_lost(struct claims *claims, enum claim_kind kind, const struct claim *claim)
{
	size_t first = first_lost(claims, kind, claim->key);

	claims->kinds[kind].lost_keys += !is_lost_at(claims, kind, first, claim->key);
	sorted_put(&claims->kinds[kind].lost, claim);
}

static void del_lost(struct claims *claims, enum claim_kind kind, const struct claim *claim)
{
	if (!sorted_del(&claims->kinds[kind].lost, claim))
		return;
	claims->kinds[kind].lost_keys -=
	    !is_lost_at(claims, kind, first_lost(claims, kind, claim->key), claim->key);
}

static void add_claim(struct claims *claims, enum claim_kind kind, const struct claim *claim)
{
	struct sorted *held = &claims->kinds[kind].held;
	const struct claim *now = sorted_find(held, claim);

	if (now != NULL && compare_strength(kind, now, kind, claim) < 0) {
		put_lost(claims, kind, claim);
		return;
	}
	if (now != NULL)
		put_lost(claims, kind, now);
	sorted_put(held, claim);
	on_holder_changed(claims, kind, claim->key);
}

/* Its key goes with its environment, so no set of hosts may keep it until the next snapshot. */
static void forget_host(struct claims *claims, const struct claim *claim)
{
	for (int set = 0; set < HOST_SETS; set++) {
		const struct claim *found = sorted_find(&claims->hosts[set], claim);

		if (found != NULL && found->env == claim->env)
			(void)sorted_del(&claims->hosts[set], claim);
	}
}

static void del_claim(struct claims *claims, enum claim_kind kind, const struct claim *claim)
{
	struct sorted *held = &claims->kinds[kind].held;
	const struct claim *now = sorted_find(held, claim);
	size_t next = first_lost(claims, kind, claim->key);

	if (kind == CLAIM_HOST)
		forget_host(claims, claim);
	if (now == NULL || now->env != claim->env) {
		del_lost(claims, kind, claim);
		return;
	}
	if (is_lost_at(claims, kind, next, claim->key)) {
		const struct claim heir =
		    *(const struct claim *)sorted_at(&claims->kinds[kind].lost, next);

		sorted_put(held, &heir);
		del_lost(claims, kind, &heir);
	} else {
		(void)sorted_del(held, claim);
	}
	on_holder_changed(claims, kind, claim->key);
}

/* In the place of the claim of an environment that is alike. */
static void replace_claim(struct claims *claims, enum claim_kind kind, const struct claim *claim)
{
	struct sorted *held = &claims->kinds[kind].held, *lost = &claims->kinds[kind].lost;
	const struct claim *other = sorted_find(held, claim);

	sorted_put(other != NULL && is_same_env(other, claim) ? held : lost, claim);
	for (int set = 0; kind == CLAIM_HOST && set < HOST_SETS; set++) {
		other = sorted_find(&claims->hosts[set], claim);
		if (other != NULL && is_same_env(other, claim))
			sorted_put(&claims->hosts[set], claim);
	}
}

/* --- hosts against prefixes ------------------------------------------------------------------- */

static void judge_host(const struct claim *prefix, const struct claim *host, struct sorted *sets)
{
	bool is_overruled;

	if (prefix == NULL || is_same_env(prefix, host)) {
		sorted_put(&sets[HOSTS_IN_FORCE], host);
		return;
	}
	is_overruled = compare_strength(CLAIM_PREFIX, prefix, CLAIM_HOST, host) < 0;
	sorted_put(&sets[is_overruled ? HOSTS_OVERRULED : HOSTS_IN_FORCE], host);
	if (!is_overruled)
		sorted_put(&sets[HOSTS_EXCEPTED], host);
}

/* Those in the place of what the array has from one key to before another. */
static void replace_hosts(struct sorted *array, const char *from, const char *to,
			  struct sorted *with)
{
	size_t first = sorted_lower_bound(array, &(struct claim){from, NULL});
	size_t last = sorted_lower_bound(array, &(struct claim){to, NULL});

	sorted_splice(array, first, last, with);
}

/* Of one label.  In the order of strcmp others, such as www-x.a, stand between www and www.a. */
static void judge_label(struct claims *claims, const char *label)
{
	static const char *const ends[][2] = {{"", "\1"}, {".", "/"}};
	const struct sorted *held = &claims->kinds[CLAIM_HOST].held;
	const struct claim *prefix = find_held(claims, CLAIM_PREFIX, label);
	mem_auto_free char *behind = mem_printf("%s\1", label);
	struct sorted sets[HOST_SETS];

	hosts_init(sets);
	for (size_t range = 0; range < 2; range++) {
		mem_auto_free char *from = mem_printf("%s%s", label, ends[range][0]);
		mem_auto_free char *to = mem_printf("%s%s", label, ends[range][1]);
		size_t i = sorted_lower_bound(held, &(struct claim){from, NULL});

		for (; i < held->count && has_label(sorted_at(held, i), label); i++)
			judge_host(prefix, sorted_at(held, i), sets);
		replace_hosts(&claims->hosts[HOSTS_IN_FORCE], from, to, &sets[HOSTS_IN_FORCE]);
		sorted_fini(&sets[HOSTS_IN_FORCE]);
	}
	for (int set = HOSTS_OVERRULED; set < HOST_SETS; set++)
		replace_hosts(&claims->hosts[set], label, behind, &sets[set]);
	hosts_fini(sets);
}

static void judge_one(struct claims *claims, const char *host)
{
	const struct claim *held = find_held(claims, CLAIM_HOST, host);

	for (int set = 0; set < HOST_SETS; set++)
		(void)sorted_del(&claims->hosts[set], &(struct claim){host, NULL});
	if (held != NULL)
		judge_host(find_prefix(claims, host), held, claims->hosts);
}

static void judge_all(struct claims *claims)
{
	const struct sorted *held = &claims->kinds[CLAIM_HOST].held;

	hosts_fini(claims->hosts);
	for (size_t i = 0; i < held->count; i++) {
		const struct claim *host = sorted_at(held, i);

		judge_host(find_prefix(claims, host->key), host, claims->hosts);
	}
}

/* Each of the names, of which none is left. */
static void judge_each(struct claims *claims, struct strmap **names,
		       void (*judge)(struct claims *claims, const char *name))
{
	void *cursor = NULL, *value;
	const char *name;

	if (strmap_count(*names) == 0)
		return;
	while (!claims->all_changed && strmap_next(*names, &cursor, &name, &value))
		judge(claims, name);
	strmap_free(*names);
	*names = strmap_new(NULL);
}

static void judge_changed(struct claims *claims)
{
	judge_each(claims, &claims->changed_labels, judge_label);
	judge_each(claims, &claims->changed_hosts, judge_one);
	if (claims->all_changed)
		judge_all(claims);
	claims->all_changed = false;
}

/* --- one environment ------------------------------------------------------------------------- */

static const char *const *names_of(const struct env *env, enum claim_kind kind, size_t *ret_count)
{
	*ret_count = kind == CLAIM_HOST ? env->host_count : 1;
	return kind == CLAIM_HOST ? env->hosts : kind == CLAIM_PREFIX ? &env->prefix : &env->header;
}

static void each_claim(struct claims *claims, enum claim_kind kind, struct env *env,
		       void (*act)(struct claims *claims, enum claim_kind kind,
				   const struct claim *claim))
{
	const char *const *names;
	size_t count = 0;

	if (env == NULL)
		return;
	names = names_of(env, kind, &count);
	for (size_t i = 0; i < count; i++)
		act(claims, kind, &(const struct claim){names[i], env});
}

/* Whether each claim of the one stands where that of the other does. */
static bool are_alike(const struct env *old, const struct env *new, enum claim_kind kind)
{
	const char *const *olds, *const *news;
	size_t count, new_count;

	if (old == NULL || new == NULL || old->created != new->created ||
	    strcmp(old->name, new->name) != 0)
		return false;
	/* What its prefix is decides how strong a claim on a host is. */
	if (kind == CLAIM_HOST && strcmp(old->prefix, new->prefix) != 0)
		return false;
	olds = names_of(old, kind, &count);
	news = names_of(new, kind, &new_count);
	if (count != new_count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(olds[i], news[i]) != 0)
			return false;
	return true;
}

void claims_move(struct claims *claims, struct env *old, struct env *new)
{
	for (int kind = 0; kind < CLAIM_KINDS; kind++) {
		if (are_alike(old, new, (enum claim_kind)kind)) {
			each_claim(claims, (enum claim_kind)kind, new, replace_claim);
		} else {
			each_claim(claims, (enum claim_kind)kind, old, del_claim);
			each_claim(claims, (enum claim_kind)kind, new, add_claim);
		}
	}
}

/* --- all ------------------------------------------------------------------------------------- */

/* Whether it has won by its name alone. */
static bool is_by_default(enum claim_kind kind, const struct claim *winner,
			  enum claim_kind other_kind, const struct claim *loser)
{
	return is_default(kind, winner) && !is_default(other_kind, loser) &&
	       compare_age(winner->env, loser->env) > 0;
}

/* A name, and those who do not have it: of a host that a prefix has, its holder before the others.
 */
static void add_problem(const struct claims *claims, struct snapshot *snapshot,
			enum claim_kind kind, const char *key)
{
	const struct sorted *lost = &claims->kinds[kind].lost;
	const struct claim *winner = find_held(claims, kind, key), *overruled = NULL, *loser;
	mem_auto_free char *object = mem_printf("%s %s", kind_words[kind], key);
	size_t first = first_lost(claims, kind, key), count = 0;
	enum claim_kind winning = kind;
	buf_auto struct buf reason = BUF_INIT;

	while (is_lost_at(claims, kind, first + count, key))
		count++;
	if (kind == CLAIM_HOST)
		overruled = sorted_find(&claims->hosts[HOSTS_OVERRULED], winner);
	if (overruled != NULL) {
		winning = CLAIM_PREFIX;
		winner = find_prefix(claims, key);
		count++;
	}
	assert(winner != NULL && count > 0);
	buf_printf(&reason, "claimed by environments %s", winner->env->name);
	if (overruled != NULL)
		buf_printf(&reason, " (prefix %s)", winner->key);
	for (size_t i = 0; i < count && i + 1 < NAMED_MAX; i++) {
		loser = i == 0 && overruled != NULL
			    ? overruled
			    : sorted_at(lost, first + i - (overruled != NULL));
		buf_printf(&reason, "%s%s", i + 1 == count ? " and " : ", ", loser->env->name);
	}
	if (count >= NAMED_MAX)
		buf_printf(&reason, " and %zu others", count + 1 - NAMED_MAX);
	loser = overruled != NULL ? overruled : sorted_at(lost, first);
	buf_printf(&reason, "; %s has it%s", winner->env->name,
		   is_by_default(winning, winner, kind, loser) ? ", as the default of its name"
							       : "");
	snapshot_add_problem(snapshot, object, reason.data);
}

static void add_problems(const struct claims *claims, struct snapshot *snapshot,
			 enum claim_kind kind)
{
	const struct sorted *lost = &claims->kinds[kind].lost;
	size_t left = claims->kinds[kind].lost_keys;

	for (size_t i = 0; left > 0 && snapshot_shows(snapshot, kind_words[kind]); left--) {
		const char *key = ((const struct claim *)sorted_at(lost, i))->key;

		add_problem(claims, snapshot, kind, key);
		while (is_lost_at(claims, kind, i, key))
			i++;
	}
	snapshot_count_problems(snapshot, kind_words[kind], left);
}

/* Behind the last host with the label of the one at i. */
static size_t end_of_label(const struct sorted *hosts, size_t i)
{
	const char *key = ((const struct claim *)sorted_at(hosts, i))->key;
	mem_auto_free char *behind = mem_printf("%.*s\1", (int)strcspn(key, "."), key);

	return sorted_lower_bound(hosts, &(struct claim){behind, NULL});
}

/* The first hosts of one first label.  One that others have lost as well may be counted twice. */
static void add_overruled_hosts(const struct claims *claims, struct snapshot *snapshot,
				size_t first, size_t end)
{
	const struct sorted *hosts = &claims->hosts[HOSTS_OVERRULED];

	for (size_t k = first; k < end && k < first + NAMED_MAX; k++) {
		const char *key = ((const struct claim *)sorted_at(hosts, k))->key;

		if (!snapshot_shows(snapshot, kind_words[CLAIM_HOST]))
			snapshot_count_problems(snapshot, kind_words[CLAIM_HOST], 1);
		else if (!is_lost_at(claims, CLAIM_HOST, first_lost(claims, CLAIM_HOST, key),
				     key)) /* else it has its problem already */
			add_problem(claims, snapshot, CLAIM_HOST, key);
	}
}

/* Hosts that the prefix of another has: the first of each prefix by name. */
static void add_overruled(const struct claims *claims, struct snapshot *snapshot)
{
	const struct sorted *hosts = &claims->hosts[HOSTS_OVERRULED];
	size_t end;

	for (size_t i = 0; i < hosts->count; i = end) {
		const char *first = ((const struct claim *)sorted_at(hosts, i))->key;
		size_t len = strcspn(first, ".");

		end = end_of_label(hosts, i);
		add_overruled_hosts(claims, snapshot, i, end);
		if (end - i > NAMED_MAX && !snapshot_shows(snapshot, "hosts")) {
			snapshot_count_problems(snapshot, "hosts", 1);
		} else if (end - i > NAMED_MAX) {
			mem_auto_free char *object =
			    mem_printf("hosts with prefix %.*s", (int)len, first);
			mem_auto_free char *reason = mem_printf(
			    "%zu more are claimed by environments whose claims come after "
			    "that of the prefix",
			    end - i - NAMED_MAX);

			snapshot_add_problem(snapshot, object, reason);
		}
	}
}

/* A prefix is held, but for hosts that others have; one problem, however many they are. */
static void add_excepted(const struct claims *claims, struct snapshot *snapshot)
{
	const struct sorted *hosts = &claims->hosts[HOSTS_EXCEPTED];
	size_t end;

	for (size_t i = 0; i < hosts->count; i = end) {
		const char *first = ((const struct claim *)sorted_at(hosts, i))->key;
		const struct claim *prefix = find_prefix(claims, first);
		mem_auto_free char *object = NULL;
		buf_auto struct buf reason = BUF_INIT;

		assert(prefix != NULL);
		end = end_of_label(hosts, i);
		if (!snapshot_shows(snapshot, kind_words[CLAIM_PREFIX])) {
			snapshot_count_problems(snapshot, kind_words[CLAIM_PREFIX], 1);
			continue;
		}
		object = mem_printf("prefix %s of environment %s", prefix->key, prefix->env->name);
		buf_add_str(&reason, "does not have ");
		for (size_t k = i; k < end && k < i + NAMED_MAX; k++) {
			const struct claim *host = sorted_at(hosts, k);

			buf_printf(&reason, "%s%s (environment %s)", k == i ? "" : ", ", host->key,
				   host->env->name);
		}
		if (end - i > NAMED_MAX)
			buf_printf(&reason, " and %zu others", end - i - NAMED_MAX);
		buf_add_str(&reason, ", whose claims come first");
		snapshot_add_problem(snapshot, object, reason.data);
	}
}

static struct claim *share(struct sorted *claims, size_t *ret_count)
{
	*ret_count = claims->count;
	return sorted_share(claims);
}

void claims_fill(struct claims *claims, struct snapshot *snapshot)
{
	judge_changed(claims);
	snapshot->hosts = share(&claims->hosts[HOSTS_IN_FORCE], &snapshot->host_count);
	snapshot->prefixes = share(&claims->kinds[CLAIM_PREFIX].held, &snapshot->prefix_count);
	snapshot->headers = share(&claims->kinds[CLAIM_HEADER].held, &snapshot->header_count);
	for (int kind = 0; kind < CLAIM_KINDS; kind++)
		add_problems(claims, snapshot, (enum claim_kind)kind);
	add_overruled(claims, snapshot);
	add_excepted(claims, snapshot);
}
