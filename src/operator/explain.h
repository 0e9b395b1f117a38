/*
 * What mayfly explain finds out of one request, by the maps of a model or of the running HAProxy,
 * and what it says of it.
 */
#ifndef MF_OPERATOR_EXPLAIN_H
#define MF_OPERATOR_EXPLAIN_H

#include <stdbool.h>

#include "operator/conditions.h"
#include "operator/maps.h"
#include "operator/request.h"

struct backend;
struct env;
struct look;
struct mf_err;
struct node;
struct reading;
struct settings;
struct when_condition;

struct explanation {
	struct look *look;
	const struct reading *reading;
	const struct settings *settings;
	struct request request;
	char *method; /* in upper case, as it is looked up; GET by default */
	struct maps *maps;
	const struct env *env;	       /* NULL: none, or */
	const struct env *split;       /* whose visitors are split, that env is one's share of */
	const struct backend *backend; /* NULL: none */
	const struct backend *answer;  /* whose instances are asked: the same, or a parent's */
	const char *whose;	       /* the environment whose version that is */
	const struct when_condition *condition; /* that gives it to the answer; NULL: none */
	const char *by, *key;			/* of the claim that led to env */
	char *stranger;		 /* the one that the maps lead to and the model has not; or NULL */
	char *door, *generation; /* of split and of env; NULL: not looked up */
	struct routing_entry hit;
	char *route;  /* of the path, as model/route.h has it; NULL: none */
	char *reason; /* why nobody answers; NULL: somebody does */
	int status;   /* to exit with */
};

/* Follow the request through e->maps.  What is in e afterwards is to be freed by explain_fini. */
void explain_walk(struct explanation *e);
void explain_fini(struct explanation *e); /* but for what was there before */

/* What conditions are asked about. */
struct conditions_request explain_conditions_request(const struct explanation *e);

/* Who answers, by the model, and the document and page that say so. */
void explain_judge(struct explanation *e);
void explain_fill_doc(const struct explanation *e);
void explain_fill_page(const struct explanation *e);

/*
 * Follow it through the maps of the running HAProxy, too, and add what differs to the document and
 * page: live_steps, haproxy_version, is_live_equal.  The exit status is then 75.  Errors as of
 * operator/runtime.h.
 */
int explain_live(struct explanation *e, struct mf_err *err);

/* A row of live_steps.  NULL: there is none.  Returns whether both say the same. */
bool explain_add_step(struct node *list, const char *step, const char *model, const char *haproxy);

#endif
