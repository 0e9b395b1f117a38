/*
 * svcregister list and deregister: what is asked of etcd once.
 */
#ifndef MF_CMD_ONCE_H
#define MF_CMD_ONCE_H

struct announcement;
struct etcd;
struct once;
struct settings;

typedef void once_end_fn(void *ctx, int status); /* the exit status; never from inside */

/* Print a line for each instance; operands: service, or service and version, may be NULL. */
struct once *once_start_list(struct etcd *etcd, const struct settings *settings,
			     const struct announcement *operands, once_end_fn *on_end, void *ctx);
/* Delete the instances that are there. */
struct once *once_start_deregister(struct etcd *etcd, const struct settings *settings,
				   const struct announcement *operands, once_end_fn *on_end,
				   void *ctx);
void once_free(struct once *once); /* NULL is fine */

#endif
