/*
 * Variables that decide how programs are loaded or run.  Who may write a setting of an application
 * is to say what it works with, not which code it is.
 */
#ifndef MF_OPERATOR_VARIABLE_H
#define MF_OPERATOR_VARIABLE_H

/* What a variable of that name would do, in words for people; NULL: it is an ordinary one. */
const char *variable_find_reason(const char *name);

#endif
