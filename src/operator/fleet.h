/*
 * The proxies of the fleet, as their kvwatch say in <prefix>/nodes/<node>.
 */
#ifndef MF_OPERATOR_FLEET_H
#define MF_OPERATOR_FLEET_H

#include <stddef.h>

/* Of a node's report: three lists of up to a hundred entries, each with a reason of up to 1 KiB. */
#define FLEET_MAX_REPORT ((size_t)1 << 20)

struct look;
struct node;
struct reading;

/* A node's report, the value of its key below nodes/, for node_free; NULL: it cannot be read. */
struct node *fleet_parse_report(const char *value, size_t len);

/*
 * A row for each node, in a list that is added to the document.  Its state: "ok", "error" (what it
 * tried last failed, or its HAProxy or dnsmasq is out of reach), "held back" (a removal of many
 * entries is not applied), "unreadable", "dead" (it belongs to the fleet, and no kvwatch reports).
 */
struct node *fleet_add(struct node *doc, const char *key, const struct reading *reading);
/* The list as a table, and as what -o name prints. */
void fleet_add_table(struct look *look, const char *title, const char *key);

#endif
