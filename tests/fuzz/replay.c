/*
 * Runs a fuzz entry on every file of the directories given as arguments, with no fuzzer: TAP, one
 * line a file.  A crash ends it before its plan, which is a failure.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "fuzz.h"

static int is_input(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* NULL: cannot be read.  The copy is exact, so that a sanitizer sees a read behind its end. */
static uint8_t *read_all(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	uint8_t *data = NULL;

	if (file == NULL)
		return NULL;
	if (fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode)) {
		*ret_size = (size_t)st.st_size;
		data = mem_alloc(*ret_size);
		if (fread(data, 1, *ret_size, file) != *ret_size) {
			free(data);
			data = NULL;
		}
	}
	(void)fclose(file);
	return data;
}

static int replay(const char *path, unsigned number)
{
	size_t size = 0;
	uint8_t *data = read_all(path, &size);

	if (data == NULL) {
		(void)printf("not ok %u - %s: cannot be read\n", number, path);
		return 1;
	}
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	(void)printf("ok %u - %s\n", number, path);
	(void)fflush(stdout);
	return 0;
}

static int replay_directory(const char *directory, unsigned *count)
{
	struct dirent **entries;
	int n = scandir(directory, &entries, is_input, alphasort), failed = 0;

	if (n < 0) {
		(void)printf("not ok %u - %s: cannot be read\n", ++*count, directory);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		mem_auto_free char *path = mem_printf("%s/%s", directory, entries[i]->d_name);

		failed += replay(path, ++*count);
		free(entries[i]);
	}
	free(entries);
	return failed;
}

int main(int argc, char **argv)
{
	unsigned count = 0;
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed += replay_directory(argv[i], &count);
	(void)printf("1..%u\n", count);
	return failed == 0 && count != 0 ? 0 : 1;
}
