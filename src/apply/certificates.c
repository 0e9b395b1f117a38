/*
 * Which certificates are in force, as files and in the running HAProxy.  Which are wanted is for
 * others to say.
 */
#include "apply/certificates.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/certificate_sync.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/certificate.h"
#include "model/settings.h"
#include "render/output.h"
#include "sys/file.h"
#include "sys/loop.h"

enum {
	FILE_MODE = 0640, /* HAProxy reads them as root, or as a member of our group */
	DIR_MODE = 0750,
	CHECK_MS = 60 * 1000, /* somebody else may have reloaded HAProxy just when we wrote */
	RETRY_MS = 5 * 1000,
};

static const char suffix[] = ".pem";

struct item {
	char *path;
	struct certificate *certificate; /* NULL: none is in force */
	char *reason;			 /* why a newer one is refused; "" */
	char *error;			 /* HAProxy's; NULL: none */
	bool is_new;			 /* HAProxy has not been sent it */
	bool is_wanted;
};

struct certificates {
	struct loop *loop;
	char *socket, *list, *dir;
	certificates_fn *on_change;
	void *ctx;
	struct strmap *items; /* by name */
	struct certificate_sync *sync;
	struct certificate_wish *wishes; /* of sync */
	struct item **wishers;
	size_t wish_count;
	bool is_asked_again; /* while it ran */
	struct loop_timer *check;
	struct certificate_state *states;
	size_t state_cap;
};

static void item_free(void *object)
{
	struct item *item = object;

	free(item->path);
	certificate_free(item->certificate);
	free(item->reason);
	free(item->error);
	free(item);
}

static void stop_sync(struct certificates *c)
{
	certificate_sync_cancel(c->sync);
	c->sync = NULL;
	for (size_t i = 0; i < c->wish_count; i++)
		free(c->wishes[i].error);
	free(c->wishes);
	free(c->wishers);
	c->wishes = NULL;
	c->wishers = NULL;
	c->wish_count = 0;
}

/* --- HAProxy --------------------------------------------------------------------------------- */

static void log_sent(const char *name, const struct certificate *certificate)
{
	buf_auto struct buf ends = BUF_INIT;

	str_add_time(&ends, certificate->ends, -1);
	log_info("certificate in force", LOG_STR("certificate", name),
		 LOG_STR("names", certificate->names), LOG_STR("ends", buf_str(&ends)));
}

/* What HAProxy says of one: once, as long as it says the same. */
static bool take_answer(struct item *item, const struct certificate_wish *wish)
{
	const char *name = strrchr(item->path, '/') + 1;

	if (wish->error == NULL) {
		item->is_new = false;
		if (wish->was_sent)
			log_sent(name, item->certificate);
	} else if (!str_is_same(item->error, wish->error)) {
		log_error("certificate not in force, the last one stays",
			  LOG_STR("certificate", name), LOG_STR("error", wish->error));
	}
	free(item->error);
	item->error = mem_dup_str(wish->error);
	return wish->error == NULL;
}

static void start_sync(struct certificates *c);

static void on_synced(void *ctx, bool is_loaded, const struct mf_err *err)
{
	struct certificates *c = ctx;
	bool is_good = err == NULL;

	c->sync = NULL;
	if (err != NULL && err->code != MF_EUNAVAIL)
		log_warn("HAProxy cannot be asked for its certificates",
			 LOG_STR("error", err->msg));
	for (size_t i = 0; i < c->wish_count && is_loaded; i++)
		is_good &= take_answer(c->wishers[i], &c->wishes[i]);
	stop_sync(c);
	if (c->is_asked_again) {
		start_sync(c);
		return;
	}
	loop_timer_set(c->check, is_good ? CHECK_MS : RETRY_MS);
	c->on_change(c->ctx);
}

