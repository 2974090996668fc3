/* provider_impl.h: what the files of the provider share. Nobody else. */
#ifndef EYELET_TESTS_PROVIDER_IMPL_H
#define EYELET_TESTS_PROVIDER_IMPL_H

#include <check.h>

#include "tests/stand/provider.h"

#define PROVIDER_SLOTS 64
#define PROVIDER_VALUE 1024
#define PROVIDER_NAMED "x-signed-by-name" /* the header in {headers:} */

/* A value and the place where it stands. */
struct provider_slot {
	enum piece_kind kind; /* JSON, FORM, QUERY, HEADER, ITEM */
	char place[256]; /* pointer ("*": each element), name */
	char value[PROVIDER_VALUE];
	bool absent, is_number;
	bool is_id; /* another one in each element of a batch */
};

/* A request in the making. */
struct provider_making {
	struct provider *p;
	const struct occurrence *ev;
	struct draft *d;
	struct provider_slot slots[PROVIDER_SLOTS];
	size_t n;
	struct err err;
	char signatures[PROVIDER_ELEMENTS][PROVIDER_VALUE];
	char digest[2 * HASH_SIZE_MAX + 1];
};

#define MUST(call) ck_assert_msg((call) == 0, "%s", m->err.text)

/* The request of the values in slots: its body, query and headers. */
void provider_put(struct provider_making *m);

#endif
