/*
 * The settings of services as items of a file, for store/itemdir.h: an item is a struct service.
 */
#ifndef MF_STORE_SERVICES_KIND_H
#define MF_STORE_SERVICES_KIND_H

#include "store/itemfile.h"

extern const struct item_kind services_kind;

#endif
