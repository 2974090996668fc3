/*
 * conf_store.c: the store's options as the configuration sets them. Apart from
 * conf.c, so that programs that only read settings need no database library.
 */
#include "lib/store/conf_store.h"

#include <string.h>

#include "lib/base/util.h"

static const struct {
	const char *word;
	enum store_deliver_mode mode;
} modes[] = {
	{ CONF_DELIVER_SERVICE, STORE_DELIVER_SERVICE },
	{ CONF_DELIVER_CHILD, STORE_DELIVER_CHILD },
	{ CONF_DELIVER_OFF, STORE_DELIVER_OFF },
};

void
conf_store_options(const struct conf *cf, struct store_options *opt)
{
	size_t i;

	store_options_init(opt);
	for (i = 0; i < NITEMS(modes); i++)
		if (strcmp(cf->deliver_mode, modes[i].word) == 0)
			opt->deliver_mode = modes[i].mode;
	opt->dir = cf->store;
	opt->key_file = cf->key_file;
	opt->horizon_s = cf->horizon_s;
	opt->dedupe_max = cf->dedupe_max;
	opt->retain_s = cf->retain_s;
	opt->retain_bytes = cf->retain_bytes;
	opt->hold_s = cf->hold_s;
	opt->held_max = (uint64_t)cf->held_max;
	opt->held_bytes = cf->held_bytes;
	opt->ignored_max = (uint64_t)cf->ignored_max;
	opt->segment_max = cf->segment_max;
	opt->segment_age_s = cf->segment_age_s;
	opt->floor = cf->floor;
	opt->ballast = cf->ballast;
	opt->cache = cf->cache;
	opt->log_keep_max = cf->log_keep_max;
	opt->missing_s = cf->missing_s;
	opt->deliver_copies =
	    strcmp(cf->deliver_copied, CONF_COPIED_DELIVER) == 0;
	opt->quarantine_count = (uint64_t)cf->quarantine_count;
	opt->quarantine_bytes = cf->quarantine_bytes;
	opt->quarantine_total = cf->quarantine_total;
}
