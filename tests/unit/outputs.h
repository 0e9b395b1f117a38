/*
 * Hand-made outputs for the tests of apply: a HAProxy that answers every request with what a map
 * says, so that a test sees which configuration and which map it has loaded.
 */
#ifndef MF_TESTS_OUTPUTS_H
#define MF_TESTS_OUTPUTS_H

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "render/output.h"

/* Takes path over. */
static inline void outputs_add(struct output_set *set, enum output_group group, const char *name,
			       char *path, const char *text)
{
	struct output *output;

	set->outputs = mem_realloc(set->outputs, set->count + 1, sizeof(*set->outputs));
	output = &set->outputs[set->count++];
	*output = (struct output){.group = group, .name = mem_dup_str(name), .mode = 0644};
	output->path = path;
	buf_add_str(&output->bytes, text);
}

/* extra goes into the frontend.  The fingerprint is made of map and extra. */
static inline void outputs_add_haproxy(struct output_set *set, const char *folder, int port,
				       const char *map, const char *extra)
{
	uint64_t hash = str_hash(STR_HASH_INIT, map, strlen(map));
	buf_auto struct buf cfg = BUF_INIT;

	hash = str_hash(hash, extra, strlen(extra));
	hash = str_hash(hash, &port, sizeof(port));
	(void)snprintf(set->fingerprint, sizeof(set->fingerprint), "%016llx",
		       (unsigned long long)hash);
	buf_printf(&cfg,
		   "global\n\tdefault-path config\n\tdescription mayfly-%s\n"
		   "\tstats socket %s/admin.sock mode 600 level admin\n"
		   "\thard-stop-after 2s\n"
		   "defaults\n\tmode http\n\ttimeout client 5s\n\ttimeout server 5s\n"
		   "\ttimeout connect 5s\n"
		   "frontend web\n\tbind 127.0.0.1:%d\n%s"
		   "\thttp-request return status 200 content-type text/plain lf-string "
		   "\"%%[str(x),map(maps/a.map,none)]\"\n",
		   set->fingerprint, folder, port, extra);
	outputs_add(set, OUTPUT_HAPROXY, "maps/a.map", mem_printf("%s/maps/a.map", folder), map);
	outputs_add(set, OUTPUT_HAPROXY, "haproxy.cfg", mem_printf("%s/haproxy.cfg", folder),
		    buf_str(&cfg));
}

#endif
