/* deliver.c: the deliverer, one turn after another, until told to stop. */
#include "lib/deliver/deliver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/crypto/digest.h"
#include "lib/deliver/read.h"
#include "lib/deliver/report.h"
#include "lib/deliver/send.h"
#include "lib/deliver/settings.h"
#include "lib/model/deliver_lock.h"

#define SLEEP_MAX_MS 1000 /* opt.look is called once a second */
#define BLOCKED_MS 20 /* between tries of what is due, and can not */
#define FDS_MS 50 /* between looks at them while requests come back */
#define WAIT_MS 1000 /* of a WAIT: a stop waits for it */
#define COMMANDS_FOLDER "commands" /* of the store folder */

/* --- opening and closing -------------------------------------------------- */

static int
open_commands(struct deliver *dv, struct err *err)
{
	struct buf dir = BUF_INIT(4096);
	int ret = -1;

	if (buf_printf(&dir, err, "%s/" COMMANDS_FOLDER, dv->opt.conf->store) ==
		0 &&
	    command_runs_open(
		(const char *)dir.ptr, dv->opt.self, &dv->commands, err) == 0)
		ret = 0;
	buf_free(&dir);
	return ret;
}

static int
open_lines(struct deliver *dv, struct err *err)
{
	struct client_options how = { .conf = dv->opt.conf,
		.role = CLIENT_ADMIN,
		.program = dv->opt.program,
		.starts_nobody = dv->opt.child };

	if (deliver_line_start(&dv->reader, &how, dv->outbound, err) < 0 ||
	    deliver_line_start(&dv->reporter, &how, dv->outbound, err) < 0)
		return -1;
	/* Who only waits needs no owner: there is one when something comes. */
	how.starts_nobody = true;
	return deliver_line_start(&dv->waiter, &how, dv->outbound, err);
}

static int
open_all(struct deliver *dv, struct err *err)
{
	uint64_t chance;

	if (digest_random(&chance, sizeof(chance), err) < 0 ||
	    schedule_new(chance, &dv->schedule, err) < 0 ||
	    deliver_cache_open(&dv->cache, err) < 0 ||
	    outbound_open(dv->live.connections, &dv->outbound, err) < 0 ||
	    open_commands(dv, err) < 0 || open_lines(dv, err) < 0)
		return -1;
	dv->nfds = 1 + COMMAND_FDS_MAX * dv->live.connections;
	dv->fds = calloc(dv->nfds, sizeof(*dv->fds));
	if (dv->fds == NULL)
		return err_set(err, ERR_NOMEM, "no memory for descriptors");
	return 0;
}

/* False: a line still waits for the owner, so that only the process ends. */
static bool
close_all(struct deliver *dv)
{
	if (!deliver_line_end(&dv->waiter) || !deliver_line_end(&dv->reader) ||
	    !deliver_line_end(&dv->reporter))
		return false;
	outbound_close(dv->outbound);
	command_runs_close(dv->commands);
	deliver_free_sends(dv);
	deliver_cache_close(&dv->cache);
	deliver_free_settings(dv);
	schedule_free(dv->schedule);
	free(dv->fds);
	return true;
}

/* --- being told ----------------------------------------------------------- */

static int
take_told(struct deliver *dv, struct err *err)
{
	struct feed_told told;
	int ret = -1;

	if (deliver_line_state(&dv->waiter) != DELIVER_LINE_ANSWERED)
		return 0;
	if (dv->waiter.ret < 0) {
		*err = dv->waiter.err;
		ret = deliver_owner_failed(dv, &dv->waiter_ms, err);
	} else if (feed_get_told(dv->waiter.answer, &told, err) == 0) {
		deliver_owner_answered(dv);
		dv->told = true;
		dv->durable_seq = told.durable_seq;
		dv->touched = told.touched;
		ret = 0;
	}
	deliver_line_done(&dv->waiter);
	return ret;
}

static int
ask_to_be_told(struct deliver *dv, struct err *err)
{
	struct feed_call call = { .verb = FEED_WAIT };

	/* Settings first: who asks for them starts an owner, if need be. */
	if (deliver_line_state(&dv->waiter) != DELIVER_LINE_IDLE ||
	    clock_ms() < dv->waiter_ms || dv->stopping || !dv->has_settings ||
	    (dv->opt.once && dv->told))
		return 0;
	call.seq = dv->durable_seq;
	call.touched = dv->touched;
	call.wait_ms = dv->told ? WAIT_MS : 0;
	return deliver_line_ask(&dv->waiter, &call, err);
}

/* --- turns ---------------------------------------------------------------- */

static int
soonest(int64_t a, int64_t b)
{
	int64_t ms = a < b ? a : b;

	return ms < 0 ? 0 : (int)(ms > SLEEP_MAX_MS ? SLEEP_MAX_MS : ms);
}

