/* Lists of strings.  They are short: adding counts what is there. */
#include "base/strlist.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

size_t strlist_count(char *const *list)
{
	size_t count = 0;

	while (list != NULL && list[count] != NULL)
		count++;
	return count;
}

void strlist_add_bytes(char ***list, const char *s, size_t len)
{
	size_t count = strlist_count(*list);

	*list = mem_realloc(*list, count + 2, sizeof(**list));
	(*list)[count] = mem_dup_bytes(s, len);
	(*list)[count + 1] = NULL;
}

void strlist_add(char ***list, const char *s)
{
	strlist_add_bytes(list, s, strlen(s));
}

char **strlist_dup(char *const *list)
{
	size_t count = strlist_count(list);
	char **copy;

	if (list == NULL)
		return NULL;
	copy = mem_alloc((count + 1) * sizeof(*copy));
	for (size_t i = 0; i < count; i++)
		copy[i] = mem_dup_str(list[i]);
	return copy;
}

bool strlist_is_equal(char *const *a, char *const *b)
{
	size_t count = strlist_count(a);

	if (count != strlist_count(b))
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return true;
}

void strlist_free(char **list)
{
	for (char **s = list; s != NULL && *s != NULL; s++)
		free(*s);
	free(list);
}

char **strlist_split(const char *text, char separator)
{
	char **list = mem_alloc(sizeof(*list));

	while (text[0] != '\0' || list[0] != NULL) {
		const char *end = strchrnul(text, separator);

		strlist_add_bytes(&list, text, (size_t)(end - text));
		if (*end == '\0')
			break;
		text = end + 1;
	}
	return list;
}
