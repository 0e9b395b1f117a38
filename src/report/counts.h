/*
 * What this host's HAProxy has counted, for those who ask kvwatch by HTTP and show the token of the
 * settings: mayfly audit on other hosts.
 */
#ifndef MF_REPORT_COUNTS_H
#define MF_REPORT_COUNTS_H

struct buf;
struct counts;
struct httpd;
struct loop;
struct settings;

struct counts *counts_new(struct loop *loop);
void counts_free(struct counts *counts); /* NULL is fine */
/* Nothing is borrowed.  Who is being answered is left alone. */
void counts_set(struct counts *counts, const struct settings *settings);

/* Whether the request that httpd is about has the token: 200; 403; 404 if the settings have none.
 */
int counts_check_token(const struct counts *counts, const struct httpd *httpd,
		       struct buf *ret_body);

/*
 * Answer the request that httpd is about, as a httpd_fn: 403 without the token, 404 if the settings
 * have none; else HTTPD_LATER with the reply to CALLS_COMMAND, or 503.  httpd stays until then, or
 * until counts_forget.
 */
int counts_answer(struct counts *counts, struct httpd *httpd, struct buf *ret_body);
void counts_forget(struct counts *counts); /* all who wait */

#endif
