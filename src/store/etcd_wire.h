/*
 * A list over gRPC: the message that asks for it, and the pages that answer (etcd's rpc.proto and
 * kv.proto, RangeRequest and RangeResponse), read in place.  Only a listing is worth it: what etcd
 * saves by not making JSON of thousands of pairs is most of the time that one takes.
 *
 * Errors are for JSON to say: whatever is no page here is asked for again there.
 */
#ifndef MF_STORE_ETCD_WIRE_H
#define MF_STORE_ETCD_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/etcd.h"
#include "store/etcd_page.h"

#define ETCD_WIRE_RANGE "/etcdserverpb.KV/Range"

/* Added to b: the same as etcd_json_list asks for, with gRPC's head of five bytes. */
void etcd_wire_list(struct buf *b, const struct buf *start, const struct buf *end, int64_t limit,
		    int64_t revision);

/* As etcd_page_read.  False, too, of what is compressed, or more or less than one message. */
bool etcd_wire_read(const char *bytes, size_t len, struct etcd_page *ret_page);

/* One pair that begins at *at; moves behind it.  False: it is none. */
bool etcd_wire_pair(const char *bytes, size_t *at, size_t end, struct buf *key, struct buf *value,
		    struct etcd_kv *ret_kv);

#endif
