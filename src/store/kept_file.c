/* The text of a kept file.  Knows nothing of what its body is. */
#include "store/kept_file.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

#define MARK	": kept by envwatch as etcd has it; a change makes it yours; revision "
#define CHECKED ", checksum "

/* Of the first line up to the checksum, and of what stands behind it. */
static uint64_t hash(const char *head, size_t head_len, const char *body, size_t body_len)
{
	return str_hash_words(str_hash_words(0, head, head_len), body, body_len);
}

static char *make_head(const char *place, int64_t revision)
{
	return mem_printf("# %s" MARK "%lld" CHECKED, place, (long long)revision);
}

void kept_file_format(const char *place, int64_t revision, const char *body, struct buf *ret_text)
{
	mem_auto_free char *head = make_head(place, revision);

	buf_printf(ret_text, "%s%016llx\n%s", head,
		   (unsigned long long)hash(head, strlen(head), body, strlen(body)), body);
}

bool kept_file_parse(const char *place, const char *text, size_t len, int64_t *ret_revision,
		     const char **ret_body)
{
	mem_auto_free char *mark = mem_printf("# %s" MARK, place);
	buf_auto struct buf again = BUF_INIT;
	const char *end = memchr(text, '\n', len);
	mem_auto_free char *digits = NULL;
	int64_t revision;

	if (end == NULL || strncmp(text, mark, strlen(mark)) != 0)
		return false;
	digits = mem_dup_bytes(text + strlen(mark), strspn(text + strlen(mark), "0123456789"));
	if (!str_parse_int(digits, 0, INT64_MAX, &revision))
		return false;
	kept_file_format(place, revision, end + 1, &again);
	if (again.len != len || memcmp(again.data, text, len) != 0)
		return false;
	*ret_revision = revision;
	*ret_body = end + 1;
	return true;
}
