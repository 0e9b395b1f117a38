/* Fuzzes the words of health checks: the first line is the check, the others are KEY=VALUE. */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "fuzz.h"
#include "register/check_kind.h"

static bool is_printable(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s >= 0x7f)
			return false;
	return true;
}

static void check_err(int code, const struct mf_err *err)
{
	FUZZ_CHECK(code == MF_EDATA && err->code == MF_EDATA);
	FUZZ_CHECK(strpbrk(err->msg, "\n\r\x1b") == NULL);
}

/* What goes out to others: into a request, a program's words, a URL. */
static void check_sane(const struct check_spec *s)
{
	FUZZ_CHECK(s->port <= 65535 && s->interval_ms >= 10 && s->timeout_ms >= 10);
	FUZZ_CHECK(s->rise >= 1 && s->fall >= 1 && s->status_min <= s->status_max);
	FUZZ_CHECK(s->kind->is_program == (s->argv != NULL));
	FUZZ_CHECK(s->argv == NULL || (s->argv[0] != NULL && s->argv[0][0] != '\0'));
	FUZZ_CHECK(s->kind->is_http == (s->path != NULL));
	if (s->path != NULL) {
		FUZZ_CHECK(s->path[0] == '/' && is_printable(s->path) && is_printable(s->method));
		FUZZ_CHECK(s->host == NULL || strpbrk(s->host, "/@?#[]") == NULL);
	}
	for (size_t i = 0; s->headers != NULL && s->headers[i] != NULL; i++)
		FUZZ_CHECK(strpbrk(s->headers[i], "\r\n") == NULL);
}

static void set_line(struct check_spec *spec, char *line)
{
	char *value = strchr(line, '=');
	struct mf_err err = {0};
	int code;

	if (value == NULL)
		return;
	*value++ = '\0';
	code = check_spec_set(spec, line, value, &err);
	if (code != 0 && strpbrk(line, "\n\r\x1b") == NULL)
		check_err(code, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	mem_auto_free char *text = mem_dup_bytes(data, size);
	char *rest = text, *line = strsep(&rest, "\n");
	struct check_spec *spec = NULL, *copy;
	struct mf_err err = {0};
	int code = check_spec_parse(line, &spec, &err);

	if (code != 0) {
		check_err(code, &err);
		FUZZ_CHECK(spec == NULL);
		return 0;
	}
	while ((line = strsep(&rest, "\n")) != NULL)
		set_line(spec, line);
	check_sane(spec);
	copy = check_spec_dup(spec);
	FUZZ_CHECK(check_spec_is_equal(spec, copy));
	check_spec_free(copy);
	check_spec_free(spec);
	return 0;
}
