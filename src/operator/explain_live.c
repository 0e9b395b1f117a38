/*
 * What the running HAProxy does with the request, step by step beside what the model says: its maps
 * by `get map`, the servers of its backends by `show servers state`.
 */
#include "operator/explain.h"

#include <stdlib.h>
#include <string.h>

#include "apply/haproxy.h"
#include "apply/state.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/choice.h"
#include "model/route.h"
#include "model/settings.h"
#include "model/when.h"
#include "operator/call.h"
#include "operator/doc.h"
#include "operator/facts.h"
#include "operator/look.h"
#include "operator/reading.h"
#include "operator/runtime.h"

/* Both sides, and what was compared. */
struct comparison {
	struct explanation *model, *live;
	struct node *steps;
	struct call *call;
	bool is_equal;
};

bool explain_add_step(struct node *list, const char *step, const char *model, const char *haproxy)
{
	struct node *row = doc_add_map(list, NULL);
	bool is_equal = str_is_same(model, haproxy);

	doc_add_text(row, "step", step);
	if (model != NULL)
		doc_add_text(row, "model", model);
	if (haproxy != NULL)
		doc_add_text(row, "haproxy", haproxy);
	doc_add_bool(row, "is_equal", is_equal);
	return is_equal;
}

static void add_step(struct comparison *c, const char *step, const char *model, const char *haproxy)
{
	if (model != NULL || haproxy != NULL)
		c->is_equal &= explain_add_step(c->steps, step, model, haproxy);
}

/* --- the maps --------------------------------------------------------------------------------- */

/* Each returns a text to be freed; NULL: there is none. */
static char *claim_of(const struct explanation *e)
{
	const struct env *env = e->split != NULL ? e->split : e->env;

	if (env != NULL)
		return mem_printf("%s, by %s %s", env->name, e->by, e->key);
	return e->stranger == NULL ? NULL : mem_dup_str(e->stranger);
}

static char *split_of(const struct explanation *e)
{
	if (e->split == NULL)
		return NULL;
	return mem_dup_str(e->env != NULL ? e->env->name : e->stranger);
}

static char *route_of(const struct explanation *e)
{
	buf_auto struct buf text = BUF_INIT;

	if (e->route == NULL)
		return NULL;
	route_add_summary(e->route, &text);
	return mem_dup_str(buf_str(&text));
}

/* What stands behind `service:@` is the choice, whose word the maps have. */
static char *version_of(const struct explanation *e)
{
	const char *at = strstr(e->hit.value, ":@");
	mem_auto_free char *key = at == NULL ? NULL : mem_printf("%s.word", at + 2);
	struct routing_entry entry;

	if (key != NULL && maps_find_longest(e->maps, ROUTING_CHOICES, key, &entry))
		return mem_dup_str(entry.value);
	return e->hit.value_len == 0 ? NULL : mem_dup_str(e->hit.value);
}

static char *passed_on_of(const struct explanation *e)
{
	struct routing_entry entry;

	if (e->env == NULL || !maps_find(e->maps, ROUTING_NAMES, e->env->name, &entry))
		return NULL;
	return mem_dup_str(entry.value);
}

static char *door_of(const struct explanation *e)
{
	return e->door == NULL ? NULL : mem_dup_str(e->door);
}

static char *generation_of(const struct explanation *e)
{
	return e->generation == NULL || e->generation[0] == '\0' ? NULL
								 : mem_dup_str(e->generation);
}

static void compare_maps(struct comparison *c)
{
	static const struct {
		const char *step;
		char *(*find)(const struct explanation *e);
	} rows[] = {
	    {"claim", claim_of},	 {"state of the split", door_of},
	    {"split", split_of},	 {"state of the environment", generation_of},
	    {"route", route_of},	 {"version", version_of},
	    {"passed on", passed_on_of},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		mem_auto_free char *model = rows[i].find(c->model);
		mem_auto_free char *haproxy = rows[i].find(c->live);

		add_step(c, rows[i].step, model, haproxy);
	}
}

