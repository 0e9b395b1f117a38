/* Shares of a service's requests: read, and made into ranges of numbers.  Knows neither services
 * nor how requests get their numbers. */
#include "model/choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/node.h"

/* --- ranges ----------------------------------------------------------------------------------- */

/* Who has which number; of some numbers nobody asks. */
struct owners {
	uint8_t of[CHOICE_NUMBERS];
};
#define NOBODY UINT8_MAX

static void add_range(struct choice *choice, uint8_t gone, unsigned number, unsigned digits,
		      uint8_t version)
{
	struct choice_range range = {.gone = gone, .version = version};

	(void)snprintf(range.digits, sizeof(range.digits), "%u", number % 1000);
	range.digits[digits] = '\0';
	choice->ranges = mem_realloc(choice->ranges, choice->range_count + 1, sizeof(range));
	choice->ranges[choice->range_count++] = range;
}

/* Whose most of count numbers are; otherwise: they are nobody's. */
static uint8_t most_of(const struct owners *owners, unsigned first, unsigned count,
		       uint8_t otherwise)
{
	unsigned counts[CHOICE_MAX_VERSIONS] = {0};
	uint8_t most = otherwise;

	for (unsigned i = first; i < first + count; i++)
		if (owners->of[i] != NOBODY)
			counts[owners->of[i]]++;
	for (uint8_t i = 0; i < CHOICE_MAX_VERSIONS; i++)
		if (counts[i] > (most == NOBODY ? 0 : counts[most]))
			most = i;
	return most;
}

/* As few as can be: what most have is said once, and the others beside it. */
static void add_ranges(struct choice *choice, uint8_t gone, const struct owners *owners,
		       uint8_t otherwise)
{
	for (unsigned ten = 0; ten < CHOICE_NUMBERS; ten += 10) {
		uint8_t most = most_of(owners, ten, 10, otherwise);

		if (most != otherwise)
			add_range(choice, gone, 100 + ten, 2, most);
		for (unsigned i = ten; i < ten + 10; i++)
			if (owners->of[i] != NOBODY && owners->of[i] != most)
				add_range(choice, gone, 100 + i, 3, owners->of[i]);
	}
}

static struct owners find_owners(const struct choice *choice)
{
	struct owners owners = {.of = {0}};
	unsigned n = 0;

	for (size_t i = 0; i < choice->share_count; i++)
		for (unsigned j = 0; j < choice->shares[i].percent; j++)
			owners.of[n++] = (uint8_t)i;
	return owners;
}

/* The share's own numbers among the others by their percents; of equal ones if they have none. */
static struct owners find_heirs(const struct choice *choice, const struct owners *owners,
				uint8_t gone)
{
	struct owners heirs;
	unsigned own = choice->shares[gone].percent, all = 100U - own, n = 0;
	unsigned others = (unsigned)choice->share_count - 1;

	memset(heirs.of, NOBODY, sizeof(heirs.of));
	for (unsigned i = 0; i < CHOICE_NUMBERS; i++) {
		unsigned sum = 0, at;

		if (owners->of[i] != gone)
			continue;
		at = (2 * n++ + 1) * (all == 0 ? others : all); /* of 2 * own */
		for (uint8_t j = 0; j < choice->share_count; j++) {
			if (j == gone)
				continue;
			sum += all == 0 ? 1 : choice->shares[j].percent;
			if (at < 2 * own * sum) {
				heirs.of[i] = j;
				break;
			}
		}
	}
	return heirs;
}

/* Behind a share whose numbers are not asked for stands the next one, so that all are tried. */
static void make_ranges(struct choice *choice)
{
	const struct owners owners = find_owners(choice);
	uint8_t most = most_of(&owners, 0, CHOICE_NUMBERS, NOBODY);

	add_range(choice, CHOICE_NOT_GONE, 100, 1, most);
	add_ranges(choice, CHOICE_NOT_GONE, &owners, most);
	for (uint8_t i = 0; i < choice->share_count && choice->share_count > 1; i++) {
		const struct owners heirs = find_heirs(choice, &owners, i);
		uint8_t next = (uint8_t)((i + 1U) % choice->share_count);

		add_range(choice, i, 100, 0, next);
		add_ranges(choice, i, &heirs, next);
	}
}

/* --- reading ---------------------------------------------------------------------------------- */

static int read_share(const struct node *member, enum name_kind kind, struct choice *choice,
		      struct mf_err *err)
{
	struct choice_share *share = &choice->shares[choice->share_count];
	struct mf_err why;
	long percent;

	if (name_check(kind, member->key, strlen(member->key), &why) != 0)
		return node_error_key(member, err, "%s", why.msg);
	if (node_get_int(member, 0, 100, &percent, err) != 0)
		return mf_err_wrap(err, "%s", member->key);
	*share = (struct choice_share){mem_dup_str(member->key), (uint8_t)percent};
	choice->share_count++;
	return 0;
}

static int read_shares(const struct node *node, enum name_kind kind, struct choice *choice,
		       struct mf_err *err)
{
	unsigned sum = 0;

	if (node->kind != NODE_MAP)
		return node_error(node, err, "must be a map of %s to percents",
				  kind == NAME_VERSION ? "versions" : "environments");
	if (node->child_count > CHOICE_MAX_VERSIONS)
		return node_error(node, err, "%zu of them, at most %d are allowed",
				  node->child_count, CHOICE_MAX_VERSIONS);
	for (size_t i = 0; i < node->child_count; i++) {
		int code = read_share(&node->children[i], kind, choice, err);

		if (code != 0)
			return code;
		sum += choice->shares[i].percent;
	}
	if (sum != 100)
		return node_error(node, err, "the percents must make 100, not %u", sum);
	return 0;
}

