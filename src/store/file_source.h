/*
 * Files as a source: a directory of environment files and a backends file,
 * `service: {version: ["10.0.0.5:8080", ...]}` in YAML, each of them optional.  loop NULL: read
 * once; else both are followed by inotify.  A backends file that breaks keeps its last good state,
 * and is a problem of the object "backends file"; those of the directory are as itemdir.h says.
 * While it has been broken from the start, the first listing is not complete: on_state says why.
 */
#ifndef MF_STORE_FILE_SOURCE_H
#define MF_STORE_FILE_SOURCE_H

#include "store/source.h"

struct loop;

#define FILE_SOURCE_OWNER "files" /* of its environments; the source is the file's name */

/* Events are called also from inside.  MF_ENOINPUT, MF_EPERM; when loop is NULL also MF_EDATA. */
int file_source_new(struct loop *loop, const char *environments_dir, const char *backends_file,
		    const struct source_events *events, void *ctx, struct source **ret_source,
		    struct mf_err *err);

#endif
