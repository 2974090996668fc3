/*
 * write.h: JSON text put together member by member, for rows that go out
 * by the thousand. The first failure sticks: later puts do nothing and
 * json_write_done reports it, so that a row reads as a list of its members.
 */
#ifndef EYELET_LIB_JSON_WRITE_H
#define EYELET_LIB_JSON_WRITE_H

#include <stdint.h>

#include "lib/base/bytes.h"

#define JSON_WRITE_DEPTH 8

struct json_write {
	struct buf *out;
	struct err *err;
	bool failed;
	unsigned depth;
	struct {
		bool array, more;
	} open[JSON_WRITE_DEPTH];
};

/* Begins a text behind what out holds. */
void json_write_init(struct json_write *w, struct buf *out, struct err *err);

/* name is NULL for a root and for the elements of an array. */
void json_write_object(struct json_write *w, const char *name);
void json_write_array(struct json_write *w, const char *name);
void json_write_close(struct json_write *w); /* the last one opened */

/*
 * Foreign bytes as a string. Where they are no text (not UTF-8, or with a
 * NUL) they stand in the string as text_put_safe shows them, and a member
 * NAME_b64 has them exactly (in arrays there is none).
 */
void json_write_bytes(struct json_write *w, const char *name, struct span s);
/* The same bytes as base64, whatever they are. */
void json_write_base64(struct json_write *w, const char *name, struct span s);
/* UTF-8 of ours; NULL is null. */
void json_write_str(struct json_write *w, const char *name, const char *s);
void json_write_int(struct json_write *w, const char *name, int64_t v);
void json_write_uint(struct json_write *w, const char *name, uint64_t v);
void json_write_bool(struct json_write *w, const char *name, bool v);
void json_write_null(struct json_write *w, const char *name);
/* Text that is JSON already. */
void json_write_raw(struct json_write *w, const char *name, struct span json);
/* RFC 3339, milliseconds, UTC; 0 is null. */
void json_write_time(struct json_write *w, const char *name, int64_t ms);
/* "sec_12"; 0 is null. */
void json_write_secret_id(struct json_write *w, const char *name, uint64_t id);

/* Was all put? Everything opened is closed again. */
int json_write_done(struct json_write *w);

/* Is s what a JSON string of ours can carry: UTF-8 without NUL? */
bool json_write_is_text(struct span s);

#endif
