/*
 * Scripts: many commands over one connection to the admin socket, and each reply given to whoever
 * asked.  Knows HAProxy's command line (management guide, section 9.3), but not what is asked for.
 *
 * `prompt` makes HAProxy end each reply with "\n> ", and go on until `quit`; without it the
 * connection would end whenever its input happens to be empty.  No reply has a line that begins
 * with "> ".  A connection is not kept: it would keep the process of before a reload.  It is one
 * process's to its end, so what changes something is said when that one has said who it is.
 */
#include "apply/live_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apply/state.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/settings.h"
#include "sys/usock.h"

enum {
	LIVE_MAX_REPLY = 128 * 1024 * 1024, /* seven maps of 60,000 entries are 40 MB */
	LIVE_DEADLINE_MS = 10 * 1000,
	LIVE_MAX_PAYLOAD = 8000, /* HAProxy takes what fits into tune.bufsize, 16384 by default */
	LIVE_MAX_SHOWN = 200,	 /* bytes of a reply in a message */
};

static const char head[] = "prompt\nshow info\n", prompt[] = "\n> ", quit[] = "quit\n";

/* --- building -------------------------------------------------------------------------------- */

void live_script_clear(struct live_script *script)
{
	buf_clear(&script->text);
	script->count = 0;
	script->payload = 0;
	script->err.code = 0;
}

static void begin_step(struct live_script *script, live_reply_fn *on_reply, const void *object)
{
	MEM_GROW(script->steps, script->count, script->cap);
	script->steps[script->count++] = (struct live_step){script->text.len, on_reply, object};
}

void live_add_later(struct live *live)
{
	struct live_script *script = &live->script, *later = &live->later;

	live_end_entries(live);
	if (script->err.code == 0)
		script->err = later->err;
	for (size_t i = 0; i < later->count; i++) {
		begin_step(script, later->steps[i].on_reply, later->steps[i].object);
		script->steps[script->count - 1].at += later->steps[i].at;
	}
	buf_add(&script->text, buf_str(&later->text), later->text.len);
	live_script_clear(later);
}

/* What may stand in a word without being read as more: neither spaces nor `;`, `\`, `<`, `#`. */
static bool is_word(const char *s, size_t len)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._~%@:+=,/[]-?|!*";

	for (size_t i = 0; i < len; i++)
		if (memchr(allowed, s[i], sizeof(allowed) - 1) == NULL)
			return false;
	return len != 0;
}

static void add_word(struct live_script *script, const char *word, size_t len)
{
	if (!is_word(word, len) && script->err.code == 0) {
		buf_auto struct buf shown = BUF_INIT;

		str_add_escaped(&shown, word, len);
		(void)mf_err_set(&script->err, MF_EDATA,
				 "\"%s\" cannot be written on HAProxy's command line",
				 buf_str(&shown));
	}
	buf_add(&script->text, word, len);
}

void live_add_words(struct live *live, live_reply_fn *on_reply, const void *object,
		    const char *const *words)
{
	struct live_script *script = live->out;

	begin_step(script, on_reply, object);
	for (size_t i = 0; words[i] != NULL; i++) {
		if (i != 0)
			buf_add_char(&script->text, ' ');
		add_word(script, words[i], strlen(words[i]));
	}
	buf_add_char(&script->text, '\n');
}

/* The phrase is read by section.h, and has no character that is more than one of a word. */
void live_add_phrase_words(struct live *live, live_reply_fn *on_reply, const void *object,
			   const char *phrase, const char *const *words)
{
	struct buf *text = &live->out->text;

	live_add_words(live, on_reply, object, words);
	if (phrase[0] == '\0')
		return;
	text->data[text->len - 1] = ' ';
	buf_printf(text, "%s\n", phrase);
}

static void add_text(void *script, struct span text)
{
	buf_add(&((struct live_script *)script)->text, text.at, text.len);
}

static void add_field(void *script, struct span field)
{
	add_word(script, field.at, field.len);
}

