/*
 * settings.h: the settings of a thing (an endpoint, a destination) as JSON,
 * both ways, by one table of what there is. Any struct may be the thing: a row
 * says where in it a setting stands.
 */
#ifndef EYELET_LIB_CONFIG_SETTINGS_H
#define EYELET_LIB_CONFIG_SETTINGS_H

#include <stdint.h>

#include "lib/json/json.h"

struct setting_row;

/* Takes a value other than null (NULL: back to the default). ERR_INPUT. */
typedef int setting_take(const struct setting_row *s, const struct json *value,
    void *thing, struct err *err);
/* Puts the value into doc, unless it is the default. */
typedef int setting_put(const struct setting_row *s, const void *thing,
    struct json *doc, struct err *err);

struct setting_row {
	const char *name;
	setting_take *take;
	setting_put *put;
	size_t at; /* in the struct */
	/* What only some kinds have: */
	size_t count_at; /* pairs, list: how many there are (a size_t) */
	size_t max; /* and may be */
	int64_t def; /* int */
	const char *text; /* text: the default, or NULL for none */
	bool nocase; /* pairs: names are the same in any case */
};

/* A name and its value, both owned. */
struct setting_pair {
	char *name, *value;
};

setting_take setting_take_text; /* char *, owned */
setting_put setting_put_text;
setting_take setting_take_int; /* int64_t */
setting_put setting_put_int;
setting_take setting_take_bool; /* bool, false by default */
setting_put setting_put_bool;
/* struct setting_pair[max]: an object, merged name by name. */
setting_take setting_take_pairs;
setting_put setting_put_pairs;
/* char *[max]: an array of strings, taken as a whole. */
setting_take setting_take_list;
setting_put setting_put_list;

/* ERR_INPUT: a value is not of the kind that it must be. */
int setting_wrong_kind(
    const struct json *value, enum json_kind want, struct err *err);

/*
 * Changes thing by a JSON merge patch (RFC 7396): null goes back to the
 * default. ERR_INPUT names the member; thing may then be half changed.
 */
int settings_patch(const struct setting_row *rows, size_t nrows, void *thing,
    struct span patch, struct err *err);

int settings_encode(const struct setting_row *rows, size_t nrows,
    const void *thing, struct buf *doc, struct err *err);

/* --- what many settings must be (settings_check.c) ------------------------ */

/* ERR_INPUT names the setting, and its value where that is not secret. */

/* 1 to max ASCII letters, digits, and the letters in more. */
bool setting_is_word(struct span s, size_t max, const char *more);
/* Text that a person reads in a line: UTF-8, no control bytes, not long. */
int setting_check_line(
    const char *what, const char *s, size_t max, struct err *err);
/* A list of pattern.h. */
int setting_check_patterns(const char *what, const char *text, struct err *err);
/* A list of address.h that is not empty. */
int
setting_check_addresses(const char *what, const char *text, struct err *err);
int setting_check_range(const char *what, int64_t v, int64_t none, int64_t min,
    int64_t max, struct err *err);

/* --------------------------------------------------------------------------
 */

/* Free what is owned; the memory is wiped first. NULL is allowed. */
void setting_free_text(char *text);
void setting_free_pairs(struct setting_pair *pairs, size_t *n);
void setting_free_list(char **list, size_t *n);

#endif
