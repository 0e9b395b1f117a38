/*
 * What is in quarantine, and the search for what must go there.  Knows nothing of what runs.
 */
#include "apply/quarantine.h"

#include <stdlib.h>
#include <string.h>

#include "apply/binds.h"
#include "apply/complaint.h"
#include "apply/stage.h"
#include "apply/writer.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/service.h"
#include "model/settings.h"
#include "model/snapshot.h"
#include "render/output.h"
#include "sys/child.h"
#include "sys/file.h"
#include "sys/loop.h"

enum {
	QUARANTINE_LEAST_MS = 2000,	/* a part's check may take that, and ... */
	QUARANTINE_TIMES = 20,		/* ... so many times what a check of nothing took */
	QUARANTINE_RETRY_MS = 5 * 1000, /* between tries of addresses that others have */
	CONFIG_MAX = 1 << 30,
};

#define QUARANTINE_TAG "trial"

/* Something that may be left out of the model. */
struct part {
	enum snapshot_part kind;
	const char *name; /* of the snapshot that is searched */
	char *reason;	  /* why it must be left out; NULL: it need not */
};

/* A part in quarantine, and what it was, so that a change of it shows. */
struct culprit {
	enum snapshot_part kind;
	char *name;
	struct env *env;
	struct service *settings;
	uint64_t versions;
	char *bind; /* the line that is to be tried from time to time; NULL: none */
};

/* What the check under way is of. */
enum step {
	STEP_WHOLE,   /* the model as it was refused */
	STEP_NOTHING, /* none of it: are the templates or the settings wrong? */
	STEP_BISECT,  /* the first parts, one of which is refused */
	STEP_CONFIRM, /* up to a culprit whose check took too long: is it still so? */
	STEP_REST,    /* all but the culprits so far */
};

struct quarantine {
	struct loop *loop;
	quarantine_fn *on_done;
	void *ctx;

	struct culprit *culprits;
	struct problem *problems; /* one each */
	size_t count, cap, problem_cap;

	/* the search; snapshot NULL: there is none */
	const struct settings *settings;
	struct template_set *templates;
	struct snapshot *snapshot;
	struct part *parts;
	size_t part_count;
	enum step step;
	size_t passes, fails; /* so many parts, from the first on, are accepted; are refused */
	size_t kept;	      /* so many are in the check that runs */
	unsigned checks;
	char *reason; /* of the check that said `fails` ... */
	bool is_late; /* ... by taking too long */
	int64_t checked_at,
	    nothing_ms; /* when the check that runs began; what one of nothing took */
	enum quarantine_by by;
	struct stage *stage;
	struct writer *writer;
	struct child *child;
	struct loop_timer *next;
	struct snapshot *fruitless; /* in which nothing was found */
	struct loop_timer *retry;   /* of addresses that others have */
};

/* --- what is in quarantine -------------------------------------------------------------------- */

static uint64_t hash_versions(const struct snapshot *snapshot, const char *service)
{
	uint64_t hash = STR_HASH_INIT;

	for (size_t i = 0; i < snapshot->backend_count; i++)
		if (strcmp(snapshot->backends[i]->service, service) == 0)
			hash = str_hash(hash, snapshot->backends[i]->version,
					strlen(snapshot->backends[i]->version) + 1);
	return hash;
}

static struct service *find_settings(const struct snapshot *snapshot, const char *service)
{
	for (size_t i = 0; i < snapshot->backend_count; i++)
		if (strcmp(snapshot->backends[i]->service, service) == 0)
			return snapshot->backends[i]->settings;
	return NULL;
}

static bool is_as_it_was(const struct culprit *culprit, const struct snapshot *snapshot)
{
	if (culprit->kind == SNAPSHOT_ENV)
		return snapshot_find_env(snapshot, culprit->name) == culprit->env;
	if (find_settings(snapshot, culprit->name) != culprit->settings)
		return false;
	return culprit->kind == SNAPSHOT_SETTINGS ||
	       hash_versions(snapshot, culprit->name) == culprit->versions;
}

static void release(struct quarantine *q, size_t i)
{
	free(q->culprits[i].name);
	free(q->culprits[i].bind);
	env_unref(q->culprits[i].env);
	service_unref(q->culprits[i].settings);
	free(q->problems[i].object);
	free(q->problems[i].reason);
	q->count--;
	memmove(&q->culprits[i], &q->culprits[i + 1], (q->count - i) * sizeof(q->culprits[0]));
	memmove(&q->problems[i], &q->problems[i + 1], (q->count - i) * sizeof(q->problems[0]));
}

