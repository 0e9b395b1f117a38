/*
 * Escaping fit for each output: a value never breaks out of its word.
 */
#ifndef MF_RENDER_ESCAPE_H
#define MF_RENDER_ESCAPE_H

#include "render/template.h"

/* As it is. */
template_escape_fn escape_none;
/* The five of the Mustache specification: & " < > '. */
template_escape_fn escape_html;
/*
 * One word of haproxy.cfg (configuration manual, section 2.2), also within "" of the template's
 * own; not within '', where it cannot break out either but is not what it was.  The word means the
 * same bytes: what HAProxy reads in it later ('%' in a log format, ',' in a sample expression)
 * still has that sense, so only values that hold none of it belong there.
 */
template_escape_fn escape_haproxy;
/* A word of a map or hosts file.  They have no quoting, so what is no word is refused. */
template_escape_fn escape_word;

/* "html", "haproxy", "word", "none"; NULL: no such one. */
template_escape_fn *escape_find(const char *name);

#endif
