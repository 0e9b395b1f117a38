/*
 * A directory of service files (mayfly-service(5)) as a source of announcements: what its files say
 * is announced, on the addresses that this host has now.
 *
 * What is taken, believed and kept of the directory: store/itemdir.h, for the noun service.  What
 * wants an address that this host does not have waits for it, and is withdrawn when it goes.
 */
#ifndef MF_REGISTER_SERVICE_DIR_H
#define MF_REGISTER_SERVICE_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct announcer;
struct loop;
struct mf_err;
struct service_dir;

/*
 * Objects: as itemdir.h has them, and "service search/1.2/eth0:80" for what waits, cannot be
 * announced, or wants to be gone sooner than the lease is.  reason NULL: it is over.
 */
typedef void service_problem_fn(void *ctx, const char *object, const char *reason);

/* Read once, and follow from then on; errors as itemdir_open.  on_problem may come from inside. */
int service_dir_open(struct loop *loop, const char *path, bool allow_empty,
		     service_problem_fn *on_problem, void *ctx, struct service_dir **ret_dir,
		     struct mf_err *err);

/* The shortest time to live that a service asks for, in milliseconds; 0: none does. */
int64_t service_dir_ttl(const struct service_dir *dir);

/* Announce everything, now and as it changes; under a lease of that time to live. */
void service_dir_announce(struct service_dir *dir, struct announcer *announcer, int64_t ttl_ms);

/* Look through directory and addresses again now, without a hint. */
void service_dir_rescan(struct service_dir *dir);

size_t service_dir_count(const struct service_dir *dir);      /* services that are desired */
size_t service_dir_file_count(const struct service_dir *dir); /* as itemdir_file_count */

/* NULL is fine.  What is announced stays so. */
void service_dir_close(struct service_dir *dir);

#endif
