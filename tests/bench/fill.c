/*
 * Puts the bench's model into etcd, 128 entries a transaction, in place of what was there.
 *
 *	fill ENDPOINT PREFIX ENVIRONMENTSxVERSIONSxINSTANCES PORT
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "kv.h"
#include "model.h"

static void put(void *ctx, const char *key, const struct buf *value)
{
	struct kv *kv = ctx;

	kv_put(kv, key, value);
	if (kv->ops == KV_MAX_OPS && !kv_commit(kv))
		exit(1);
}

int main(int argc, char **argv)
{
	struct model model;
	struct kv kv;
	bool good;

	if (argc != 5 || !kv_init(&kv, argv[1], argv[2]) || !model_parse(argv[3], &model) ||
	    !str_parse_int(argv[4], 1, 65535, &model.port)) {
		(void)fputs("usage: fill ENDPOINT PREFIX ENVSxVERSIONSxINSTANCES PORT\n", stderr);
		return 64;
	}
	kv_del_all(&kv);
	if (!kv_commit(&kv))
		return 1;
	model_list(&model, put, &kv);
	good = kv_commit(&kv);
	kv_fini(&kv);
	return good ? 0 : 1;
}
