/*
 * Files of services to announce (mayfly-service(5)): YAML to announcements.
 */
#ifndef MF_REGISTER_SERVICE_FILE_H
#define MF_REGISTER_SERVICE_FILE_H

#include <stdint.h>

#include "register/announcement.h"

struct item_kind;

#define SERVICE_FILE_MAX 1000 /* services in one file */

/* One service instance of a file.  Immutable, shared by counting references. */
struct service_entry {
	unsigned refs;
	char *name; /* what tells it from others: "search/1.2/eth0:8080", "search/1.2/<id>" */
	struct announcement want; /* its address is not known: where says which */
	uint64_t digest;	  /* of all that was written: equal digest, equal entry */
};

/* For store/itemdir.h: struct service_entry.  Reasons of bad ones begin with "service". */
extern const struct item_kind service_kind;

#endif
