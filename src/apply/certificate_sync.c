/*
 * Speaks with the admin socket about certificates: one question or command at a time, as HAProxy
 * has one transaction for all who change certificates.
 */
#include "apply/certificate_sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"
#include "base/str.h"
#include "base/strmap.h"
#include "sys/loop.h"
#include "sys/usock.h"

enum {
	REPLY_MAX = 16 * 1024 * 1024,
	ASK_MAX = 8000, /* bytes of questions at once */
	SHOWN_MAX = 200,
	WHOLE = -1, /* a command that is for no wish */
};

struct step {
	char *text;
	const char *expected; /* in the reply; NULL: anything */
	int wish;	      /* skipped once that one has an error ... */
	bool is_last;	      /* ... else it is done */
	bool is_abort;	      /* only if it has one */
};

struct certificate_sync {
	struct loop *loop;
	char *socket, *list, *prefix;
	struct certificate_wish *wishes;
	size_t count;
	certificate_sync_fn *on_done;
	void *ctx;
	struct usock *usock;
	struct strmap *stored; /* path: fingerprint, "" while it is not known */
	struct strmap *listed; /* paths */
	struct strmap *wanted; /* path: the wish */
	size_t asked;	       /* so many wishes have been asked for their fingerprint */
	struct step *steps;
	size_t step_count, step_cap, step;
};

void certificate_sync_cancel(struct certificate_sync *sync)
{
	if (sync == NULL)
		return;
	usock_cancel(sync->usock);
	for (size_t i = 0; i < sync->step_count; i++)
		free(sync->steps[i].text);
	free(sync->steps);
	strmap_free(sync->stored);
	strmap_free(sync->listed);
	strmap_free(sync->wanted);
	free(sync->socket);
	free(sync->list);
	free(sync->prefix);
	free(sync);
}

static void end(struct certificate_sync *sync, bool is_loaded, const struct mf_err *why)
{
	certificate_sync_fn *on_done = sync->on_done;
	void *ctx = sync->ctx;
	struct mf_err err;

	if (why != NULL)
		err = *why;
	certificate_sync_cancel(sync);
	on_done(ctx, is_loaded, why == NULL ? NULL : &err);
}

static void ask(struct certificate_sync *sync, const char *text, usock_done_fn *on_reply)
{
	sync->usock =
	    usock_start(sync->loop, sync->socket, text, strlen(text), REPLY_MAX, 0, on_reply, sync);
}

/* --- commands -------------------------------------------------------------------------------- */

static void add_step(struct certificate_sync *sync, int wish, const char *expected, char *text)
{
	MEM_GROW(sync->steps, sync->step_count, sync->step_cap);
	sync->steps[sync->step_count++] =
	    (struct step){.text = text, .expected = expected, .wish = wish};
}

static void add_wish(struct certificate_sync *sync, int i)
{
	const struct certificate_wish *wish = &sync->wishes[i];
	const char *stored = strmap_find(sync->stored, wish->path);
	bool is_listed = strmap_find(sync->listed, wish->path) != NULL;
	bool is_right = stored != NULL && strcmp(stored, wish->fingerprint) == 0 && !wish->is_new;

	if (is_right && is_listed)
		return;
	if (stored == NULL)
		add_step(sync, i, "New empty", mem_printf("new ssl cert %s\n", wish->path));
	if (!is_right) {
		add_step(sync, i, "ransaction ",
			 mem_printf("set ssl cert %s <<\n%s\n", wish->path, wish->pem));
		add_step(sync, i, "Success!", mem_printf("commit ssl cert %s\n", wish->path));
	}
	if (!is_listed)
		add_step(sync, i, "Success!",
			 mem_printf("add ssl crt-list %s %s\n", sync->list, wish->path));
	sync->steps[sync->step_count - 1].is_last = true;
	add_step(sync, i, NULL, mem_printf("abort ssl cert %s\n", wish->path));
	sync->steps[sync->step_count - 1].is_abort = true;
}

/* Who is not wished for goes last, so that a name which another one has, too, is never without. */
static void add_steps(struct certificate_sync *sync)
{
	void *cursor = NULL, *value;
	const char *path;

	for (size_t i = 0; i < sync->count; i++)
		add_wish(sync, (int)i);
	while (strmap_next(sync->listed, &cursor, &path, &value))
		if (strmap_find(sync->wanted, path) == NULL && str_has_prefix(path, sync->prefix)) {
			add_step(sync, WHOLE, NULL,
				 mem_printf("del ssl crt-list %s %s\n", sync->list, path));
			add_step(sync, WHOLE, NULL, mem_printf("del ssl cert %s\n", path));
		}
}

static void do_next(struct certificate_sync *sync);

static char *shorten(const char *reply)
{
	struct span text = span_trim(span_of(reply));
	buf_auto struct buf shown = BUF_INIT;

	str_add_escaped(&shown, text.at, text.len < SHOWN_MAX ? text.len : SHOWN_MAX);
	return mem_printf("HAProxy does not take it: %s", buf_str(&shown));
}

static void on_step(void *ctx, const char *reply, size_t len, const struct mf_err *why)
{
	struct certificate_sync *sync = ctx;
	const struct step *step = &sync->steps[sync->step];
	struct certificate_wish *wish = step->wish == WHOLE ? NULL : &sync->wishes[step->wish];

	(void)len;
	sync->usock = NULL;
	if (why != NULL) {
		end(sync, true, why);
		return;
	}
	if (wish != NULL && step->expected != NULL && strstr(reply, step->expected) == NULL)
		wish->error = shorten(reply);
	else if (wish != NULL && step->is_last)
		wish->was_sent = true;
	sync->step++;
	do_next(sync);
}

