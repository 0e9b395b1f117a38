/*
 * Files for keys: DIR/<env>.yaml for each environment in etcd that its followed files do not say,
 * and ARCHIVE/<env>@<revision>.yaml of each that is deleted, with its last revision.
 *
 * A file that somebody has changed, or made, is left alone (store/kept_file.h).  What is not valid
 * as an environment gets no file, and keeps one that is there.  When a listing finds none of all
 * environments, no file goes: etcd may have been wiped.  Files are written a few in each round of
 * the loop; what fails is a problem of the object "file PATH" and is tried again.
 */
#ifndef MF_STORE_WRITE_BACK_H
#define MF_STORE_WRITE_BACK_H

#include <stdbool.h>
#include <stddef.h>

struct env_sync_stored;
struct loop;
struct mf_err;
struct write_back;

struct write_back_options { /* borrowed during write_back_open only */
	const char *dir;    /* NULL: none; place: the same as kept files name it */
	const char *place;
	const char *archive; /* NULL: none */
};

struct write_back_events {
	void (*on_problem)(void *ctx, const char *object, const char *reason); /* NULL: over */
	void (*on_idle)(void *ctx);
};

/* The directories are made.  MF_EWRITE or MF_EPERM. */
int write_back_open(struct loop *loop, const struct write_back_options *options,
		    const struct write_back_events *events, void *ctx,
		    struct write_back **ret_files, struct mf_err *err);
void write_back_close(struct write_back *files); /* NULL is fine, also below */

/* A key has changed; is_ours: what there is now is what a followed file says. */
void write_back_note(struct write_back *files, const char *name,
		     const struct env_sync_stored *before, const struct env_sync_stored *now,
		     bool is_ours);
/* All that there is, so many, has been noted: what an earlier run kept of others goes. */
void write_back_end_list(struct write_back *files, size_t count);

/* The environments that have a file, for those who note them once more, so that one that somebody
 * has removed comes back.  strlist_free. */
char **write_back_list(const struct write_back *files);

bool write_back_is_idle(const struct write_back *files); /* but for what failed */

#endif