static const struct culprit *find_culprit(const struct quarantine *q, enum snapshot_part kind,
					  const char *name)
{
	for (size_t i = 0; i < q->count; i++)
		if (q->culprits[i].kind == kind && strcmp(q->culprits[i].name, name) == 0)
			return &q->culprits[i];
	return NULL;
}

static char *object_of(const struct part *part)
{
	static const char *const kinds[] = {[SNAPSHOT_ENV] = "environment",
					    [SNAPSHOT_SERVICE] = "versions of service",
					    [SNAPSHOT_SETTINGS] = "service"};

	return mem_printf("%s %s", kinds[part->kind], part->name);
}

/* As the source says, also when they are in quarantine already and the search did not see them. */
static struct service *find_own_settings(const struct quarantine *q, const char *service)
{
	const struct culprit *known = find_culprit(q, SNAPSHOT_SETTINGS, service);

	return known != NULL ? known->settings : find_settings(q->snapshot, service);
}

static void quarantine_part(struct quarantine *q, const struct part *part)
{
	struct culprit culprit = {.kind = part->kind, .name = mem_dup_str(part->name)};
	size_t count = q->count;

	if (part->kind == SNAPSHOT_ENV) {
		culprit.env = (struct env *)snapshot_find_env(q->snapshot, part->name);
		if (culprit.env != NULL)
			(void)env_ref(culprit.env);
	} else {
		culprit.settings = find_own_settings(q, part->name);
		if (culprit.settings != NULL)
			(void)service_ref(culprit.settings);
		culprit.versions = hash_versions(q->snapshot, part->name);
	}
	if (q->by == QUARANTINE_BY_BIND) { /* "bind ADDRESS: why" */
		const char *end = strstr(part->reason, ": ");

		culprit.bind =
		    mem_dup_bytes(part->reason, end == NULL ? strlen(part->reason)
							    : (size_t)(end - part->reason));
		loop_timer_set(q->retry, QUARANTINE_RETRY_MS);
	}
	MEM_GROW(q->problems, count, q->problem_cap);
	q->problems[count] = (struct problem){object_of(part), mem_dup_str(part->reason)};
	MEM_GROW(q->culprits, q->count, q->cap);
	q->culprits[q->count++] = culprit;
}

static bool is_culprit(void *ctx, enum snapshot_part kind, const char *name)
{
	return find_culprit(ctx, kind, name) != NULL;
}

struct snapshot *quarantine_filter(struct quarantine *q, struct snapshot *snapshot)
{
	for (size_t i = q->count; i > 0; i--)
		if (!is_as_it_was(&q->culprits[i - 1], snapshot))
			release(q, i - 1);
	if (q->count == 0)
		return snapshot_ref(snapshot);
	return snapshot_without(snapshot, is_culprit, q);
}

/* Those whose addresses are free again may try once more. */
static void on_retry(void *ctx)
{
	struct quarantine *q = ctx;
	bool has_any = false, is_any_free = false;
	struct mf_err err;

	for (size_t i = q->count; i > 0; i--) {
		const char *line = q->culprits[i - 1].bind;
		bool is_free = line != NULL && binds_try("", line, &err) == 0;

		has_any = has_any || (line != NULL && !is_free);
		is_any_free = is_any_free || is_free;
		if (is_free)
			release(q, i - 1);
	}
	if (has_any)
		loop_timer_set(q->retry, QUARANTINE_RETRY_MS);
	if (is_any_free)
		q->on_done(q->ctx, true);
}

const struct problem *quarantine_list(const struct quarantine *q, size_t *ret_count)
{
	*ret_count = q->count;
	return q->problems;
}

/* --- the search ------------------------------------------------------------------------------- */

static void drop_search(struct quarantine *q)
{
	writer_cancel(q->writer);
	child_cancel(q->child);
	q->writer = NULL;
	q->child = NULL;
	stage_free(q->stage, false);
	q->stage = NULL;
	loop_timer_clear(q->next);
	for (size_t i = 0; i < q->part_count; i++)
		free(q->parts[i].reason);
	free(q->parts);
	q->parts = NULL;
	q->part_count = 0;
	free(q->reason);
	q->reason = NULL;
	snapshot_unref(q->snapshot);
	q->snapshot = NULL;
}

static void end_search(struct quarantine *q, bool found)
{
	if (found) {
		for (size_t i = 0; i < q->part_count; i++)
			if (q->parts[i].reason != NULL)
				quarantine_part(q, &q->parts[i]);
	} else {
		snapshot_unref(q->fruitless);
		q->fruitless = snapshot_ref(q->snapshot);
	}
	drop_search(q);
	q->on_done(q->ctx, found);
}

