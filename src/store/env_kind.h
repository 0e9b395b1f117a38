/*
 * Environments as items of files, for store/itemdir.h: an item is a struct env.
 */
#ifndef MF_STORE_ENV_KIND_H
#define MF_STORE_ENV_KIND_H

#include "store/itemfile.h"

extern const struct item_kind env_kind;
/* The same for who puts them into etcd: those that extend themselves stay what they were. */
extern const struct item_kind env_kind_to_put;

#endif
