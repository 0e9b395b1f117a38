/*
 * The backends file: instances without a registrar, in YAML.
 *
 *     frontend:
 *       0.0.1: ["10.0.0.5:8080", "[fd00::5]:8080"]
 */
#ifndef MF_STORE_BACKENDS_FILE_H
#define MF_STORE_BACKENDS_FILE_H

#include <stddef.h>

struct mf_err;
struct strmap;

/*
 * To "backends/<service>/<version>/<address:port>" -> "<address:port>" (char *, owned by the map).
 * MF_EDATA with line and column; an empty text is one, so that a file which is just being written
 * removes nothing: no instances are written `{}`.
 */
int backends_file_parse(const char *text, size_t len, struct strmap **ret_values,
			struct mf_err *err);

#endif
