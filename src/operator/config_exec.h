/*
 * A program with the settings of a scope in its environment, for as long as it runs.
 */
#ifndef MF_OPERATOR_CONFIG_EXEC_H
#define MF_OPERATOR_CONFIG_EXEC_H

struct buf;
struct call;
struct mf_err;

/*
 * The variable for a setting: in upper case, and '_' for what no variable may have ("db.url":
 * DB_URL).  To be freed.
 */
char *config_exec_make_name(const char *name);

/*
 * SCOPE -- COMMAND...: starts it, and does what --on-change says at each change.  The call's status
 * is the program's; 126 or 127 when it cannot be started.
 */
int config_exec(struct call *call, struct mf_err *err);

#endif
