/*
 * scan.h: is this text strict RFC 8259 JSON, and what stands at a
 * pointer? Reads foreign bytes in one pass; only a text with more than 256
 * keys in the objects open at once makes it allocate, 2 MB at most.
 * cJSON accepts texts that must be refused (33 of the 188 of JSONTestSuite),
 * cuts strings at NUL and finds keys case-blind, so foreign bytes never meet
 * it.
 */
#ifndef EYELET_LIB_JSON_SCAN_H
#define EYELET_LIB_JSON_SCAN_H

#include "lib/base/bytes.h"

#define JSON_DEPTH_MAX 64
#define JSON_TOKENS_MAX 100000 /* values and keys in one text */
#define JSON_POINTER_MAX 255 /* bytes of a pointer that json_each follows */

/*
 * 0 when text is one JSON value and nothing behind it: UTF-8, no BOM, no
 * duplicate key in an object, nesting and tokens within the limits.
 * -1 with ERR_INPUT and "byte N: why" otherwise (bytes count from 0), or with
 * ERR_NOMEM.
 */
int json_scan(struct span text, struct err *err);

/*
 * The same; *not_taken says of a text that fails whether RFC 8259 has it: an
 * object has a key twice, or a limit ends the reading.
 */
int json_scan_taken(struct span text, bool *not_taken, struct err *err);

enum json_kind {
	JSON_ABSENT,
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT
};

/*
 * Finds the value at an RFC 6901 pointer in a text that json_scan accepted
 * (on another text the answer is JSON_ABSENT or nonsense, never a read
 * outside it). *raw is the value's bytes, strings with their quotes.
 */
enum json_kind
json_find(struct span text, const char *pointer, struct span *raw);

/*
 * Calls visit with each element of the array at a pointer, as it stands in
 * the text. A token "*" in the pointer is every element of an array there. A
 * value that is no array is its own one element; what is absent or null has
 * none. On a text that json_scan accepted, as above. visit returns 0 to go on;
 * with anything else json_each ends and returns that.
 */
typedef int json_visit(void *arg, struct span element, struct err *err);

int json_each(struct span text, const char *pointer, json_visit *visit,
    void *arg, struct err *err);

/*
 * Puts the value of a raw scalar: a string's unescaped bytes, or a number's
 * or literal's bytes as they stand. ERR_INPUT for arrays and objects, and
 * for a string that holds \u0000 or a lone surrogate.
 */
int json_scalar(struct span raw, struct buf *out, struct err *err);

#endif
