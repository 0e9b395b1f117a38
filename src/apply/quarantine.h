/*
 * The quarantine: what HAProxy's check refuses of the model, or what it could not listen for, is
 * found by bisection, left out, and named, so that the rest can be applied.
 *
 * Of a model that was refused, parts are rendered and checked in a stage beside HAProxy's files.
 * First none of it: if that is refused too, the templates or the settings are wrong and nothing is
 * put in quarantine.  Then the first part is searched with which it is refused; with that left out
 * the next, until the rest passes or too many checks were needed.  Parts are, in this order, the
 * versions of a service, a service's own settings (without them it has the defaults), and
 * environments.  A part comes back when it changes; one whose address another program has, also
 * when that is free.
 *
 * A check that takes too long is a refusal: of the whole, longer than haproxy.check_timeout; of a
 * part, than 2 s and 20 times what nothing took, if that is less.  Whoever is found by that is
 * tried once more, as the machine may have been busy.
 */
#ifndef MF_APPLY_QUARANTINE_H
#define MF_APPLY_QUARANTINE_H

#include <stdbool.h>
#include <stddef.h>

struct loop;
struct mf_err;
struct problem;
struct quarantine;
struct settings;
struct snapshot;
struct template_set;

#define QUARANTINE_MAX_CHECKS 60 /* of one search */

/* How to tell a good model: by HAProxy's check, or by whether it can listen (binds.h). */
enum quarantine_by { QUARANTINE_BY_CHECK, QUARANTINE_BY_BIND };

/*
 * found: something more is in quarantine, and the rest passes; or something is to be released
 * by the filter.  Not from inside _search.
 */
typedef void quarantine_fn(void *ctx, bool found);

struct quarantine *quarantine_new(struct loop *loop, quarantine_fn *on_done, void *ctx);
void quarantine_free(struct quarantine *quarantine); /* NULL is fine */

/*
 * The model without what is in quarantine: one reference.  What has changed since it was put there,
 * or is gone, is released first.
 */
struct snapshot *quarantine_filter(struct quarantine *quarantine, struct snapshot *snapshot);

/* Settings or templates are others: a search ends, and all is released. */
void quarantine_clear(struct quarantine *quarantine);

/*
 * HAProxy refused this model, which has been through the filter.  Settings and templates are
 * borrowed until the end of the search.  Ignored while one goes on; one that found nothing is not
 * repeated for the same model.
 */
void quarantine_search(struct quarantine *quarantine, const struct settings *settings,
		       struct template_set *templates, struct snapshot *snapshot,
		       enum quarantine_by by);

/* "environment dev" with the error message of the program that rejected it; borrowed until the next
 * call. */
const struct problem *quarantine_list(const struct quarantine *quarantine, size_t *ret_count);

#endif
