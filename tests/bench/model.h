/*
 * The bench's model: so many environments of ten services, so many versions of each, so many
 * instances of each version.  All instances are one program (app.c), which listens on all of
 * 127.0.0.0/8 and answers with the address at which it was asked: so an answer tells which instance
 * of which version it came from.
 *
 * Three environments are there besides, for changes that must be seen in one or two answers:
 * "grow", whose service 0 has a version with one instance to which others are added; "tilt", whose
 * service 0 has a version with two instances that change weights; and "fresh", whose service 0
 * changes to versions that were not there before.
 */
#ifndef MF_BENCH_MODEL_H
#define MF_BENCH_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { MODEL_SERVICES = 10 };

struct model {
	int64_t envs, versions, instances; /* versions of a service, instances of a version */
	int64_t port;
};

/* Host byte order: every address from first to last. */
struct range {
	uint32_t first, last;
};

/* Where the instances of a version are; and those of the three environments beside. */
struct range model_version_range(const struct model *model, unsigned service, unsigned version);
enum model_extra { MODEL_GROW, MODEL_TILT, MODEL_FRESH };
uint32_t model_extra_address(enum model_extra extra, unsigned number);

unsigned model_version_of(const struct model *model, unsigned env, unsigned service);

/* Append a key without the prefix, and a value. */
void model_add_env_name(unsigned env, struct buf *b);
void model_add_env(const struct model *model, unsigned env, const char *name, const char *version,
		   struct buf *b); /* the choice of env, with service 0 in that version */
void model_add_instance(const struct model *model, uint32_t address, int weight, struct buf *b);
bool model_parse_address(const char *s, uint32_t *ret_address);

/* Everything, in the order in which it is to be put. */
typedef void model_put_fn(void *ctx, const char *key, const struct buf *value);
void model_list(const struct model *model, model_put_fn *on_put, void *ctx);

/* "10x5x2": environments, versions, instances. */
bool model_parse(const char *s, struct model *ret_model);

#endif
