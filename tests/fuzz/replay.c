/*
 * Runs a fuzz entry over its corpus, without a fuzzer: what once broke something stays mended.
 * fuzz_NAME reads tests/fuzz/corpus/NAME, or the folders given; one TAP test for each file.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned tests;
static unsigned failed;

static bool read_file(const char *path, struct buf *ret_bytes)
{
	FILE *f = fopen(path, "re");
	char bytes[16384];
	size_t n;
	bool good;

	if (f == NULL)
		return false;
	while ((n = fread(bytes, 1, sizeof(bytes), f)) != 0)
		buf_add(ret_bytes, bytes, n);
	good = ferror(f) == 0;
	(void)fclose(f);
	return good;
}

static void report(bool good, const char *path)
{
	(void)printf("%s %u - %s\n", good ? "ok" : "not ok", ++tests, path);
	(void)fflush(stdout); /* before the next one may crash */
	if (!good)
		failed++;
}

/* A copy without room behind it, so that a sanitizer sees one byte too many being read. */
static void replay(const char *path)
{
	buf_auto struct buf bytes = BUF_INIT;
	mem_auto_free uint8_t *exact = NULL;

	if (!read_file(path, &bytes)) {
		report(false, path);
		return;
	}
	exact = mem_alloc(bytes.len);
	if (bytes.len != 0)
		memcpy(exact, bytes.data, bytes.len);
	(void)LLVMFuzzerTestOneInput(exact, bytes.len);
	report(true, path);
}

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void replay_folder(const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, is_input, alphasort);

	if (n <= 0) /* no corpus is no proof */
		report(false, folder);
	if (n < 0)
		return;
	for (int i = 0; i < n; i++) {
		mem_auto_free char *path = mem_printf("%s/%s", folder, entries[i]->d_name);

		replay(path);
		free(entries[i]);
	}
	free(entries);
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');
	const char *name = slash == NULL ? argv[0] : slash + 1;
	mem_auto_free char *own = NULL;

	if (str_has_prefix(name, "fuzz_"))
		name += strlen("fuzz_");
	own = mem_printf("tests/fuzz/corpus/%s", name);
	if (argc < 2)
		replay_folder(own);
	for (int i = 1; i < argc; i++)
		replay_folder(argv[i]);
	(void)printf("1..%u\n", tests);
	return failed == 0 ? 0 : 1;
}
