/*
 * The policy's file.
 */
#ifndef MF_STORE_POLICY_FILE_H
#define MF_STORE_POLICY_FILE_H

struct mf_err;
struct policy;

/* path "": none, and NULL is returned.  MF_ECONFIG; MF_ENOINPUT, MF_EPERM, as file_read has it. */
int policy_file_load(const char *path, struct policy **ret_policy, struct mf_err *err);

#endif