static void make_text(struct choice *choice)
{
	struct buf text = BUF_INIT;

	buf_add_char(&text, '{');
	for (size_t i = 0; i < choice->share_count; i++)
		buf_printf(&text, "%s\"%s\":%u", i == 0 ? "" : ",", choice->shares[i].version,
			   choice->shares[i].percent);
	buf_add_char(&text, '}');
	choice->text = buf_take(&text);
}

int choice_read(const struct node *node, enum name_kind kind, struct choice **ret_choice,
		struct mf_err *err)
{
	struct choice *choice = MEM_NEW(choice);
	int code;

	choice->refs = 1;
	code = read_shares(node, kind, choice, err);
	if (code != 0) {
		choice_unref(choice);
		return code;
	}
	make_text(choice);
	make_ranges(choice);
	*ret_choice = choice;
	return 0;
}

struct choice *choice_new(const char *version)
{
	struct choice *choice = MEM_NEW(choice);

	choice->refs = 1;
	choice->shares[0] = (struct choice_share){mem_dup_str(version), 100};
	choice->share_count = 1;
	make_text(choice);
	make_ranges(choice);
	return choice;
}

/* --- who keeps to a version, and who gets another --------------------------------------------- */

/* In the order of the enum. */
static const char *const sticky_words[] = {"none", "cookie", "source", "header"};

const char *choice_sticky_word(const struct choice *choice)
{
	return sticky_words[choice->sticky];
}

void choice_add_sticky(const struct choice *choice, struct buf *json)
{
	if (choice->sticky == CHOICE_HEADER)
		buf_printf(json, "{\"header\":\"%s\"}", choice->header);
	else
		buf_printf(json, "\"%s\"", choice_sticky_word(choice));
}

static int read_sticky_header(const struct node *node, struct choice *choice, struct mf_err *err)
{
	static const char *const keys[] = {"header"};
	const struct node *header = node_find(node, keys[0]);
	const char *name = "";

	if (node_check_keys(node, keys, 1, err) != 0)
		return err->code;
	if (header == NULL)
		return node_error(node, err, "header is missing");
	if (node_get_text(header, &name, err) != 0 ||
	    when_check_name(WHEN_HEADER, header, name, err) != 0)
		return mf_err_wrap(err, "header");
	choice->sticky = CHOICE_HEADER;
	choice->header = when_make_name(WHEN_HEADER, name);
	return 0;
}

int choice_read_sticky(const struct node *node, enum choice_sticky first, struct choice *choice,
		       struct mf_err *err)
{
	unsigned word;
	int code;

	if (first != CHOICE_RANDOM && node->kind == NODE_MAP)
		return read_sticky_header(node, choice, err);
	code = node_get_word(node, sticky_words + first, CHOICE_HEADER - (size_t)first, &word, err);
	if (code == 0)
		choice->sticky = (enum choice_sticky)(first + word);
	return code;
}

static bool has_version(const struct choice *choice, const char *version)
{
	for (size_t i = 0; i < choice->share_count; i++)
		if (strcmp(choice->shares[i].version, version) == 0)
			return true;
	for (size_t i = 0; i < choice->other_count; i++)
		if (strcmp(choice->others[i], version) == 0)
			return true;
	return false;
}

void choice_set_when(struct choice *choice, struct when *when)
{
	choice->when = when;
	for (size_t i = 0; i < when->count; i++)
		if (!has_version(choice, when->conditions[i].version))
			choice->others[choice->other_count++] = when->conditions[i].version;
}

void choice_take_over(struct choice *choice, const struct choice *from)
{
	choice->sticky = from->sticky;
	if (from->header != NULL)
		choice->header = mem_dup_str(from->header);
	if (from->when != NULL)
		choice_set_when(choice, when_ref(from->when));
}

bool choice_is_same(const struct choice *a, const struct choice *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a->sticky == b->sticky && str_is_same(a->header, b->header) &&
	       strcmp(a->text, b->text) == 0 &&
	       str_is_same(a->when == NULL ? NULL : a->when->text,
			   b->when == NULL ? NULL : b->when->text);
}

/* --- as objects ------------------------------------------------------------------------------- */

struct choice *choice_ref(struct choice *choice)
{
	if (choice != NULL)
		choice->refs++;
	return choice;
}

void choice_unref(struct choice *choice)
{
	if (choice == NULL || --choice->refs != 0)
		return;
	for (size_t i = 0; i < choice->share_count; i++)
		free(choice->shares[i].version);
	free(choice->header);
	when_unref(choice->when);
	free(choice->ranges);
	free(choice->text);
	free(choice);
}

const char *choice_main_version(const struct choice *choice)
{
	size_t most = 0;

	for (size_t i = 1; i < choice->share_count; i++)
		if (choice->shares[i].percent > choice->shares[most].percent)
			most = i;
	return choice->shares[most].version;
}

void choice_add_word(const struct choice *choice, struct buf *ret_word)
{
	const struct when *when = choice->when;

	for (size_t i = 0; i < choice->share_count; i++)
		buf_printf(ret_word, "%s%s=%u%%", i == 0 ? "" : ",", choice->shares[i].version,
			   choice->shares[i].percent);
	for (size_t i = 0; when != NULL && i < when->count; i++) {
		buf_printf(ret_word, ",%s=", when->conditions[i].version);
		when_add_word(&when->conditions[i], ret_word);
	}
	if (choice->sticky == CHOICE_HEADER)
		buf_printf(ret_word, ",sticky=header.%s", choice->header);
	else if (choice->sticky != CHOICE_RANDOM)
		buf_printf(ret_word, ",sticky=%s", choice_sticky_word(choice));
}
