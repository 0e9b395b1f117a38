/*
 * What names may look like, in one place.  Checked where a name enters; every output can then hold
 * it as one word.
 */
#ifndef MF_MODEL_NAME_H
#define MF_MODEL_NAME_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct mf_err;

enum name_kind {
	NAME_ENVIRONMENT, /* [a-z0-9-], 1 to 63, neither first nor last '-' */
	NAME_PREFIX,	  /* one DNS label: as NAME_ENVIRONMENT */
	NAME_HEADER,	  /* [A-Za-z0-9._-], 1 to 128: a value of x-mayfly */
	NAME_HOST,	  /* a DNS name in lower case, 1 to 253, no trailing dot, no port */
	NAME_SERVICE,	  /* DNS labels of [a-z0-9_-] joined by '.', 1 to 63 in all */
	NAME_VERSION,	  /* a Docker tag: [A-Za-z0-9_.-], 1 to 128, neither '.' nor '-' first */
	NAME_INSTANCE,	  /* printable ASCII but '/' and space, 1 to 255 */
	NAME_FIELD,	  /* [A-Za-z0-9_-], 1 to 64: a header that requests are asked for */
	NAME_PARAMETER,	  /* [A-Za-z0-9_.-], 1 to 64: a query parameter or a cookie */
	NAME_CHANGED,	  /* [a-z0-9-], 1 to 64: a header that is changed */
	NAME_ROUTE,	  /* '/' and [A-Za-z0-9._~%@:+=,-], to 512; no "//", "/./", "/../", "%61" */
	NAME_KINDS
};

/*
 * 0, or MF_EDATA with `"the value": why` (`not allowed: a space`, `too long (…)`), the value
 * escaped and cut.  The caller wraps it with what it is.
 */
int name_check(enum name_kind kind, const char *s, size_t len, struct mf_err *err);
/* The same of what is only a part of a value; adds why, false: it is right. */
bool name_find_fault(enum name_kind kind, const char *s, size_t len, struct buf *ret_why);

/* A value as it stands in error messages: in double quotes, escaped, cut at 64 bytes. */
void name_add_quoted(struct buf *b, const char *s, size_t len);

/*
 * A numeric address, canonical on return, without brackets, and of IPv4 where it is one that IPv6
 * holds (::ffff:10.0.0.5); not 0.0.0.0 or ::.  ret_address is handed over.
 */
int name_parse_address(const char *s, size_t len, char **ret_address, struct mf_err *err);

/*
 * "10.0.0.5:8080", "[fd00::5]:8080": numeric address (canonical on return, without brackets) and
 * port 1 to 65535.  ret_address is handed over.  Host names are refused.
 */
int name_parse_endpoint(const char *s, size_t len, char **ret_address, unsigned *ret_port,
			struct mf_err *err);

#endif
