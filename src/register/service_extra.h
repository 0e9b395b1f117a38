/*
 * One service of a file: its tags and attributes.
 */
#ifndef MF_REGISTER_SERVICE_EXTRA_H
#define MF_REGISTER_SERVICE_EXTRA_H

struct mf_err;
struct node;
struct service_draft;

/* MF_EDATA, with the key and the place. */
int service_extra_read_tags(const struct node *list, struct service_draft *draft,
			    struct mf_err *err);
int service_extra_read_attributes(const struct node *map, struct service_draft *draft,
				  struct mf_err *err);

/* Whether they are not too long together.  map: the service. */
int service_extra_check(const struct node *map, const struct service_draft *draft,
			struct mf_err *err);

#endif
