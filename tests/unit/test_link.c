/* model/link and store/link_key: what is signed, and the file of the key. */
#include "model/link.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/link_key.h"
#include "unit.h"

/* As openssl dgst -sha256 -hmac says it, with a key of the letter k. */
START_TEST(a_signature_is_of_host_environment_and_time)
{
	unsigned char key[LINK_KEY_BYTES];
	char one[LINK_SIGNATURE_SIZE], other[LINK_SIGNATURE_SIZE];

	memset(key, 'k', sizeof(key));
	ck_assert_int_eq(link_sign(key, "shop.example.com", "pr-42", 1900000000, one, NULL), 0);
	ck_assert_str_eq(one, "2c032b6ffeb284e024280786eaed0ffc520cca2f6154dcffdf8e58efb8160c43");
	ck_assert_int_eq(link_sign(key, "shop.example.com", "pr-43", 1900000000, other, NULL), 0);
	ck_assert_str_ne(one, other);
	ck_assert_int_eq(link_sign(key, "shop.example.org", "pr-42", 1900000000, other, NULL), 0);
	ck_assert_str_ne(one, other);
	ck_assert_int_eq(link_sign(key, "shop.example.com", "pr-42", 1900000001, other, NULL), 0);
	ck_assert_str_ne(one, other);
}
END_TEST

START_TEST(the_file_of_the_key_is_made_once)
{
	char dir[] = "/tmp/mf-link-XXXXXX", path[64];
	unsigned char one[LINK_KEY_BYTES], other[LINK_KEY_BYTES];
	struct stat st;
	struct mf_err err;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/key", dir);
	ck_assert_int_eq(link_key_load(path, one, &err), 0);
	ck_assert_int_eq(link_key_load(path, other, &err), 0);
	ck_assert_int_eq(memcmp(one, other, sizeof(one)), 0);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0640);
	ck_assert_uint_eq(st.st_nlink, 1);
	ck_assert_int_eq(chmod(path, 0644), 0);
	ck_assert_int_eq(link_key_load(path, other, &err), MF_EPERM);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(dir), 0);
	ck_assert_int_eq(link_key_load(path, other, &err), MF_EWRITE);
}
END_TEST

#define OTHER_WORD "yek a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\n"
static const char *const bad[] = {"", "key", "key \n", "key QUJD\n", OTHER_WORD};

START_TEST(what_is_no_key_is_refused)
{
	unsigned char key[LINK_KEY_BYTES];

	ck_assert_int_eq(link_key_parse(bad[_i], strlen(bad[_i]), key, NULL), MF_EDATA);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("link");

	tcase_add_test(tc, a_signature_is_of_host_environment_and_time);
	tcase_add_test(tc, the_file_of_the_key_is_made_once);
	tcase_add_loop_test(tc, what_is_no_key_is_refused, 0, sizeof(bad) / sizeof(bad[0]));
	return unit_run("link", tc);
}