/* What was refused is not any more: a search for the same model may begin anew. */
static void break_off(struct quarantine *q)
{
	drop_search(q);
	q->on_done(q->ctx, false);
}

/* parts[i].name by kind and name; they are sorted by both. */
static int compare_parts(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	static const int order[] = {
	    [SNAPSHOT_SERVICE] = 0, [SNAPSHOT_SETTINGS] = 1, [SNAPSHOT_ENV] = 2};

	if (x->kind != y->kind)
		return order[x->kind] - order[y->kind];
	return strcmp(x->name, y->name);
}

static bool is_left_out(void *ctx, enum snapshot_part kind, const char *name)
{
	const struct quarantine *q = ctx;
	const struct part probe = {.kind = kind, .name = name};
	const struct part *part =
	    bsearch(&probe, q->parts, q->part_count, sizeof(*q->parts), compare_parts);

	return part != NULL && (part->reason != NULL || (size_t)(part - q->parts) >= q->kept);
}

static void collect_parts(struct quarantine *q)
{
	const struct snapshot *s = q->snapshot;
	size_t n = 0;

	q->parts = mem_alloc((2 * s->service_count + s->env_count) * sizeof(*q->parts));
	for (size_t i = 0; i < s->service_count; i++)
		q->parts[n++] = (struct part){SNAPSHOT_SERVICE, s->services[i], NULL};
	for (size_t i = 0; i < s->service_count; i++)
		if (find_settings(s, s->services[i]) != NULL)
			q->parts[n++] = (struct part){SNAPSHOT_SETTINGS, s->services[i], NULL};
	for (size_t i = 0; i < s->env_count; i++)
		q->parts[n++] = (struct part){SNAPSHOT_ENV, s->envs[i]->name, NULL};
	q->part_count = n;
	qsort(q->parts, n, sizeof(*q->parts), compare_parts);
}

static void start_check(struct quarantine *q, size_t kept)
{
	stage_free(q->stage, false);
	q->stage = NULL;
	q->kept = kept;
	loop_timer_set(q->next, 0);
}

/* From now on the culprit is left out of every check; what is before it has passed. */
static void leave_out(struct quarantine *q)
{
	q->parts[q->fails - 1].reason = mem_dup_str(q->reason);
	q->step = STEP_REST;
	q->passes = q->fails;
	start_check(q, q->part_count);
}

/*
 * Either the culprit is known, or the middle of what it is in is next.  A machine that was busy may
 * have made a check late: nobody is a culprit by that alone.
 */
static void bisect(struct quarantine *q)
{
	if (q->fails - q->passes > 1) {
		q->step = STEP_BISECT;
		start_check(q, q->passes + (q->fails - q->passes) / 2);
	} else if (q->is_late) {
		q->step = STEP_CONFIRM;
		start_check(q, q->fails);
	} else {
		leave_out(q);
	}
}

static void on_verdict(struct quarantine *q, bool is_refused)
{
	switch (q->step) {
	case STEP_WHOLE:
		if (!is_refused)
			break; /* it is not the check that refuses */
		q->step = STEP_NOTHING;
		start_check(q, 0);
		return;
	case STEP_NOTHING:
		if (is_refused)
			break; /* it is not the model */
		q->passes = 0;
		q->fails = q->part_count;
		bisect(q);
		return;
	case STEP_BISECT:
		if (is_refused)
			q->fails = q->kept;
		else
			q->passes = q->kept;
		bisect(q);
		return;
	case STEP_CONFIRM:
		if (is_refused)
			leave_out(q);
		else
			break_off(q);
		return;
	case STEP_REST:
		if (!is_refused) {
			end_search(q, true);
			return;
		}
		if (q->passes == q->part_count)
			break; /* what has just passed */
		q->fails = q->part_count;
		bisect(q);
		return;
	}
	end_search(q, false);
}

static void note_reason(struct quarantine *q, const char *reason, bool is_late)
{
	if (q->step == STEP_NOTHING)
		return;
	free(q->reason);
	q->reason = mem_dup_str(reason);
	q->is_late = is_late;
}

static void on_checked(void *ctx, const struct child_result *result)
{
	struct quarantine *q = ctx;
	buf_auto struct buf message = BUF_INIT;
	bool is_refused = result->timed_out || result->status != 0;

	q->child = NULL;
	if (q->step == STEP_NOTHING)
		q->nothing_ms = loop_now(q->loop) - q->checked_at;
	if (result->status == 126 || result->status == 127) {
		end_search(q, false);
		return;
	}
	if (is_refused) {
		if (result->timed_out)
			buf_add_str(&message, "its check takes too long: ");
		mem_auto_free char *dir = file_parent(q->settings->haproxy.config);

		complaint_add(&message, result->output, result->output_len, stage_path(q->stage),
			      dir);
		note_reason(q, buf_str(&message), result->timed_out);
	}
	on_verdict(q, is_refused);
}

