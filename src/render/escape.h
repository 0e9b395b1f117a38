/*
 * Escaping fit for each output: a value never breaks out of its word.
 */
#ifndef MF_RENDER_ESCAPE_H
#define MF_RENDER_ESCAPE_H

#include "render/template.h"

template_escape_fn escape_none;
template_escape_fn escape_html;	   /* & " < > ' as the Mustache specification has them */
template_escape_fn escape_haproxy; /* one word of haproxy.cfg (configuration manual, section 2.2) */
template_escape_fn
    escape_word; /* map and hosts files, which have no quoting: refuses what is no word */

/* "html", "haproxy", "word", "none"; NULL: no such one. */
template_escape_fn *escape_find(const char *name);

#endif
