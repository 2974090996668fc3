/*
 * bytes.h: bytes from outside, borrowed (span) or owned (buf). Any byte may
 * occur in them; a NUL ends only our own strings.
 */
#ifndef EYELET_LIB_BASE_BYTES_H
#define EYELET_LIB_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

/* Borrowed bytes. ptr may be NULL when len is 0 ("absent" or empty). */
struct span {
	const void *ptr;
	size_t len;
};

#define SPAN_EMPTY ((struct span){ NULL, 0 })

struct span span_of(const void *ptr, size_t len);
struct span span_str(const char *s); /* without the NUL; NULL gives empty */
bool span_eq(struct span a, struct span b);
bool span_is(struct span a, const char *s);
bool span_eq_nocase(struct span a, struct span b); /* ASCII letters only */
bool span_is_nocase(struct span a, const char *s); /* the same */
bool span_starts(struct span a, const char *prefix);
struct span span_skip(struct span a, size_t n); /* without its first n bytes */
struct span span_trim(struct span a); /* blanks and tabs cut at both ends */

/* A NUL-terminated copy (free()); NULL with err ERR_NOMEM when none is left. */
char *span_dup(struct span a, struct err *err);

/* The first index of byte c, or a.len when it does not occur. */
size_t span_find(struct span a, unsigned char c);

/*
 * Owned bytes that grow up to max, a limit set where the buf is declared.
 * Every buf function takes an empty buf. A put that would pass max fails with
 * ERR_LIMIT and leaves the content as it was. Memory that a growing buf moves
 * out of is wiped, so that a secret in it leaves no copy behind.
 */
struct buf {
	unsigned char *ptr;
	size_t len, room, max;
};

#define BUF_INIT(limit)             \
	{                           \
		NULL, 0, 0, (limit) \
	}

/*
 * The size bytes at mem, which stay the caller's, as an empty buf that holds
 * one less (buf_printf puts a NUL). It allocates nothing; no buf_free for it.
 */
#define BUF_OVER(mem, size)                                   \
	{                                                     \
		(unsigned char *)(mem), 0, (size)-1, (size)-1 \
	}

int buf_put(struct buf *b, const void *ptr, size_t len, struct err *err);
int buf_put_span(struct buf *b, struct span s, struct err *err);
int buf_puts(struct buf *b, const char *s, struct err *err);
int buf_putc(struct buf *b, unsigned char c, struct err *err);
/* In decimal: what buf_printf does with "%llu", in a tenth of the time. */
int buf_put_u64(struct buf *b, unsigned long long n, struct err *err);
int buf_printf(struct buf *b, struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Room for n more bytes behind the content; *at is where they go, never NULL.
 * The caller fills them and then adds what it used to b->len.
 */
int buf_reserve(struct buf *b, size_t n, unsigned char **at, struct err *err);

struct span buf_span(const struct buf *b);
void buf_clear(struct buf *b); /* empties, keeps the memory */
void buf_free(struct buf *b); /* empties and frees; usable again */
void buf_wipe(struct buf *b); /* overwrites, then frees: for secrets */

/* Overwrites memory in a way that the compiler keeps. */
void bytes_wipe(void *ptr, size_t len);

/* Big-endian integers, as every record and frame of ours has them. */
void be16_put(unsigned char *p, unsigned v);
void be32_put(unsigned char *p, unsigned long v);
void be64_put(unsigned char *p, unsigned long long v);
unsigned be16_get(const unsigned char *p);
unsigned long be32_get(const unsigned char *p);
unsigned long long be64_get(const unsigned char *p);

#endif