/* --- one try, in a copy of this process --------------------------------------------------------
 */

static struct snapshot *make_part(void *ctx)
{
	struct quarantine *q = ctx;

	return snapshot_without(q->snapshot, is_left_out, q);
}

/* As for a group's run: what runs listens where the file in place says. */
static int try_binds(void *ctx, const struct output_set *set, struct mf_err *err)
{
	const struct quarantine *q = ctx;
	buf_auto struct buf old = BUF_INIT;
	int code = file_read(q->settings->haproxy.config, CONFIG_MAX, &old, err);

	return code != 0
		   ? code
		   : binds_try(buf_str(&old), buf_str(&set->outputs[set->count - 1].bytes), err);
}

/* What a check of nothing takes is not known before there was one. */
static void start_child(struct quarantine *q)
{
	int64_t most = q->settings->haproxy.check_timeout;
	int64_t part = QUARANTINE_LEAST_MS + QUARANTINE_TIMES * q->nothing_ms;

	if (q->step != STEP_WHOLE && q->step != STEP_NOTHING && part < most)
		most = part;
	q->checked_at = loop_now(q->loop);
	q->child = child_start_with(q->loop, q->settings->haproxy.check, stage_last(q->stage), most,
				    on_checked, q);
}

static void on_written(void *ctx, struct writer_report *report)
{
	struct quarantine *q = ctx;
	bool is_refused = report->is_bad || report->opinion.code != 0;

	q->writer = NULL;
	if (is_refused)
		note_reason(q, report->is_bad ? report->err.msg : report->opinion.msg, false);
	if (is_refused || (q->by == QUARANTINE_BY_BIND && report->err.code == 0))
		on_verdict(q, is_refused);
	else if (report->err.code != 0)
		end_search(q, false);
	else
		start_child(q);
	writer_report_fini(report);
}

static void on_next(void *ctx)
{
	struct quarantine *q = ctx;
	mem_auto_free char *dir = file_parent(q->settings->haproxy.config);
	struct writer_order order = {
	    .templates = q->templates,
	    .settings = q->settings,
	    .id = {OUTPUT_HAPROXY, 0},
	    .make_snapshot = make_part,
	    .mode = q->by == QUARANTINE_BY_BIND ? WRITER_NOTHING : WRITER_ALL,
	    .dir = dir,
	    .proven = "",
	    .checked = "",
	    .inspect = q->by == QUARANTINE_BY_BIND ? try_binds : NULL,
	    .ctx = q,
	};

	if (q->checks++ == QUARANTINE_MAX_CHECKS) {
		end_search(q, false);
		return;
	}
	q->stage = stage_new(dir, QUARANTINE_TAG);
	order.stage = q->stage;
	q->writer = writer_start(q->loop, &order, on_written, q);
}

void quarantine_search(struct quarantine *q, const struct settings *settings,
		       struct template_set *templates, struct snapshot *snapshot,
		       enum quarantine_by by)
{
	if (q->snapshot != NULL || (q->fruitless == snapshot && q->by == by))
		return;
	q->by = by;
	q->settings = settings;
	q->templates = templates;
	q->snapshot = snapshot_ref(snapshot);
	q->checks = 0;
	q->reason = mem_dup_str("");
	collect_parts(q);
	q->step = STEP_WHOLE;
	start_check(q, q->part_count);
}

void quarantine_clear(struct quarantine *q)
{
	drop_search(q);
	snapshot_unref(q->fruitless);
	q->fruitless = NULL;
	while (q->count > 0)
		release(q, q->count - 1);
	loop_timer_clear(q->retry);
}

struct quarantine *quarantine_new(struct loop *loop, quarantine_fn *on_done, void *ctx)
{
	struct quarantine *q = MEM_NEW(q);

	q->loop = loop;
	q->on_done = on_done;
	q->ctx = ctx;
	q->next = loop_timer_new(loop, on_next, q);
	q->retry = loop_timer_new(loop, on_retry, q);
	return q;
}

void quarantine_free(struct quarantine *q)
{
	if (q == NULL)
		return;
	quarantine_clear(q);
	loop_timer_free(q->next);
	loop_timer_free(q->retry);
	free(q->culprits);
	free(q->problems);
	free(q);
}
