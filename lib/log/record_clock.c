/* record_clock.c: the two clocks of a store as a record. */
#include "lib/log/record.h"

#include <stdio.h>

#include "lib/base/pack.h"

int
record_put_clock(const struct record_clock *c, struct buf *b, struct err *err)
{
	const struct wall *w = &c->wall;

	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put_bytes(b, 1, span_str(c->last.boot), err) < 0 ||
	    pack_put_ms(b, c->last.boot_ms, err) < 0 ||
	    pack_put_ms(b, c->last.wall_ms, err) < 0 ||
	    pack_put_ms(b, c->age_ms, err) < 0 ||
	    pack_put8(b, (unsigned)w->doubt, err) < 0 ||
	    pack_put8(b, w->accepted, err) < 0 ||
	    pack_put_ms(b, w->floor_ms, err) < 0 ||
	    pack_put_ms(b, w->offset_ms, err) < 0 ||
	    pack_put_ms(b, w->since_ms, err) < 0 ||
	    pack_put_ms(b, w->doubt_ms, err) < 0)
		return -1;
	return pack_put_ms(b, w->step_ms, err);
}

int
record_get_clock(struct span value, struct record_clock *out, struct err *err)
{
	struct wall *w = &out->wall;
	struct pack_reader r;
	struct span boot;
	unsigned doubt;

	if (record_begin(&r, value, "clock", err) < 0)
		return -1;
	boot = pack_get_bytes(&r, 1);
	out->last.boot_ms = pack_get_ms(&r);
	out->last.wall_ms = pack_get_ms(&r);
	out->age_ms = pack_get_ms(&r);
	doubt = pack_get8(&r);
	w->accepted = pack_get8(&r) != 0;
	w->floor_ms = pack_get_ms(&r);
	w->offset_ms = pack_get_ms(&r);
	w->since_ms = pack_get_ms(&r);
	w->doubt_ms = pack_get_ms(&r);
	w->step_ms = pack_get_ms(&r);
	if (pack_end(&r, "clock record", err) < 0)
		return -1;
	if (boot.len >= sizeof(out->last.boot) || doubt >= WALL_DOUBTS)
		return err_set(err, ERR_CORRUPT, "clock record of no sense");
	snprintf(out->last.boot, sizeof(out->last.boot), "%.*s", (int)boot.len,
	    boot.len == 0 ? "" : (const char *)boot.ptr);
	w->doubt = (enum wall_doubt)doubt;
	return 0;
}