static void start_sync(struct certificates *c)
{
	mem_auto_free char *prefix = mem_printf("%s/", c->dir);
	void *cursor = NULL, *value;
	const char *name;
	size_t n = 0;

	c->is_asked_again = c->sync != NULL;
	if (c->is_asked_again)
		return;
	loop_timer_clear(c->check);
	c->wishes = mem_alloc((strmap_count(c->items) + 1) * sizeof(*c->wishes));
	c->wishers = mem_alloc((strmap_count(c->items) + 1) * sizeof(struct item *));
	while (strmap_next(c->items, &cursor, &name, &value)) {
		struct item *item = value;

		if (item->certificate == NULL)
			continue;
		c->wishers[n] = item;
		c->wishes[n++] = (struct certificate_wish){
		    .path = item->path,
		    .pem = item->certificate->pem,
		    .fingerprint = item->certificate->fingerprint,
		    .is_new = item->is_new,
		};
	}
	c->wish_count = n;
	c->sync =
	    certificate_sync_start(c->loop, c->socket, c->list, prefix, c->wishes, n, on_synced, c);
}

static void on_check(void *ctx)
{
	start_sync(ctx);
}

void certificates_check(struct certificates *c)
{
	start_sync(c);
}

bool certificates_is_idle(const struct certificates *c)
{
	return c->sync == NULL;
}

/* --- files ----------------------------------------------------------------------------------- */

static struct item *find_item(struct certificates *c, const char *name)
{
	struct item *item = strmap_find(c->items, name);

	if (item != NULL)
		return item;
	item = MEM_NEW(item);
	item->path = mem_printf("%s/%s", c->dir, name);
	item->reason = mem_dup_str("");
	strmap_set(c->items, name, item);
	return item;
}

/* The last good one, of an earlier life. */
static void load_item(struct item *item)
{
	buf_auto struct buf pem = BUF_INIT;

	if (file_read(item->path, CERTIFICATE_FILE_MAX, &pem, NULL) == 0)
		(void)certificate_parse(buf_str(&pem), pem.len, &item->certificate, NULL);
	if (pem.data != NULL)
		memset(pem.data, 0, pem.len);
}

static int write_item(struct item *item, const struct certificate *certificate, struct mf_err *err)
{
	bool is_changed = false;
	int code = file_replace(item->path, certificate->pem, strlen(certificate->pem), FILE_MODE,
				&is_changed, err);

	if (code != 0)
		return code;
	item->is_new |= is_changed;
	certificate_free(item->certificate);
	item->certificate = certificate_dup(certificate);
	return 0;
}

static void refuse(struct item *item, const char *name, const char *reason)
{
	if (strcmp(item->reason, reason) == 0)
		return;
	if (reason[0] == '\0')
		log_info("certificate good again", LOG_STR("certificate", name));
	else
		log_error(item->certificate == NULL
			      ? "certificate refused"
			      : "certificate refused, the last good one stays in force",
			  LOG_STR("certificate", name), LOG_STR("error", reason));
	free(item->reason);
	item->reason = mem_dup_str(reason);
}

static int set_item(struct certificates *c, const struct certificate_entry *entry,
		    struct mf_err *err)
{
	struct item *item = find_item(c, entry->name);
	int code = 0;

	item->is_wanted = true;
	if (entry->certificate != NULL)
		code = write_item(item, entry->certificate, err);
	else if (item->certificate == NULL)
		load_item(item);
	refuse(item, entry->name, entry->reason);
	return code;
}

static int write_list(struct certificates *c, struct mf_err *err)
{
	buf_auto struct buf list = BUF_INIT;
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(c->items, &cursor, &name, &value))
		if (((struct item *)value)->certificate != NULL)
			buf_printf(&list, "%s\n", ((struct item *)value)->path);
	return file_replace(c->list, buf_str(&list), list.len, FILE_MODE, NULL, err);
}

static void forget_unwanted(struct certificates *c)
{
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(c->items, &cursor, &name, &value))
		if (!((struct item *)value)->is_wanted) {
			log_info("certificate removed", LOG_STR("certificate", name));
			strmap_del(c->items, name);
		}
}

