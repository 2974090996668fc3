/* record_pull.c: pull queues as records. */
#include "lib/log/record.h"

#include "lib/base/pack.h"

int
record_put_pull(const struct store_pull *p, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put64(b, p->seq, err) < 0 ||
	    pack_put_ms(b, p->created_ms, err) < 0 ||
	    pack_put_ms(b, p->moved_ms, err) < 0 ||
	    pack_put_bytes(b, 1, p->endpoint, err) < 0)
		return -1;
	return pack_put_bytes(b, 2, p->types, err);
}

int
record_get_pull(struct span value, struct store_pull *out, struct err *err)
{
	struct pack_reader r;

	if (record_begin(&r, value, "pull queue", err) < 0)
		return -1;
	out->seq = pack_get64(&r);
	out->created_ms = pack_get_ms(&r);
	out->moved_ms = pack_get_ms(&r);
	out->endpoint = pack_get_bytes(&r, 1);
	out->types = pack_get_bytes(&r, 2);
	return pack_end(&r, "pull queue record", err);
}
