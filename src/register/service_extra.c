/* What others than the router read of an instance.  Knows nothing of the other keys of a service.
 */
#include "register/service_extra.h"

#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "model/node.h"
#include "register/service_fields.h"
#include "register/service_file.h"

static int check_text(const struct node *node, struct mf_err *err)
{
	const char *text;
	int code = node_get_text(node, &text, err);

	for (size_t i = 0; code == 0 && text[i] != '\0'; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			code = node_error(node, err, "a control character");
	return code;
}

int service_extra_read_tags(const struct node *list, struct service_draft *draft,
			    struct mf_err *err)
{
	int code = node_check_list(list, err);

	if (code == 0 && list->child_count > SERVICE_MAX_TAGS)
		code = node_error(list, err, "%zu of them, at most %d are allowed",
				  list->child_count, SERVICE_MAX_TAGS);
	if (code == 0)
		draft->tags = mem_alloc((list->child_count + 1) * sizeof(*draft->tags));
	for (size_t i = 0; i < list->child_count && code == 0; i++) {
		const struct node *tag = &list->children[i];

		code = check_text(tag, err);
		if (code == 0 && tag->text[0] == '\0')
			code = node_error(tag, err, "must not be empty");
		draft->tags[i] = tag->text;
	}
	draft->want.tags = draft->tags;
	return code == 0 ? 0 : mf_err_wrap(err, "tags");
}

static int read_attribute(const struct node *node, struct attribute *ret, struct mf_err *err)
{
	struct mf_err why;

	for (const char *p = node->key; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return node_error_key(node, err, "a control character");
	if (instance_check_attribute(node->key, &why) != 0)
		return node_error_key(node, err, "%s", why.msg);
	if (check_text(node, err) != 0)
		return mf_err_wrap(err, "%s", node->key);
	*ret = (struct attribute){node->key, node->text};
	return 0;
}

int service_extra_read_attributes(const struct node *map, struct service_draft *draft,
				  struct mf_err *err)
{
	int code = 0;

	if (map->kind != NODE_MAP)
		code = node_error(map, err, "must be a map");
	else if (map->child_count > SERVICE_MAX_ATTRIBUTES)
		code = node_error(map, err, "%zu of them, at most %d are allowed", map->child_count,
				  SERVICE_MAX_ATTRIBUTES);
	else
		draft->attributes = mem_alloc(map->child_count * sizeof(*draft->attributes));
	for (size_t i = 0; i < map->child_count && code == 0; i++)
		code = read_attribute(&map->children[i], &draft->attributes[i], err);
	if (code != 0)
		return mf_err_wrap(err, "attributes");
	draft->want.attributes = draft->attributes;
	draft->want.attribute_count = map->child_count;
	return 0;
}

/* Many go to etcd in one request, which is bounded. */
int service_extra_check(const struct node *map, const struct service_draft *draft,
			struct mf_err *err)
{
	size_t size = 0;

	for (size_t i = 0; draft->tags != NULL && draft->tags[i] != NULL; i++)
		size += strlen(draft->tags[i]);
	for (size_t i = 0; i < draft->want.attribute_count; i++)
		size += strlen(draft->attributes[i].name) + strlen(draft->attributes[i].value);
	if (size > SERVICE_MAX_EXTRA)
		return node_error(map, err,
				  "tags and attributes: %zu bytes of them, at most %d are allowed",
				  size, SERVICE_MAX_EXTRA);
	return 0;
}
