/* Entries of the history, read.  What cannot be read is left out. */
#include "operator/past.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/node.h"
#include "model/history.h"
#include "operator/ask.h"
#include "store/etcd.h"

struct taking {
	int64_t revision;
	struct past *past;
};

void past_fini(struct past *past)
{
	for (size_t i = 0; i < past->count; i++) {
		free(past->states[i].value);
		free(past->states[i].who);
		free(past->states[i].with);
	}
	free(past->states);
	*past = (struct past){.count = 0};
}

static void on_begin(void *ctx)
{
	past_fini(((struct taking *)ctx)->past);
}

static void on_kv(void *ctx, const char *key, const struct etcd_kv *kv)
{
	const struct taking *taking = ctx;
	struct past *past = taking->past;
	struct history entry;
	struct node *node;
	int64_t revision;

	if (!history_parse_revision(strrchr(key, '/') + 1, &revision) ||
	    revision == taking->revision ||
	    history_parse(kv->value, kv->value_len, &entry, &node, NULL) != 0)
		return;
	past->states = mem_realloc(past->states, past->count + 1, sizeof(*past->states));
	past->states[past->count++] = (struct past_state){
	    .revision = revision,
	    .value = entry.value == NULL ? NULL : mem_dup_str(entry.value),
	    .who = mem_dup_str(entry.who),
	    .with = mem_dup_str(entry.with),
	    .at = entry.at,
	};
	node_free(node);
}

int past_read(struct call *call, const char *env, int64_t revision, struct past *ret_past,
	      struct mf_err *err)
{
	static const struct ask_list events = {on_begin, on_kv};
	mem_auto_free char *below = mem_printf("history/%s/", env);
	struct past past = {.count = 0};
	struct taking taking = {revision, &past};
	int64_t listed;

	if (ask_list(call, below, &events, &taking, &listed, err) != 0) {
		past_fini(&past);
		return err->code;
	}
	*ret_past = past;
	return 0;
}

int past_find(const struct past *past, const char *env, int64_t revision,
	      const struct past_state **ret_state, struct mf_err *err)
{
	const struct past_state *found = NULL;

	for (size_t i = 0; i < past->count; i++)
		if (revision == 0 || past->states[i].revision == revision)
			found = &past->states[i];
	if (found == NULL && revision == 0)
		return mf_err_set(err, MF_ENOINPUT,
				  "environment %s: nothing is known of what it was before", env);
	if (found == NULL)
		return mf_err_set(err, MF_ENOINPUT,
				  "environment %s: was at no revision %" PRId64
				  " that is known: see mayfly env history %s",
				  env, revision, env);
	if (found->value == NULL)
		return mf_err_set(err, MF_EDATA,
				  "environment %s: what it was at revision %" PRId64
				  " could not be read",
				  env, found->revision);
	*ret_state = found;
	return 0;
}

int past_add_deletion(struct call *call, const char *env, struct mf_err *err)
{
	const struct mf_err why = *err;
	struct mf_err unknown;
	struct past past = {.count = 0};

	if (why.code != MF_ENOINPUT || past_read(call, env, 0, &past, &unknown) != 0)
		return why.code;
	if (past.count > 0)
		(void)mf_err_set(err, why.code, "%s; %s deleted it: mayfly env restore %s", why.msg,
				 past.states[past.count - 1].who, env);
	past_fini(&past);
	return why.code;
}