static bool is_due(const struct certificate_sync *sync, const struct step *step)
{
	bool has_error = step->wish != WHOLE && sync->wishes[step->wish].error != NULL;

	return step->is_abort ? has_error : !has_error;
}

static void do_next(struct certificate_sync *sync)
{
	while (sync->step < sync->step_count && !is_due(sync, &sync->steps[sync->step]))
		sync->step++;
	if (sync->step == sync->step_count)
		end(sync, true, NULL);
	else
		ask(sync, sync->steps[sync->step].text, on_step);
}

/* --- what it has ----------------------------------------------------------------------------- */

static void ask_fingerprints(struct certificate_sync *sync);

/* Each begins with "Filename: PATH", of which has a line "SHA1 FingerPrint: HEX" later. */
static void on_fingerprints(void *ctx, const char *reply, size_t len, const struct mf_err *why)
{
	static const char filename[] = "Filename: ", sha1[] = "SHA1 FingerPrint: ";
	struct certificate_sync *sync = ctx;
	struct span rest = span_of(reply), line;
	mem_auto_free char *path = NULL;

	(void)len;
	sync->usock = NULL;
	if (why != NULL) {
		end(sync, true, why);
		return;
	}
	while (span_take_line(&rest, &line)) {
		mem_auto_free char *text = mem_dup_bytes(line.at, line.len);

		if (str_has_prefix(text, filename)) {
			free(path);
			path = mem_dup_str(text + strlen(filename));
		} else if (path != NULL && str_has_prefix(text, sha1) &&
			   strmap_find(sync->stored, path) != NULL) {
			strmap_set(sync->stored, path, mem_dup_str(text + strlen(sha1)));
		}
	}
	ask_fingerprints(sync);
}

static void ask_fingerprints(struct certificate_sync *sync)
{
	buf_auto struct buf text = BUF_INIT;

	for (; sync->asked < sync->count && text.len < ASK_MAX; sync->asked++) {
		const char *path = sync->wishes[sync->asked].path;

		if (strmap_find(sync->stored, path) != NULL)
			buf_printf(&text, "%sshow ssl cert %s", text.len == 0 ? "" : ";", path);
	}
	if (text.len == 0) {
		add_steps(sync);
		do_next(sync);
		return;
	}
	buf_add_char(&text, '\n');
	ask(sync, buf_str(&text), on_fingerprints);
}

/*
 * "# LIST" and its lines "PATH:LINE"; "# transaction" and a line "*PATH", of somebody who has not
 * ended it; "# filename" and paths.
 */
static void parse_lists(struct certificate_sync *sync, const char *reply)
{
	static char is_there[] = "";
	struct span rest = span_of(reply), line;
	enum { NOTHING, LISTED, OPEN, STORED } part = NOTHING;

	while (span_take_line(&rest, &line)) {
		mem_auto_free char *text = mem_dup_bytes(line.at, line.len);
		char *colon = strrchr(text, ':');

		if (str_has_prefix(text, "# ")) {
			part = strcmp(text + 2, sync->list) == 0      ? LISTED
			       : strcmp(text + 2, "transaction") == 0 ? OPEN
			       : strcmp(text + 2, "filename") == 0    ? STORED
								      : NOTHING;
		} else if (part == LISTED && text[0] == '/') {
			if (colon != NULL)
				*colon = '\0';
			strmap_set(sync->listed, text, is_there);
		} else if (part == OPEN && text[0] == '*') {
			add_step(sync, WHOLE, NULL, mem_printf("abort ssl cert %s\n", text + 1));
		} else if (part == STORED && text[0] != '\0') {
			strmap_set(sync->stored, text, mem_dup_str(""));
		}
	}
}

static void on_lists(void *ctx, const char *reply, size_t len, const struct mf_err *why)
{
	struct certificate_sync *sync = ctx;
	mem_auto_free char *head = mem_printf("# %s\n", sync->list);

	(void)len;
	sync->usock = NULL;
	if (why != NULL || strstr(reply, head) == NULL) {
		end(sync, false, why);
		return;
	}
	parse_lists(sync, reply);
	ask_fingerprints(sync);
}

struct certificate_sync *certificate_sync_start(struct loop *loop, const char *admin_socket,
						const char *list, const char *prefix,
						struct certificate_wish *wishes, size_t count,
						certificate_sync_fn *on_done, void *ctx)
{
	struct certificate_sync *sync = MEM_NEW(sync);
	mem_auto_free char *text = mem_printf("show ssl crt-list -n %s;show ssl cert\n", list);

	sync->loop = loop;
	sync->socket = mem_dup_str(admin_socket);
	sync->list = mem_dup_str(list);
	sync->prefix = mem_dup_str(prefix);
	sync->wishes = wishes;
	sync->count = count;
	sync->on_done = on_done;
	sync->ctx = ctx;
	sync->stored = strmap_new(free);
	sync->listed = strmap_new(NULL);
	sync->wanted = strmap_new(NULL);
	for (size_t i = 0; i < count; i++)
		strmap_set(sync->wanted, wishes[i].path, &wishes[i]);
	ask(sync, text, on_lists);
	return sync;
}
