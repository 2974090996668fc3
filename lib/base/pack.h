/*
 * pack.h: values in a row of bytes: big-endian integers, and bytes with their
 * length in front. Records (record.h) and the deliverer's frames (feed.h) are
 * made of them.
 */
#ifndef EYELET_LIB_BASE_PACK_H
#define EYELET_LIB_BASE_PACK_H

#include <stdint.h>

#include "lib/base/bytes.h"

#define PACK_FIELD_MAX (32 * 1024 * 1024) /* bytes of one field */

/* --- writing: each appends to b. ERR_LIMIT, ERR_NOMEM. -------------------- */

int pack_put8(struct buf *b, unsigned v, struct err *err);
int pack_put32(struct buf *b, unsigned long v, struct err *err);
int pack_put64(struct buf *b, uint64_t v, struct err *err);
int pack_put_ms(struct buf *b, int64_t v, struct err *err);
/* A length of width bytes (1, 2 or 4), then the bytes. */
int pack_put_bytes(struct buf *b, int width, struct span s, struct err *err);

/* --- reading: a cursor that turns bad and stays so ------------------------ */

struct pack_reader {
	const unsigned char *p;
	size_t left;
	bool bad; /* more was asked for than there is; all since was zero */
};

struct pack_reader pack_reader_of(struct span s);

unsigned pack_get8(struct pack_reader *r);
unsigned long pack_get32(struct pack_reader *r);
uint64_t pack_get64(struct pack_reader *r);
int64_t pack_get_ms(struct pack_reader *r);
struct span pack_get_bytes(struct pack_reader *r, int width); /* borrowed */
void pack_get_into(struct pack_reader *r, void *out, size_t n);

/* Was all of it read, and nothing more? ERR_CORRUPT: what was not. */
int pack_end(const struct pack_reader *r, const char *what, struct err *err);

#endif