/* --- conditions ------------------------------------------------------------------------------- */

/* What stands behind the choice in HAProxy's map: a set of conditions, as bits, or a count. */
static bool find_bits(const struct comparison *c, const char *choice, const char *key,
		      int64_t *ret_bits)
{
	mem_auto_free char *whole = mem_printf("%s%s", choice, key);
	struct routing_entry entry;

	return maps_find_longest(c->live->maps, ROUTING_CHOICES, whole, &entry) &&
	       str_parse_int(entry.value, 0, INT32_MAX, ret_bits);
}

/* Whether an earlier value is of the same name. */
static bool is_repeated(const struct when *when, size_t condition, const struct when_value *value)
{
	for (size_t i = 0; i < condition; i++)
		for (size_t j = 0; j < when->conditions[i].value_count; j++) {
			const struct when_value *other = &when->conditions[i].values[j];

			if (other->kind == value->kind && strcmp(other->name, value->name) == 0)
				return true;
		}
	return false;
}

/* What the request's value of a name leaves of the bits; false: HAProxy does not ask for it. */
static bool take_value(const struct comparison *c, const char *choice,
		       const struct when_value *asked, int64_t *bits)
{
	const struct conditions_request request = explain_conditions_request(c->model);
	mem_auto_free char *value = conditions_find_value(asked, &request), *key = NULL;
	buf_auto struct buf encoded = BUF_INIT;
	int64_t left;

	if (value != NULL)
		str_add_base64(&encoded, value, strlen(value));
	key =
	    mem_printf(".%s.%s=%s.", when_kind_words[asked->kind], asked->name, buf_str(&encoded));
	if (!find_bits(c, choice, key, &left))
		return false;
	*bits &= left;
	return true;
}

/* The conditions that HAProxy finds satisfied: templates/haproxy-when.mustache. */
static int64_t find_satisfied(const struct comparison *c, const char *choice,
			      const struct when *when)
{
	mem_auto_free char *method = mem_printf(".method=%s.", c->model->method);
	int64_t bits, left, names;

	if (!find_bits(c, choice, ".when", &bits) || !find_bits(c, choice, ".names", &names))
		return 0;
	if (find_bits(c, choice, method, &left))
		bits &= left;
	for (size_t i = 0; i < when->count; i++)
		for (size_t j = 0; j < when->conditions[i].value_count; j++) {
			const struct when_value *value = &when->conditions[i].values[j];

			if (!is_repeated(when, i, value))
				names -= take_value(c, choice, value, &bits);
		}
	return names > 0 ? 0 : bits;
}

/* `service:version` of the first of them that has an instance; to be freed; NULL: none. */
static char *find_version_by(const struct comparison *c, const char *choice, int64_t bits)
{
	for (int64_t bit = 1; bit <= bits; bit *= 2) {
		mem_auto_free char *key = mem_printf("%s.then.%lld.", choice, (long long)bit);
		struct routing_entry entry;
		const struct backend *backend;

		if ((bits & bit) == 0 ||
		    !maps_find_longest(c->live->maps, ROUTING_CHOICES, key, &entry))
			continue;
		backend = snapshot_find_backend_named(c->model->reading->snapshot, entry.value);
		if (backend == NULL || facts_count_live(backend) > 0)
			return mem_dup_str(entry.value);
	}
	return NULL;
}

static void compare_condition(struct comparison *c)
{
	const struct explanation *e = c->model;
	const struct env_service *service =
	    e->backend == NULL ? NULL : env_find_service(e->env, e->backend->service);
	const char *at = strstr(c->live->hit.value, ":@");
	mem_auto_free char *model = NULL, *haproxy = NULL;

	if (service == NULL || service->choice == NULL || service->choice->when == NULL)
		return;
	if (e->condition != NULL)
		model = mem_printf("%s:%s", service->name, e->condition->version);
	if (at != NULL)
		haproxy =
		    find_version_by(c, at + 2, find_satisfied(c, at + 2, service->choice->when));
	add_step(c, "version by a condition", model, haproxy);
}

