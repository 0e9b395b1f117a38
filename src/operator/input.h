/*
 * The file that a person names with --file.
 */
#ifndef MF_OPERATOR_INPUT_H
#define MF_OPERATOR_INPUT_H

struct buf;
struct mf_err;

/* All of it; "-" is the standard input.  MF_EUSAGE: path is NULL, none was named. */
int input_read(const char *path, struct buf *ret_text, struct mf_err *err);

/* What is wrong in it, with its name before it. */
int input_refuse(const char *path, struct mf_err *err);

/* Of what is bad in it, the first: ctx is a struct mf_err, of code 0 before. */
void input_keep_first(void *ctx, const struct mf_err *why);

#endif
