/*
 * Files of services to announce (mayfly-service(5)): YAML to announcements.
 */
#ifndef MF_REGISTER_SERVICE_FILE_H
#define MF_REGISTER_SERVICE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "register/announcement.h"

struct item_kind;
struct mf_err;

#define SERVICE_FILE_MAX 1000 /* services in one file */

/* One service instance of a file.  Immutable, shared by counting references. */
struct service_entry {
	unsigned refs;
	char *name; /* what tells it from others: "search/1.2/eth0:8080", "search/1.2/<id>" */
	struct announcement want; /* its address is not known: where says which */
	uint64_t digest;	  /* of all that was written: equal digest, equal entry */
};

/*
 * A whole file: one service, or a list of them.  The good ones are handed over in an array; for
 * each bad one, also for the second of a name, on_bad is called with the reason, which begins with
 * "service".  MF_EDATA only when the file as a whole cannot be read; err then holds the place.
 */
int service_file_parse(const char *text, size_t len, struct service_entry ***ret_entries,
		       size_t *ret_count, void (*on_bad)(void *ctx, const struct mf_err *why),
		       void *ctx, struct mf_err *err);
struct service_entry *service_entry_ref(struct service_entry *entry);
void service_entry_unref(struct service_entry *entry); /* NULL is fine */

extern const struct item_kind service_kind; /* struct service_entry, for store/itemdir.h */

#endif