void live_add_op(struct live *live, const struct op *op)
{
	struct live_script *script = live->out;
	bool is_move = op->kind == OP_SERVER; /* HAProxy says what it was, and is */
	bool is_sure = !is_move && op->kind != OP_SERVER_REVIVE;

	begin_step(script, is_sure ? live_expect_nothing : NULL, NULL);
	op_walk_command(op, add_text, add_field, script);
	if (is_move) {
		add_text(script, span_of(" "));
		add_field(script, op->server->host);
		buf_printf(&script->text, " port %u", op->server->port);
	}
	buf_add_char(&script->text, '\n');
	if (op->kind >= OP_MAP_ADD)
		live->result.map_changes++;
	else
		live->result.server_changes++;
}

const char *live_map_path(enum routing_map map)
{
	static const char *const paths[] = {
#define X(id, name) [id] = "maps/" name ".map",
	    ROUTING_MAPS(X)
#undef X
	};

	return paths[map];
}

void live_add_entry(struct live *live, enum routing_map map, unsigned version,
		    const struct routing_entry *entry)
{
	struct live_script *script = live->out;
	size_t len = entry->key_len + entry->value_len + 2;

	if (script->payload + len > LIVE_MAX_PAYLOAD)
		live_end_entries(live);
	if (script->payload == 0) {
		begin_step(script, live_expect_nothing, NULL);
		buf_add_str(&script->text, "add map ");
		if (version != 0)
			buf_printf(&script->text, "@%u ", version);
		buf_printf(&script->text, "%s <<\n", live_map_path(map));
	}
	add_word(script, entry->key, entry->key_len);
	buf_add_char(&script->text, ' ');
	add_word(script, entry->value, entry->value_len);
	buf_add_char(&script->text, '\n');
	script->payload += len;
}

void live_end_entries(struct live *live)
{
	if (live->out->payload != 0)
		buf_add_char(&live->out->text, '\n');
	live->out->payload = 0;
}

/* --- replies --------------------------------------------------------------------------------- */

void live_complain(struct live *live, const char *format, ...)
{
	va_list ap;
	char reason[512];

	va_start(ap, format);
	(void)vsnprintf(reason, sizeof(reason), format, ap);
	va_end(ap);
	live->is_wrong = true;
	if (live->complaint.len == 0)
		buf_add_str(&live->complaint, reason);
}

static void add_shown(void *shown, struct span text)
{
	str_add_escaped(shown, text.at, text.len);
}

void live_complain_of_op(struct live *live, const struct op *op)
{
	buf_auto struct buf command = BUF_INIT;

	op_walk_command(op, add_shown, add_shown, &command);
	live_complain(live, "HAProxy differs from what is desired: it takes \"%s\"",
		      buf_str(&command));
}

void live_complain_of_command(struct live *live, const char *command, const char *reply)
{
	buf_auto struct buf shown = BUF_INIT;
	size_t len = strcspn(reply, "\n");

	str_add_escaped(&shown, reply, len < LIVE_MAX_SHOWN ? len : LIVE_MAX_SHOWN);
	live_complain(live, "HAProxy answers \"%s\" to \"%.*s\"", buf_str(&shown),
		      (int)strcspn(command, "\n"), command);
}

void live_complain_of(struct live *live, const struct live_step *step, const char *reply)
{
	live_complain_of_command(live, live->script.text.data + step->at, reply);
}

void live_expect_nothing(struct live *live, const struct live_step *step, char *reply, size_t len)
{
	if (len != 0)
		live_complain_of(live, step, reply);
}

void live_expect_prefix(struct live *live, const struct live_step *step, char *reply, size_t len)
{
	(void)len;
	if (!str_has_prefix(reply, step->object))
		live_complain_of(live, step, reply);
}

/* "New version created: 3" */
static void on_version(struct live *live, const struct live_step *step, char *reply, size_t len)
{
	unsigned *version = (unsigned *)(uintptr_t)step->object;
	const char *digits = strstr(reply, ": ");
	int64_t n;

	(void)len;
	if (digits == NULL || !str_parse_int(digits + 2, 1, INT32_MAX, &n))
		live_complain_of(live, step, reply);
	else
		*version = (unsigned)n;
}

void live_prepare_map(struct live *live, enum routing_map map, unsigned *ret_version)
{
	live_add(live, on_version, ret_version, "prepare", "map", live_map_path(map));
}

