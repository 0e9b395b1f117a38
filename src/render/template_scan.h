/*
 * The tags of a template's text, one after the other: for template_compile.c only.
 */
#ifndef MF_RENDER_TEMPLATE_SCAN_H
#define MF_RENDER_TEMPLATE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mf_err;
struct template;

#define SCAN_DELIMITER_MAX 16

struct tag {
	char sigil;	  /* '#' and so on; 0 for {{name}}, '{' for {{{name}}} */
	const char *name; /* trimmed content */
	size_t len;
	size_t start, end;	  /* of the whole tag in the text */
	size_t line_start, after; /* its line, from its start to behind its end's newline */
	size_t blank_end;	  /* where the white space behind the tag ends */
	bool blank_before, blank_after;
	uint32_t line, column;
};

struct scan {
	const struct template *t; /* for messages */
	const char *src;
	size_t len;
	size_t counted; /* line and column are those of this byte */
	uint32_t line, column;
	char open[SCAN_DELIMITER_MAX], close[SCAN_DELIMITER_MAX];
	size_t open_len, close_len;
	struct mf_err *err;
};

/* clang-format off */
#define SCAN_INIT(t, src, len, err) {(t), (src), (len), 0, 1, 1, "{{", "}}", 2, 2, (err)}
/* clang-format on */

/* The first tag at from or behind it: 1; 0: there is none; MF_EDATA: it is no good one. */
int scan_next(struct scan *s, size_t from, struct tag *ret_tag);

/* Where a byte is; never before a place asked for, or a tag found, earlier. */
void scan_place(struct scan *s, size_t pos, uint32_t *ret_line, uint32_t *ret_column);

/* From a tag {{=...=}} on. */
int scan_set_delimiters(struct scan *s, const struct tag *tag);

bool scan_is_blank(char c); /* white space that ends no line */

/* The '*' of a dynamic name with the white space behind it, which is padding; 0: there is none. */
size_t tag_star(const struct tag *tag);
bool tag_is_closed_by(const struct tag *open, const struct tag *end);

#endif