/* --- instances -------------------------------------------------------------------------------- */

/* The text that servers are lines of, and how many of them get requests. */
struct servers {
	struct buf text;
	size_t live, all;
};

static bool is_live(const struct state_server *server)
{
	return !server->is_out && !server->is_down && state_share(server) > 0;
}

static char *server_words(const struct state_server *server)
{
	bool is_down = server->is_down && !server->is_maint;

	return mem_printf("%s, weight %u", is_down ? "down" : state_word(server),
			  state_weight(server));
}

static bool find_server(const struct servers *servers, struct span name, struct state_server *ret)
{
	struct span rest = span_of(buf_str(&servers->text)), line, backend;

	while (span_take_line(&rest, &line))
		if (state_server_parse(line, ret, &backend) && span_compare(ret->name, name) == 0)
			return true;
	return false;
}

/* Added to those that are there already; a backend that HAProxy does not have has none. */
static int read_servers(struct comparison *c, const char *backend, struct servers *servers,
			struct mf_err *err)
{
	const char *const words[] = {"show", "servers", "state", backend, NULL};
	mem_auto_free char *reply = NULL;
	struct span rest, line, name;
	struct state_server server;

	if (runtime_ask(c->call, words, &reply, err) != 0)
		return err->code;
	rest = span_of(reply);
	while (span_take_line(&rest, &line)) {
		if (!state_server_parse(line, &server, &name))
			continue;
		servers->all++;
		servers->live += is_live(&server);
		buf_add(&servers->text, line.at, line.len);
		buf_add_char(&servers->text, '\n');
	}
	return 0;
}

/* Those that are to be there, in the order of the model; each that differs is a step. */
static size_t compare_desired(struct comparison *c, const struct backend *backend,
			      const struct servers *servers)
{
	size_t live = 0;

	for (size_t i = 0; i < backend->instance_count; i++) {
		mem_auto_free char *words = NULL, *found_words = NULL, *step = NULL;
		struct state_server server, found;

		state_server_fill(backend->instances[i], &server);
		live += !server.is_maint && is_live(&server);
		words = server_words(&server);
		if (find_server(servers, server.name, &found))
			found_words = server_words(&found);
		step = mem_printf("instance %s", backend->instances[i]->server);
		if (!str_is_same(words, found_words))
			add_step(c, step, words, found_words);
	}
	return live;
}

/* One that drains, or goes, is no difference. */
static void compare_others(struct comparison *c, const struct backend *backend,
			   const struct servers *servers)
{
	struct span rest = span_of(buf_str(&servers->text)), line, name;
	struct state_server server;

	while (span_take_line(&rest, &line)) {
		mem_auto_free char *words = NULL, *step = NULL;
		bool is_known = !state_server_parse(line, &server, &name) || !is_live(&server);

		for (size_t i = 0; i < backend->instance_count && !is_known; i++)
			is_known = span_is(server.name, backend->instances[i]->server);
		if (is_known)
			continue;
		words = server_words(&server);
		step = mem_printf("instance %.*s", (int)server.name.len, server.name.at);
		add_step(c, step, NULL, words);
	}
}

/* Of one version; it may stand in a backend that HAProxy kept in reserve, too. */
static int compare_version(struct comparison *c, const struct backend *backend, struct mf_err *err)
{
	struct servers servers = {.text = BUF_INIT};
	struct routing_entry spare;
	int code = read_servers(c, backend->name, &servers, err);

	if (code == 0 && maps_find(c->live->maps, ROUTING_SPARES, backend->name, &spare))
		code = read_servers(c, spare.value, &servers, err);
	if (code == 0) {
		size_t live = compare_desired(c, backend, &servers);
		mem_auto_free char *step = mem_printf("live instances of %s", backend->name);
		mem_auto_free char *model = mem_printf("%zu", live);
		mem_auto_free char *haproxy = mem_printf("%zu", servers.live);

		compare_others(c, backend, &servers);
		add_step(c, step, model, haproxy);
	}
	buf_fini(&servers.text);
	return code;
}

