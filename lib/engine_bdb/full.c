/* full.c: opens a store, and makes room where its volume has none. */
#include "lib/engine_bdb/impl.h"

bool
store_make_room(const struct store_options *opt, struct err *err)
{
	if (err->code != ERR_FULL)
		return false;
	if (store_give_up_ballast(opt))
		return true;
	store_explain_full(opt->dir, "the store opens by itself then", err);
	return false;
}

int
store_open(const struct store_options *opt, struct store **out, struct err *err)
{
	int ret;

	do
		ret = store_open_once(opt, out, err);
	while (ret < 0 && store_make_room(opt, err));
	return ret;
}