/* How long nothing is to do though nothing comes. */
static int
sleep_ms(const struct deliver *dv)
{
	const int64_t pauses[] = { dv->waiter_ms, dv->reader_ms,
		dv->reporter_ms, dv->stopping ? dv->stop_ms : 0 };
	int64_t wake_ms = schedule_wake_ms(dv->schedule, dv->now_ms);
	int64_t now_ms = clock_ms();
	int64_t command_ms = command_wake_ms(dv->commands, now_ms);
	int ms = SLEEP_MAX_MS;
	size_t i;

	if (dv->more)
		return 0;
	/*
	 * What is due now had its chance in this turn: it waits for something
	 * else, a connection or the owner.
	 */
	if (wake_ms != INT64_MAX)
		ms = soonest(ms,
		    wake_ms > dv->now_ms ? wake_ms - dv->now_ms : BLOCKED_MS);
	for (i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++)
		if (pauses[i] > now_ms)
			ms = soonest(ms, pauses[i] - now_ms);
	/* It may have come since they were served: then it is not to wait. */
	if (command_ms >= 0)
		ms = soonest(ms, command_ms - now_ms);
	return ms;
}

static void
look_at_stop(struct deliver *dv)
{
	if (dv->fds[0].revents == 0 || dv->stopping)
		return;
	dv->stopping = true;
	dv->stop_ms = clock_ms() + DELIVER_STOP_MS;
	deliver_log(dv, "note=\"told to stop\" under_way=%zu", dv->nsends);
}

/*
 * To look at descriptors takes a system call more than to wait for replies,
 * so while these come in quick succession that is done now and then.
 */
static int
sleep_until_more(struct deliver *dv, struct err *err)
{
	int64_t now_ms = clock_ms();
	int ms = sleep_ms(dv);
	size_t n;

	if (outbound_busy(dv->outbound) > 0 &&
	    command_busy(dv->commands) == 0 && now_ms < dv->fds_ms + FDS_MS)
		return outbound_poll(dv->outbound, NULL, 0,
		    soonest(ms, dv->fds_ms + FDS_MS - now_ms), err);
	dv->fds_ms = now_ms;
	n = command_fds(dv->commands, dv->fds + 1, dv->nfds - 1);
	dv->fds[0] = (struct pollfd){ .fd = dv->opt.stop_fd, .events = POLLIN };
	if (outbound_poll(dv->outbound, dv->fds, n + 1, ms, err) < 0)
		return -1;
	look_at_stop(dv);
	return 0;
}

static int
turn(struct deliver *dv, struct err *err)
{
	dv->now_ms = clock_boot_ms();
	dv->wall_ms = clock_wall_ms();
	schedule_set_wall(dv->schedule, dv->wall_ms - dv->now_ms);
	dv->more = false;
	if (dv->opt.look != NULL && dv->opt.look(dv->opt.arg, &dv->live) &&
	    deliver_take_live(dv, err) < 0)
		return -1;
	deliver_cache_sweep(&dv->cache);
	if (take_told(dv, err) < 0 || deliver_send(dv, err) < 0 ||
	    deliver_read(dv, err) < 0 || ask_to_be_told(dv, err) < 0 ||
	    deliver_send(dv, err) < 0)
		return -1;
	return deliver_report(dv, err);
}

/* Is nothing under way, and all that came of it written down? */
static bool
is_quiet(struct deliver *dv)
{
	return dv->nsends == 0 &&
	       deliver_line_state(&dv->reporter) == DELIVER_LINE_IDLE &&
	       (dv->given_up || dv->report_due);
}

static bool
is_over(struct deliver *dv)
{
	if (dv->stopping)
		return is_quiet(dv) || clock_ms() >= dv->stop_ms;
	return dv->opt.once && is_quiet(dv) &&
	       (dv->live.off || dv->held || (dv->told && deliver_read_all(dv)));
}

/*
 * Settings get old while deliveries are off, and those of a store that was
 * replaced by a copy are not the copy's. What came of deliveries under way is
 * written down first, and the reader's answer may belong to a destination.
 */
static void
forget_while_off(struct deliver *dv)
{
	if ((dv->live.off || dv->held) && is_quiet(dv) &&
	    deliver_line_state(&dv->reader) == DELIVER_LINE_IDLE)
		deliver_forget_settings(dv);
}

/* One that ends by itself has delivered nothing of a store that is held. */
static int
end_held(const struct deliver *dv, struct err *err)
{
	if (!dv->opt.once || !dv->held)
		return 0;
	*err = dv->why_held;
	return -1;
}

static int
deliver_until_over(struct deliver *dv, struct err *err)
{
	for (;;) {
		if (turn(dv, err) < 0)
			return -1;
		if (is_over(dv))
			return end_held(dv, err);
		forget_while_off(dv);
		if (sleep_until_more(dv, err) < 0)
			return -1;
	}
}

int
deliver_run(const struct deliver_options *opt, struct deliver_totals *totals,
    struct err *err)
{
	struct deliver *dv = calloc(1, sizeof(*dv));
	int lock_fd = -1, ret = -1;

	memset(totals, 0, sizeof(*totals));
	if (dv == NULL)
		return err_set(err, ERR_NOMEM, "no memory to deliver");
	dv->opt = *opt;
	dv->live = opt->live;
	lock_fd = deliver_lock(opt->conf->store, opt->once, err);
	if (lock_fd >= 0 && open_all(dv, err) == 0)
		ret = deliver_until_over(dv, err);
	if (dv->schedule != NULL)
		dv->totals.left = schedule_left(dv->schedule);
	*totals = dv->totals;
	totals->hangs = !close_all(dv);
	if (!totals->hangs)
		free(dv);
	deliver_unlock(lock_fd);
	return ret;
}
