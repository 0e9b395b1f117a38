/* The log: formats events, writes each with one write(2).  Decides nothing. */
#include "base/log.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"

static const char *const level_names[] = {"error", "warn", "info", "debug"};
static const char *const format_names[] = {"text", "json"};

static struct {
	const char *tool;
	enum log_level level;
	enum log_format format;
} settings = {"mayfly", LOG_LEVEL_INFO, LOG_TEXT};

void log_init(const char *tool, enum log_level level, enum log_format format)
{
	settings.tool = tool;
	log_set(level, format);
}

void log_set(enum log_level level, enum log_format format)
{
	settings.level = level;
	settings.format = format;
}

bool log_parse_level(const char *s, enum log_level *ret_level)
{
	for (unsigned i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++)
		if (strcmp(s, level_names[i]) == 0) {
			*ret_level = (enum log_level)i;
			return true;
		}
	return false;
}

bool log_parse_format(const char *s, enum log_format *ret_format)
{
	for (unsigned i = 0; i < sizeof(format_names) / sizeof(format_names[0]); i++)
		if (strcmp(s, format_names[i]) == 0) {
			*ret_format = (enum log_format)i;
			return true;
		}
	return false;
}

static void add_text_field(struct buf *b, const struct log_field *f)
{
	buf_printf(b, " %s=", f->key);
	if (f->str == NULL)
		buf_printf(b, "%lld", (long long)f->num);
	else if (f->str[0] != '\0' && strpbrk(f->str, " \"=\\") == NULL)
		str_add_escaped(b, f->str, strlen(f->str));
	else
		str_add_json_string(b, f->str, strlen(f->str));
}

static void add_json_field(struct buf *b, const struct log_field *f)
{
	buf_add_char(b, ',');
	str_add_json_string(b, f->key, strlen(f->key));
	buf_add_char(b, ':');
	if (f->str == NULL)
		buf_printf(b, "%lld", (long long)f->num);
	else
		str_add_json_string(b, f->str, strlen(f->str));
}

static void add_json_head(struct buf *b, enum log_level level, const char *what)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	buf_add_str(b, "{\"time\":\"");
	str_add_time(b, now.tv_sec, (int)(now.tv_nsec / 1000000));
	buf_printf(b, "\",\"level\":\"%s\",\"tool\":\"%s\",\"msg\":", level_names[level],
		   settings.tool);
	str_add_json_string(b, what, strlen(what));
}

void log_write(enum log_level level, const char *what, ...)
{
	buf_auto struct buf b = BUF_INIT;
	struct log_field f;
	va_list ap;

	if (level > settings.level)
		return;
	if (settings.format == LOG_JSON) {
		add_json_head(&b, level, what);
	} else {
		buf_printf(&b, "%s %s: ", level_names[level], settings.tool);
		str_add_escaped(&b, what, strlen(what));
	}
	va_start(ap, what);
	for (f = va_arg(ap, struct log_field); f.key != NULL; f = va_arg(ap, struct log_field)) {
		if (settings.format == LOG_JSON)
			add_json_field(&b, &f);
		else
			add_text_field(&b, &f);
	}
	va_end(ap);
	buf_add_str(&b, settings.format == LOG_JSON ? "}\n" : "\n");
	(void)!write(STDERR_FILENO, b.data, b.len);
}
