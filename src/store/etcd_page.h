/*
 * A page of a list, as etcd's gateway answers a range (RangeResponse in JSON) or as gRPC does
 * (etcd_wire.h), read in place: no tree is built of what holds thousands of pairs.
 */
#ifndef MF_STORE_ETCD_PAGE_H
#define MF_STORE_ETCD_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/etcd.h"

struct mf_err;

/* Holds no pointers: whoever moves the text goes on with the copy. */
struct etcd_page {
	int64_t revision; /* header.revision; 0 when there is none */
	bool more;	  /* of the list, behind this page */
	size_t at, end;	  /* where in the text the pairs are that are to come */
	size_t last;	  /* the last of them */
	bool is_wire;	  /* etcd_wire_read has read it */
};

/*
 * Walk over the whole text once.  False: it is no such page, or holds an error; nothing is said
 * then of what it is.
 */
bool etcd_page_read(const char *text, size_t len, struct etcd_page *ret_page);

bool etcd_page_has_next(const struct etcd_page *page);

/*
 * The next pair; text is what etcd_page_read or etcd_wire_read was given.  key and value are
 * cleared, filled, and borrowed by ret_kv.  MF_EDATA when it is none, and nothing more can be had
 * of the page; *ret_skip when its key holds a NUL and so is not ours.
 */
int etcd_page_next(struct etcd_page *page, const char *text, struct buf *key, struct buf *value,
		   struct etcd_kv *ret_kv, bool *ret_skip, struct mf_err *err);

/* The key of the last pair, as it is; false: there is none. */
bool etcd_page_last_key(const struct etcd_page *page, const char *text, struct buf *key);

#endif
