/*
 * A URL and headers as somebody types them for `mayfly explain`, a line each; the first byte says
 * by which door, and under which settings.  What comes out is as HAProxy looks it up.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/strlist.h"
#include "fuzz.h"
#include "model/settings.h"
#include "operator/request.h"

static bool has_part(const char *path, const char *part)
{
	size_t n = strlen(part);

	for (const char *p = path; (p = strstr(p, part)) != NULL; p++)
		if (p[n] == '/')
			return true;
	return false;
}

static void check_request(const struct request *request)
{
	size_t len = strlen(request->host);

	FUZZ_CHECK(request->path[0] == '/');
	FUZZ_CHECK(len == 0 || request->host[len - 1] != '.');
	FUZZ_CHECK((request->door == REQUEST_EXTERNAL) == (request->service == NULL));
	FUZZ_CHECK(request->asked == NULL || request->asked[0] != '\0');
	if (request->door != REQUEST_EXTERNAL)
		return;
	FUZZ_CHECK(request->path[strlen(request->path) - 1] == '/');
	FUZZ_CHECK(strstr(request->path, "//") == NULL && !has_part(request->path, "/.") &&
		   !has_part(request->path, "/.."));
}

static void read_request(const char *url, char *const *headers, unsigned char choice)
{
	struct settings *settings = settings_new("node");
	struct request request;
	struct mf_err err;

	if ((choice & 2) != 0)
		strlist_add(&settings->haproxy.internal_bind, "127.0.0.1:1");
	if (request_parse(url, headers, (choice & 1) != 0, settings, &request, &err) == 0) {
		check_request(&request);
		request_fini(&request);
	} else {
		FUZZ_CHECK(err.code == MF_EUSAGE);
	}
	(void)request_check_method(url, &err);
	settings_free(settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	mem_auto_free char *text = NULL;
	char **lines;

	if (size < 1)
		return 0;
	text = mem_dup_bytes((const char *)data + 1, size - 1);
	lines = strlist_split(text, '\n');
	if (lines != NULL && lines[0] != NULL)
		read_request(lines[0], lines + 1, data[0]);
	strlist_free(lines);
	return 0;
}
