/* What of a URL and its headers decides where a request goes. */
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/settings.h"
#include "operator/request.h"
#include "unit.h"

static const struct {
	const char *path, *is; /* NULL: it can be read in several ways */
} paths[] = {
    {"", "/"},
    {"/", "/"},
    {"/a", "/a/"},
    {"/a/?x=/b", "/a/"},
    {"/a#b", "/a/"},
    {"//a///b", "/a/b/"},
    {"/./a/.", "/a/"},
    {"/a/../b", "/b/"},
    {"/a/b/../../..", "/"},
    {"/../../a", "/a/"},
    {"/%61%2D%7e/%2e%2E/b", "/b/"},
    {"/%2fa", "/%2fa/"},
    {"/a%zz%2", "/a%zz%2/"},
    {"/a%5Cb", "/a%5Cb/"},
    {"/a;b", "/a;b/"},
    {"/a/..%2fb", NULL},
    {"/a/..\\b", NULL},
    {"/a/..;b", NULL},
    {"/a/..%3Bb", NULL},
    {"/a%2F..", NULL},
    {"/a\\../b", NULL},
};

START_TEST(paths_are_matched_as_haproxy_does)
{
	mem_auto_free char *url = mem_printf("http://X.org:80%s", paths[_i].path);
	struct settings *settings = settings_new("node");
	struct request request;

	ck_assert_int_eq(request_parse(url, NULL, false, settings, &request, NULL), 0);
	ck_assert_str_eq(request.host, "x.org");
	ck_assert_int_eq(request.is_vague, paths[_i].is == NULL);
	if (paths[_i].is != NULL)
		ck_assert_str_eq(request.path, paths[_i].is);
	request_fini(&request);
	settings_free(settings);
}
END_TEST

static const struct {
	const char *path, *read; /* NULL: in the same way */
} others[] = {
    {"/a/b", NULL},	 {"/%2fa", "/a/"},	    {"/a%5Cb", "/a/b/"},
    {"/a\\b", "/a/b/"},	 {"/a;b", "/a/"},	    {"/a;x/;y/b;z?;", "/a/b/"},
    {"/a%3Bb", "/a/"},	 {"/.%2fa;x%2fb", "/a/b/"}, {"/a%2F.;x/b", "/a/b/"},
    {"/a%2Fb/..", NULL},
};

START_TEST(paths_are_read_as_some_services_do)
{
	mem_auto_free char *url = mem_printf("http://x.org%s", others[_i].path);
	struct settings *settings = settings_new("node");
	struct request request;

	ck_assert_int_eq(request_parse(url, NULL, false, settings, &request, NULL), 0);
	ck_assert_pstr_eq(request.read_path, others[_i].read);
	request_fini(&request);
	settings_free(settings);
}
END_TEST

static const struct {
	const char *url, *host, *path;
} urls[] = {
    {"www.x.org", "www.x.org", "/"},
    {"HTTP://x.org/a", "x.org", "/a/"},
    {"https://x.org:443", "x.org", "/"},
    {"http://x.org:/a", "x.org", "/a/"},
    {"http://u:p@x.org/a@b", "x.org", "/a@b/"},
    {"http://u@v:p@x.org:80", "x.org", "/"},
    {"u:p@x.org?a@b", "x.org", "/"},
    {"x.org/a?u=http://y", "x.org", "/a/"},
    {"http://[::1]:80/a", "[::1]:80", "/a/"},
    {"http://[::1]", "[::1]", "/"},
};

START_TEST(urls_are_as_clients_read_them)
{
	struct settings *settings = settings_new("node");
	struct request request;

	ck_assert_int_eq(request_parse(urls[_i].url, NULL, false, settings, &request, NULL), 0);
	ck_assert_str_eq(request.host, urls[_i].host);
	ck_assert_str_eq(request.path, urls[_i].path);
	request_fini(&request);
	settings_free(settings);
}
END_TEST

static const struct {
	const char *first, *second, *asked;
} headers[] = {
    {"x-mayfly: a", NULL, "a"},
    {"X-Mayfly:\ta ", "x-mayfly:", "a"},
    {"x-mayfly: a", "x-mayfly: b", "b"},
    {"x-mayfly-not: a", NULL, NULL},
    {"baggage: mayfly=a", NULL, "a"},
    {"baggage: x=1, MAYFLY = a ;p=1 , y=2", NULL, "a"},
    {"baggage: mayfly=a,mayfly=", "baggage: mayflies=b", "a"},
    {"baggage: mayfly=a", "baggage: mayfly=b", "b"},
    {"baggage: mayfly=a", "x-mayfly: b", "b"},
};

START_TEST(headers_name_the_environment)
{
	char *list[] = {(char *)headers[_i].first, (char *)headers[_i].second, NULL};
	struct settings *settings = settings_new("node");
	struct request request;

	ck_assert_int_eq(request_parse("h/Web", list, true, settings, &request, NULL), 0);
	ck_assert_int_eq(request.door, REQUEST_LOCAL);
	ck_assert_str_eq(request.service, "web");
	ck_assert_str_eq(request.path, "/");
	if (headers[_i].asked == NULL)
		ck_assert_ptr_null(request.asked);
	else
		ck_assert_str_eq(request.asked, headers[_i].asked);
	request_fini(&request);
	settings_free(settings);
}
END_TEST

static const char *const wrong[] = {"",		 "/",	    "http://",	     "ftp://x",
				    "http:///x", "x\ny",    "http://u:p@/",  "http://:80/",
				    "x:0",	 "x:99999", "http://x:80a/", "x/a b",
				    "[::1",	 "[::1]80"};

START_TEST(refuses_what_is_no_url)
{
	struct settings *settings = settings_new("node");
	struct request request;
	struct mf_err err;

	ck_assert_int_eq(request_parse(wrong[_i], NULL, false, settings, &request, &err),
			 MF_EUSAGE);
	settings_free(settings);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("request");

	tcase_add_loop_test(tc, paths_are_read_as_some_services_do, 0,
			    (int)(sizeof(others) / sizeof(others[0])));
	tcase_add_loop_test(tc, paths_are_matched_as_haproxy_does, 0,
			    sizeof(paths) / sizeof(paths[0]));
	tcase_add_loop_test(tc, urls_are_as_clients_read_them, 0, sizeof(urls) / sizeof(urls[0]));
	tcase_add_loop_test(tc, headers_name_the_environment, 0,
			    sizeof(headers) / sizeof(headers[0]));
	tcase_add_loop_test(tc, refuses_what_is_no_url, 0, sizeof(wrong) / sizeof(wrong[0]));
	return unit_run("request", tc);
}
