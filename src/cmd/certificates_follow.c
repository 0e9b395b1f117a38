/* Wiring of the directory of certificates and HAProxy, and the log of what is wrong with either. */
#include "cmd/certificates_follow.h"

#include <stdlib.h>

#include "apply/certificates.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/problems.h"
#include "model/certificate.h"
#include "model/settings.h"
#include "store/certificate_dir.h"

struct certificates_follow {
	struct certificate_dir *dir;
	struct certificates *certificates;
	struct problems *problems;
	certificates_follow_fn *on_asked;
	void *ctx;
	bool is_known; /* what is wanted, or at least what was */
};

static void on_problem(void *ctx, const char *object, const char *reason)
{
	(void)ctx;
	if (reason == NULL)
		log_info("certificates can be had again", LOG_STR("step", object));
	else
		log_error("the certificates stay as they are", LOG_STR("step", object),
			  LOG_STR("error", reason));
}

static void say(struct certificates_follow *f, const char *step, int code, const struct mf_err *err)
{
	(void)problems_set(f->problems, step, code == 0 ? NULL : err->msg);
}

static void on_dir(void *ctx)
{
	struct certificates_follow *f = ctx;
	const struct certificate_entry *entries;
	size_t count;
	struct mf_err err;
	int code = certificate_dir_list(f->dir, &entries, &count, &err);

	say(f, "read", code, &err);
	if (code != 0 && f->is_known)
		return;
	code = code == 0 ? certificates_set(f->certificates, entries, count, &err)
			 : certificates_keep(f->certificates, &err);
	f->is_known = true;
	say(f, "write", code, &err);
}

static void on_asked(void *ctx)
{
	struct certificates_follow *f = ctx;

	f->on_asked(f->ctx);
}

struct certificates_follow *certificates_follow_new(struct loop *loop,
						    const struct settings *settings,
						    certificates_follow_fn *on_asked_fn, void *ctx)
{
	struct certificates_follow *f;

	if (!settings_has_tls(settings))
		return NULL;
	f = MEM_NEW(f);
	f->on_asked = on_asked_fn;
	f->ctx = ctx;
	f->problems = problems_new(on_problem, NULL);
	f->certificates = certificates_new(loop, settings, on_asked, f);
	f->dir = certificate_dir_new(loop, settings->haproxy.tls.certificates, on_dir, f);
	on_dir(f);
	return f;
}

void certificates_follow_free(struct certificates_follow *f)
{
	if (f == NULL)
		return;
	certificate_dir_free(f->dir);
	certificates_free(f->certificates);
	problems_free(f->problems);
	free(f);
}

void certificates_follow_check(struct certificates_follow *f)
{
	if (f != NULL)
		certificates_check(f->certificates);
}

size_t certificates_follow_list(const struct certificates_follow *f,
				const struct certificate_state **ret)
{
	*ret = NULL;
	return f == NULL ? 0 : certificates_list(f->certificates, ret);
}

bool certificates_follow_is_idle(const struct certificates_follow *f)
{
	return f == NULL || certificates_is_idle(f->certificates);
}
