/*
 * svcregister's flags that say what is announced of one instance.
 */
#ifndef MF_CMD_INSTANCE_OPTIONS_H
#define MF_CMD_INSTANCE_OPTIONS_H

struct mf_err;
struct svcregister_options;

/* name: state, tag, check, check-..., on-fail or initial.  MF_EUSAGE: `--on-fail: "die": ...`. */
int instance_options_set(struct svcregister_options *options, const char *name, const char *value,
			 struct mf_err *err);

#endif