/* Cuts the next reply off *text; NULL: it is not all there. */
static char *next_reply(char **text, const char *end, size_t *ret_len)
{
	char *reply = *text;
	char *behind = memmem(reply, (size_t)(end - reply), prompt, sizeof(prompt) - 1);

	if (behind == NULL)
		return NULL;
	*text = behind + sizeof(prompt) - 1;
	/* Each line of a payload has been answered by "+ ". */
	while (str_has_prefix(reply, "+ "))
		reply += 2;
	while (behind > reply && behind[-1] == '\n')
		behind--;
	*behind = '\0';
	*ret_len = (size_t)(behind - reply);
	return reply;
}

/* Give each command its reply; false: some did not come. */
static bool give_replies(struct live *live, char *text, size_t len, size_t *ret_n)
{
	const char *end = text + len;
	const struct live_step *step;
	char *reply;
	size_t reply_len;

	*ret_n = 0;
	/* Those of the head: of `prompt`, which says nothing, and of who answers. */
	if (next_reply(&text, end, &reply_len) == NULL ||
	    (reply = next_reply(&text, end, &reply_len)) == NULL)
		return false;
	live_note_worker(live, reply);
	if (live->is_stopped)
		return true;
	for (; *ret_n < live->script.count; ++*ret_n) {
		reply = next_reply(&text, end, &reply_len);
		if (reply == NULL)
			return false;
		step = &live->script.steps[*ret_n];
		if (step->on_reply != NULL)
			step->on_reply(live, step, reply, reply_len);
	}
	return true;
}

/* --- the connection -------------------------------------------------------------------------- */

static void end(struct live *live, int code)
{
	void (*on_done)(struct live *, int) = live->on_done;

	live->usock = NULL;
	live_script_clear(&live->script);
	on_done(live, code);
}

static void on_reply(void *ctx, const char *text, size_t len, const struct mf_err *why)
{
	struct live *live = ctx;
	size_t count = live->script.count, n;
	const char *path = live->settings->haproxy.admin_socket;
	bool is_whole;
	int code = 0;

	(void)text;
	free(live->reply);
	live->reply = usock_take_reply(live->usock);
	is_whole = give_replies(live, live->reply, len, &n);
	if (!is_whole && why != NULL)
		code = mf_err_set(&live->err, why->code == MF_ETIMEOUT ? MF_ETIMEOUT : MF_EUNAVAIL,
				  "%s", why->msg);
	else if (!is_whole)
		code = mf_err_set(&live->err, MF_EUNAVAIL, "%s: %zu of %zu commands were answered",
				  path, n, count);
	end(live, code);
}

/* The script follows over the same connection, and so to the same process. */
static void on_head(void *ctx, const char *reply, size_t len)
{
	struct live *live = ctx;
	const char *end = reply + len;
	const char *info = memmem(reply, len, prompt, sizeof(prompt) - 1);

	if (info == NULL)
		return;
	info += sizeof(prompt) - 1;
	if (memmem(info, (size_t)(end - info), prompt, sizeof(prompt) - 1) == NULL)
		return;
	usock_on_more(live->usock, NULL);
	live->is_stopped = !live_is_same_worker(live, info);
	if (!live->is_stopped)
		usock_send(live->usock, buf_str(&live->script.text), live->script.text.len);
	usock_send(live->usock, quit, sizeof(quit) - 1);
}

static void send(struct live *live, bool is_for_all, void (*on_done)(struct live *live, int code))
{
	buf_auto struct buf text = BUF_INIT;

	live_end_entries(live);
	live->on_done = on_done;
	live->is_wrong = live->is_stopped = false;
	buf_clear(&live->complaint);
	if (live->script.err.code != 0) {
		live->err = live->script.err;
		end(live, MF_EDATA);
		return;
	}
	buf_add(&text, head, sizeof(head) - 1);
	if (is_for_all) {
		buf_add(&text, buf_str(&live->script.text), live->script.text.len);
		buf_add(&text, quit, sizeof(quit) - 1);
	}
	live->usock = usock_start(live->loop, live->settings->haproxy.admin_socket, text.data,
				  text.len, LIVE_MAX_REPLY, LIVE_DEADLINE_MS, on_reply, live);
	if (!is_for_all)
		usock_on_more(live->usock, on_head);
}

void live_send(struct live *live, void (*on_done)(struct live *live, int code))
{
	send(live, false, on_done);
}

void live_send_to_any(struct live *live, void (*on_done)(struct live *live, int code))
{
	send(live, true, on_done);
}