static bool is_known(const struct certificates *c, const char *file)
{
	void *cursor = NULL, *value;
	const char *name;

	while (strmap_next(c->items, &cursor, &name, &value))
		if (strcmp(strrchr(((struct item *)value)->path, '/') + 1, file) == 0)
			return true;
	return false;
}

/* After the list, which no longer names them. */
static void remove_files(const struct certificates *c)
{
	DIR *stream = opendir(c->dir);
	const struct dirent *entry;

	while (stream != NULL && (entry = readdir(stream)) != NULL) {
		mem_auto_free char *path = mem_printf("%s/%s", c->dir, entry->d_name);

		if (str_has_suffix(entry->d_name, suffix) && !is_known(c, entry->d_name))
			(void)unlink(path);
	}
	if (stream != NULL)
		(void)closedir(stream);
}

/* One that cannot be written harms no other. */
int certificates_set(struct certificates *c, const struct certificate_entry *entries, size_t count,
		     struct mf_err *err)
{
	void *cursor = NULL, *value;
	const char *name;
	struct mf_err why;
	int code = file_make_dirs(c->dir, DIR_MODE, err);

	if (code != 0)
		return code;
	stop_sync(c); /* what it has borrowed may go */
	while (strmap_next(c->items, &cursor, &name, &value))
		((struct item *)value)->is_wanted = false;
	for (size_t i = 0; i < count; i++)
		if (set_item(c, &entries[i], code == 0 ? err : &why) != 0 && code == 0)
			code = err->code;
	forget_unwanted(c);
	if (write_list(c, code == 0 ? err : &why) != 0 && code == 0)
		code = err->code;
	if (code == 0)
		remove_files(c);
	start_sync(c);
	return code;
}

int certificates_keep(struct certificates *c, struct mf_err *err)
{
	DIR *stream;
	const struct dirent *entry;
	int code = file_make_dirs(c->dir, DIR_MODE, err);

	if (code != 0)
		return code;
	stream = opendir(c->dir);
	while (stream != NULL && (entry = readdir(stream)) != NULL)
		if (str_has_suffix(entry->d_name, suffix) && entry->d_name[0] != '.')
			load_item(find_item(c, entry->d_name));
	if (stream != NULL)
		(void)closedir(stream);
	code = write_list(c, err);
	start_sync(c);
	return code;
}

/* --- the whole ------------------------------------------------------------------------------- */

struct certificates *certificates_new(struct loop *loop, const struct settings *settings,
				      certificates_fn *on_change, void *ctx)
{
	struct certificates *c = MEM_NEW(c);

	c->loop = loop;
	c->socket = mem_dup_str(settings->haproxy.admin_socket);
	c->list = output_certificate_list_path(settings);
	c->dir = file_parent(c->list);
	c->on_change = on_change;
	c->ctx = ctx;
	c->items = strmap_new(item_free);
	c->check = loop_timer_new(loop, on_check, c);
	return c;
}

void certificates_free(struct certificates *c)
{
	if (c == NULL)
		return;
	stop_sync(c);
	loop_timer_free(c->check);
	strmap_free(c->items);
	free(c->states);
	free(c->socket);
	free(c->list);
	free(c->dir);
	free(c);
}

size_t certificates_list(const struct certificates *certificates,
			 const struct certificate_state **ret)
{
	struct certificates *c = (struct certificates *)certificates; /* room for the answer */
	void *cursor = NULL, *value;
	const char *name;
	size_t count = 0;

	while (strmap_next(c->items, &cursor, &name, &value)) {
		const struct item *item = value;
		const struct certificate *certificate = item->certificate;

		MEM_GROW(c->states, count, c->state_cap);
		c->states[count++] = (struct certificate_state){
		    name,
		    certificate == NULL ? "" : certificate->names,
		    certificate == NULL ? 0 : certificate->ends,
		    item->error != NULL ? item->error : item->reason,
		};
	}
	*ret = c->states;
	return count;
}
