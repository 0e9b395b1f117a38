/*
 * The console: a page in the browser, a JSON API and a stream of events, over one reading of etcd
 * that is followed.
 */
#ifndef MF_CONSOLE_CONSOLE_H
#define MF_CONSOLE_CONSOLE_H

struct call;
struct mf_err;

/*
 * Serve it at bind_to, from etcd as the call says, until a signal stops the loop.  While etcd is
 * out of reach, the page says so; only if etcd refuses us, before anything is read, that is an
 * error.
 */
int console_run(struct call *call, const char *bind_to, struct mf_err *err);

#endif
