/*
 * Where templates are found: the directories of MAYFLY_TEMPLATES (by ':'; default the one in
 * /etc/mayfly), then the shipped ones, which are part of the program.
 */
#ifndef MF_CMD_TEMPLATES_H
#define MF_CMD_TEMPLATES_H

struct template_set;

struct template_set *templates_open(void);

/*
 * For `cfgrender --template`: partials only from this directory; one that is not there is empty, as
 * the Mustache specification has it.  dir NULL: none.  dir is borrowed until the set is freed.
 */
struct template_set *templates_open_partials(const char *dir);

#endif
