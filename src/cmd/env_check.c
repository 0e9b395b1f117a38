/* envwatch --check: prints what the parser says of each file.  Knows neither etcd nor the loop. */
#include "cmd/env_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strmap.h"
#include "model/env.h"
#include "model/node.h"
#include "sys/file.h"

struct check {
	const char *path;
	struct strmap *seen; /* environment -> the path that has it */
	size_t problems;     /* of this file */
};

static void print_line(FILE *to, const char *path, const char *words)
{
	buf_auto struct buf line = BUF_INIT;

	str_add_escaped(&line, path, strlen(path));
	buf_printf(&line, ": %s\n", words);
	(void)fputs(line.data, to);
}

static void on_bad(void *ctx, const struct mf_err *why)
{
	struct check *c = ctx;

	c->problems++;
	print_line(stderr, c->path, why->msg);
}

static void check_distinct(struct check *c, const struct env *env)
{
	const char *first = strmap_find(c->seen, env->name);
	struct mf_err err;

	if (first == NULL) {
		strmap_set(c->seen, env->name, (void *)c->path);
		return;
	}
	(void)mf_err_set(&err, MF_EDATA, "environment %s: also in %s", env->name, first);
	on_bad(c, &err);
}

static int check_text(struct check *c, const struct buf *text, size_t *ret_count,
		      struct mf_err *err)
{
	struct env **envs;
	size_t count;

	if (env_parse_file(buf_str(text), text->len, &envs, &count, on_bad, c, err) != 0)
		return err->code;
	for (size_t i = 0; i < count; i++) {
		check_distinct(c, envs[i]);
		env_unref(envs[i]);
	}
	free(envs);
	*ret_count = count;
	return c->problems == 0 ? 0 : MF_EDATA;
}

static int check_file(struct check *c)
{
	mem_auto_free char *good = NULL;
	buf_auto struct buf text = BUF_INIT;
	struct mf_err err;
	size_t count = 0;
	int code = file_read(c->path, NODE_MAX_BYTES, &text, &err);

	if (code != 0) { /* its words begin with the path */
		(void)fprintf(stderr, "%s\n", err.msg);
		return code;
	}
	err.msg[0] = '\0';
	code = check_text(c, &text, &count, &err);
	if (code != 0) {
		if (err.msg[0] != '\0')
			print_line(stderr, c->path, err.msg);
		return code;
	}
	good = mem_printf("ok (%zu environment%s)", count, count == 1 ? "" : "s");
	print_line(stdout, c->path, good);
	return 0;
}

int env_check_files(char *const *paths, int count)
{
	struct strmap *seen = strmap_new(NULL);
	int worst = 0;

	for (int i = 0; i < count; i++) {
		struct check c = {.path = paths[i], .seen = seen};
		int code = check_file(&c);

		if (worst == 0 || code == MF_EDATA)
			worst = code == 0 ? worst : code;
	}
	strmap_free(seen);
	if (fflush(stdout) != 0 && worst == 0)
		worst = MF_EWRITE;
	return mf_err_exit_status(worst);
}
