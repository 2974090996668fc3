/*
 * field.h: objects of a scheme file read by tables: each row is a field,
 * what it takes and where that goes. Private to the files that have tables.
 */
#ifndef EYELET_LIB_SCHEME_FIELD_H
#define EYELET_LIB_SCHEME_FIELD_H

#include <stddef.h>

#include "lib/base/util.h"
#include "lib/json/json.h"
#include "lib/scheme/impl.h"

#define FIELD_NO_TOKENS                                                      \
	"JSON Web Tokens are not supported: their keys must be fetched, or " \
	"leave the body unsigned"

enum field_kind {
	FIELD_TEXT, /* char * */
	FIELD_TEXTS, /* char *[], one text or a list */
	FIELD_POINTERS, /* the same, JSON pointers each */
	FIELD_LINK, /* char *, a web address */
	FIELD_INT, /* int64_t */
	FIELD_STATUS, /* int, an HTTP status */
	FIELD_BOOL, /* bool, true or false */
	FIELD_WORD, /* an enum, by words */
	FIELD_SWITCH, /* bool, by words */
	FIELD_CHAR, /* char, by words */
	FIELD_ALGORITHM, /* const struct algorithm * */
	FIELD_SOURCE, /* struct piece */
	FIELD_SOURCES, /* struct piece[], one text or a list */
	FIELD_TEMPLATE, /* struct template */
	FIELD_TEMPLATES, /* struct template[], one text or a list */
	FIELD_REQUIRE, /* struct requirement[] */
	FIELD_CONDITIONS, /* struct condition[] */
	FIELD_CALL, /* read has its own way */
	FIELD_REFUSED, /* one that is asked for and not had; why says why */
	FIELD_OBJECT /* more fields; at: a bool that it is given, or none */
};

/* A word out of a few, and what it means. */
struct word {
	const char *word;
	int means;
};

struct field {
	const char *name;
	enum field_kind kind;
	size_t at; /* where in what is filled */
	size_t n_at; /* and how many of them, for lists */
	unsigned allowed; /* kinds of pieces */
	int64_t least, most;
	const struct word *words;
	const struct field *inner;
	size_t nrows; /* of words or inner */
	bool needed;
	const char *why;
	int (*read)(const struct json *value, void *base, struct err *err);
};

#define FIELD_NOWHERE SIZE_MAX

/* Of a row in a table of fields of TYPE. */
#define FIELD_AT(type, member) .at = offsetof(struct type, member)
#define FIELD_LIST(type, member) \
	FIELD_AT(type, member), .n_at = offsetof(struct type, n##member)
#define FIELD_WORDS(rows) .words = rows, .nrows = NITEMS(rows)
#define FIELD_INNER(rows) .inner = rows, .nrows = NITEMS(rows)

/*
 * Fills base, zeroed or with its defaults in it, from the members of object.
 * ERR_CONFIG "/PATH: why", also for a member that has no row; ERR_NOMEM. Half
 * filled then.
 */
int field_read_object(void *base, const struct json *object,
    const struct field *fields, size_t n, struct err *err);

/* Puts "/name" before the path that err's message begins with. Returns -1. */
int field_path(struct err *err, const char *name);

/* A text that is not empty; borrowed. ERR_CONFIG. */
int field_text(const struct json *value, const char **out, struct err *err);

#endif