/* Of all versions that may be asked, and of the one that answers in their place. */
static int compare_instances(struct comparison *c, struct mf_err *err)
{
	const struct explanation *e = c->model;
	const struct env_service *service =
	    e->backend == NULL ? NULL : env_find_service(e->env, e->backend->service);
	const char *version;
	bool is_done = false;
	int code = 0;

	for (size_t i = 0;
	     service != NULL && code == 0 && (version = env_service_version(service, i)) != NULL;
	     i++) {
		const struct backend *backend =
		    snapshot_find_backend(e->reading->snapshot, service->name, version);

		is_done |= backend == e->answer;
		if (backend != NULL)
			code = compare_version(c, backend, err);
	}
	if (code == 0 && e->answer != NULL && !is_done)
		code = compare_version(c, e->answer, err);
	return code;
}

/* --- all -------------------------------------------------------------------------------------- */

static int add_process(struct comparison *c, struct node *doc, struct mf_err *err)
{
	static const char *const words[] = {"show", "info", NULL};
	mem_auto_free char *reply = NULL;
	struct haproxy_info info;

	if (runtime_ask(c->call, words, &reply, err) != 0)
		return err->code;
	if (!haproxy_parse_info(reply, &info))
		return mf_err_set(err, MF_EDATA, "%s: this is no HAProxy",
				  c->call->settings->haproxy.admin_socket);
	doc_add_text(doc, "haproxy_version", info.version);
	return 0;
}

/* For people: what is equal is said once. */
static void add_table(struct comparison *c, struct look *look)
{
	static const struct show_column columns[] = {{"STEP", "step", false},
						     {"EXPECTED", "expected", false},
						     {"HAPROXY", "haproxy", false}};
	struct node *rows = doc_add_list(look->cells, "live_steps");

	for (size_t i = 0; i < c->steps->child_count; i++) {
		const struct node *step = &c->steps->children[i];
		const char *model = node_text_at(step, "model", "none");
		const char *haproxy = node_text_at(step, "haproxy", "none");
		struct node *row = doc_add_map(rows, NULL);

		doc_add_text(row, "step", node_text_at(step, "step", ""));
		doc_add_text(row, "expected", model);
		doc_add_text(row, "haproxy", strcmp(model, haproxy) == 0 ? "equal" : haproxy);
	}
	LOOK_ADD_TABLE(look, "", "live_steps", columns);
	buf_printf(&look->before, "HAProxy:      %s (%s of this host)\n",
		   c->is_equal ? "does the same" : "does not do the same",
		   node_text_at(look->doc, "haproxy_version", ""));
	if (!c->is_equal)
		buf_add_str(&look->after,
			    "\n-> mayfly status, whether kvwatch of this host is behind\n");
}

static int compare(struct comparison *c, struct look *look, struct mf_err *err)
{
	if (add_process(c, look->doc, err) != 0)
		return err->code;
	explain_walk(c->live);
	c->steps = doc_add_list(look->doc, "live_steps");
	compare_maps(c);
	compare_condition(c);
	if (maps_error(c->live->maps, err) != 0 || compare_instances(c, err) != 0 ||
	    maps_error(c->live->maps, err) != 0)
		return err->code;
	add_table(c, look);
	doc_add_bool(look->doc, "is_live_equal", c->is_equal);
	return 0;
}

int explain_live(struct explanation *e, struct mf_err *err)
{
	struct look *look = e->look;
	struct explanation live = {.look = look,
				   .reading = e->reading,
				   .settings = e->settings,
				   .request = e->request,
				   .method = e->method,
				   .maps = maps_new_live(look->call)};
	struct comparison comparison = {
	    .model = e, .live = &live, .call = look->call, .is_equal = true};
	int code = compare(&comparison, look, err);

	if (code == 0 && !comparison.is_equal)
		e->status = mf_err_exit_status(MF_ETIMEOUT);
	explain_fini(&live);
	maps_free(live.maps);
	return code;
}
