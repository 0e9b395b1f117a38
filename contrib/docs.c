/*
 * What is made from the tables of fields when Mayfly is built:
 *
 *     docs schema FORMAT    the JSON Schema of a format
 *     docs example FORMAT   a file of it to begin with: the defaults, each line a comment
 *     docs shapes DIR       the JSON Schemas of what mayfly(1) prints, a file each
 *     docs page FILE        a manual page, with `.\\" keys FORMAT` and `.\\" defaults FORMAT`
 * filled in
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/mem.h"
#include "model/backend.h"
#include "model/env_fields.h"
#include "model/fields_doc.h"
#include "model/policy.h"
#include "model/service.h"
#include "model/settings.h"
#include "operator/shape.h"
#include "register/announcement.h"
#include "register/service_file.h"

enum many {
	MANY_NONE,	 /* the file is one object */
	MANY_ANY = -1,	 /* a list of any length */
	MANY_NAMED = -2, /* a map: each has its name as the key */
};

static const struct format {
	const char *name, *title;
	const struct fields *fields;
	int list_max; /* of a file that may hold a list of them, or enum many */
} formats[] = {
    {"environment", "Mayfly environment file", &fields_of_env, MANY_ANY},
    {"service", "Mayfly service file", &announcement_fields, SERVICE_FILE_MAX},
    {"services", "Mayfly settings of services: services.yaml", &fields_of_service, MANY_NAMED},
    {"settings", "Mayfly settings: mayfly.yaml", &fields_of_settings, 0},
    {"policy", "Mayfly policy: policy.yaml", &fields_of_policy, 0},
    {"etcd-service", "Mayfly: value of /mayfly/services/NAME", &fields_of_service, 0},
    {"etcd-instance", "Mayfly: value of /mayfly/backends/SERVICE/VERSION/INSTANCE",
     &fields_of_instance, 0},
};

static const struct format *find_format(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	fprintf(stderr, "docs: no such format: %s\n", name);
	exit(64);
}

static void print_schema(const struct format *format)
{
	struct buf text = BUF_INIT;
	json_error_t why;
	json_t *json;

	buf_printf(&text,
		   "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"title\":\"%s\",",
		   format->title);
	if (format->list_max == MANY_NONE) {
		buf_add_str(&text, "\"allOf\":[");
		fields_add_schema(format->fields, &text);
	} else if (format->list_max == MANY_NAMED) {
		buf_add_str(&text, "\"allOf\":[{\"type\":\"object\",\"additionalProperties\":");
		fields_add_schema(format->fields, &text);
		buf_add_char(&text, '}');
	} else {
		buf_add_str(&text, "\"definitions\":{\"object\":");
		fields_add_schema(format->fields, &text);
		buf_add_str(&text, "},\"oneOf\":[{\"$ref\":\"#/definitions/object\"},"
				   "{\"type\":\"array\",\"minItems\":1,");
		if (format->list_max > 0)
			buf_printf(&text, "\"maxItems\":%d,", format->list_max);
		buf_add_str(&text, "\"items\":{\"$ref\":\"#/definitions/object\"}}");
	}
	buf_add_str(&text, "]}");
	json = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, &why);
	if (json == NULL) {
		fprintf(stderr, "docs: %s: %s\n%s\n", format->name, why.text, text.data);
		exit(1);
	}
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
	buf_fini(&text);
}

static void print_example(const struct format *format)
{
	struct buf text = BUF_INIT;

	fields_add_defaults(format->fields, &text);
	printf("# %s.  Every key is optional; these are the defaults.\n", format->title);
	for (char *line = strtok(text.data, "\n"); line != NULL; line = strtok(NULL, "\n"))
		printf("#%s\n", line);
	buf_fini(&text);
}

/* Whether the line is `.\\" WORD FORMAT`. */
static const struct format *marked(char *line, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(line, ".\\\" ", 4) != 0 || strncmp(line + 4, word, len) != 0)
		return NULL;
	line[strcspn(line, "\n")] = '\0';
	return find_format(line + 4 + len);
}

static int print_page(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[512];

	if (file == NULL) {
		perror(path);
		return 66;
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		const struct format *keys = marked(line, "keys "),
				    *defaults = marked(line, "defaults ");
		struct buf text = BUF_INIT;

		if (keys != NULL)
			fields_add_manual(keys->fields, &text);
		else if (defaults != NULL)
			fields_add_defaults(defaults->fields, &text);
		fputs(keys == NULL && defaults == NULL ? line : buf_str(&text), stdout);
		buf_fini(&text);
	}
	fclose(file);
	return 0;
}

/* A file SHAPE.json in the directory for each; the rows of a shape stand together. */
static int write_shapes(const char *dir)
{
	for (size_t i = 0; i < shape_row_count; i++) {
		const char *shape = shape_rows[i].shape;
		char *path = mem_printf("%s/%s.json", dir, shape);
		struct buf text = BUF_INIT;
		FILE *file;

		if (i == 0 || strcmp(shape, shape_rows[i - 1].shape) != 0) {
			shape_add_schema(shape, &text);
			file = fopen(path, "w");
			if (file == NULL || fprintf(file, "%s\n", buf_str(&text)) < 0 ||
			    fclose(file) != 0) {
				perror(path);
				return 73;
			}
		}
		buf_fini(&text);
		free(path);
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "schema") == 0)
		print_schema(find_format(argv[2]));
	else if (argc == 3 && strcmp(argv[1], "example") == 0)
		print_example(find_format(argv[2]));
	else if (argc == 3 && strcmp(argv[1], "page") == 0)
		return print_page(argv[2]);
	else if (argc == 3 && strcmp(argv[1], "shapes") == 0)
		return write_shapes(argv[2]);
	else
		return 64;
	return ferror(stdout) != 0 || fflush(stdout) != 0 ? 73 : 0;
}
