/* A Docker image's reference: which service and version a container is when it does not say. */
#include "register/container_image.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

enum { SHORT_ID = 12 };

static bool is_hex(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isxdigit((unsigned char)s[i]))
			return false;
	return true;
}

/* "sha256:0123..." as "sha256-0123...", cut; NULL for another form. */
static char *make_version(const char *digest)
{
	const char *colon = strchr(digest, ':');

	if (colon == NULL || colon == digest || strnlen(colon + 1, SHORT_ID) < SHORT_ID ||
	    !is_hex(colon + 1, SHORT_ID))
		return NULL;
	return mem_printf("%.*s-%.*s", (int)(colon - digest), digest, SHORT_ID, colon + 1);
}

/* Started by its id, in full or cut: the engine knows no name. */
static bool is_id(const char *image, const char *image_id)
{
	const char *colon = strchr(image_id, ':');
	const char *digits = colon == NULL ? image_id : colon + 1;
	size_t len = strlen(image);

	return strcmp(image, image_id) == 0 ||
	       (len >= SHORT_ID && is_hex(image, len) && str_has_prefix(digits, image));
}

void container_parse_image(const char *image, const char *image_id, char **ret_name,
			   char **ret_version)
{
	const char *at = strchr(image, '@'), *name, *end, *tag;

	*ret_name = NULL;
	*ret_version = NULL;
	if (is_id(image, image_id)) {
		*ret_version = make_version(image_id);
	} else {
		end = at == NULL ? image + strlen(image) : at;
		name = memrchr(image, '/', (size_t)(end - image));
		name = name == NULL ? image : name + 1;
		tag = memchr(name, ':', (size_t)(end - name));
		*ret_name = mem_dup_bytes(name, (size_t)((tag == NULL ? end : tag) - name));
		if (tag != NULL)
			*ret_version = mem_dup_bytes(tag + 1, (size_t)(end - tag - 1));
		else if (at != NULL)
			*ret_version = make_version(at + 1);
	}
	if (*ret_version == NULL)
		*ret_version = mem_dup_str("latest");
}
