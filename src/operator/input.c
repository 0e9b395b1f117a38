/* A file, or the standard input.  Knows nothing of what is in it. */
#include "operator/input.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "sys/file.h"

#define MAX_TEXT ((size_t)1 << 20)
#define PIECE	 ((size_t)1 << 14)

static bool is_stdin(const char *path)
{
	return strcmp(path, "-") == 0;
}

static int read_stdin(struct buf *text, struct mf_err *err)
{
	char piece[PIECE];
	size_t len;

	while ((len = fread(piece, 1, sizeof(piece), stdin)) > 0) {
		if (text->len + len > MAX_TEXT)
			return mf_err_set(err, MF_EDATA, "longer than %zu bytes", MAX_TEXT);
		buf_add(text, piece, len);
	}
	return ferror(stdin) == 0 ? 0 : mf_err_set_sys(err, MF_ENOINPUT, "cannot be read");
}

int input_read(const char *path, struct buf *ret_text, struct mf_err *err)
{
	if (path == NULL)
		return mf_err_set(err, MF_EUSAGE, "--file: say which, or - for standard input");
	if (!is_stdin(path))
		return file_read(path, MAX_TEXT, ret_text, err);
	return read_stdin(ret_text, err) == 0 ? 0 : input_refuse(path, err);
}

int input_refuse(const char *path, struct mf_err *err)
{
	return mf_err_wrap(err, "%s", is_stdin(path) ? "standard input" : path);
}

void input_keep_first(void *ctx, const struct mf_err *why)
{
	struct mf_err *first = ctx;

	if (first->code == 0)
		*first = *why;
}
