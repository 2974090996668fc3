/*
 * client_find.c: finds the owner of the store, and where there is none, or the
 * wrong one, sees that the right one comes.
 */
#include "lib/owner/client_link.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/base/version.h"

#define PAUSE_MS 10 /* between looks for an owner that is about to come */
#define LAUNCHES_MAX 12 /* owners that are started, and end, for one search */

#define LEAVE_MS 15000 /* an administrator waits so for one that leaves */
#define KILLS_MAX 2 /* silent owners that are killed for one search */

enum step {
	STEP_DONE,
	STEP_AGAIN,
	STEP_HELD, /* the same, while an owner that does not listen goes */
	STEP_FAILED
};

/* One search for an owner. */
struct search {
	int64_t begun_ms, deadline_ms;
	int launches, kills;
};

static const char *
role_word(enum client_role role)
{
	switch (role) {
	case CLIENT_ADMIN:
		return "admin";
	case CLIENT_CGI:
		return "cgi";
	case CLIENT_FASTCGI:
		return "fastcgi";
	}
	return "unknown";
}

static const char *
own_version(const struct client_link *l)
{
	return l->opt.version != NULL ? l->opt.version : version_release();
}

/* --- greeting ------------------------------------------------------------- */

/* For the audit trail; the owner decides whether it believes that. */
static void
put_sudo(const struct client_link *l, struct frame_greeting *hello)
{
	const char *text = getenv("SUDO_UID");
	struct err ignored = ERR_INIT;
	uint64_t uid;

	if (l->opt.role != CLIENT_ADMIN || text == NULL ||
	    text_to_u64(span_str(text), UINT32_MAX - 1, &uid, &ignored) < 0)
		return;
	hello->has_sudo = true;
	hello->sudo_uid = (unsigned)uid;
}

static int
send_hello(struct client_link *l, struct err *err)
{
	struct buf out = BUF_INIT(FRAME_TEXT_MAX + FRAME_HEAD);
	struct frame_greeting hello = { .pid = getpid() };
	size_t at;

	snprintf(hello.version, sizeof(hello.version), "%s", own_version(l));
	snprintf(hello.build, sizeof(hello.build), "%s", version_build());
	snprintf(hello.role, sizeof(hello.role), "%s", role_word(l->opt.role));
	snprintf(hello.program, sizeof(hello.program), "%s", l->opt.program);
	put_sudo(l, &hello);
	if (frame_begin(FRAME_HELLO, &out, &at, err) < 0 ||
	    frame_put_greeting(&hello, &out, err) < 0 ||
	    frame_finish(&out, at, err) < 0) {
		buf_free(&out);
		return -1;
	}
	client_link_send(l, &out);
	return 0;
}

/* The owner ends this connection, and says why. */
static enum step
told_off(const struct frame *f, struct err *why)
{
	struct err verdict;

	if (frame_get_verdict(f->content, &verdict, why) < 0)
		return STEP_FAILED;
	*why = verdict;
	return verdict.code == ERR_AWAY ? STEP_AGAIN : STEP_FAILED;
}

/* It leaves, and this process becomes the owner: see CLIENT_FASTCGI. */
static enum step
take_over(struct client_link *l, int64_t deadline_ms, struct err *why)
{
	struct buf out = BUF_INIT(FRAME_HEAD);
	struct frame f;

	if (frame_encode(FRAME_LEAVE, SPAN_EMPTY, &out, why) < 0)
		return STEP_FAILED;
	client_link_send(l, &out);
	switch (client_link_frame(l, deadline_ms, &f, why)) {
	case CLIENT_LINK_FRAME:
		return told_off(&f, why);
	case CLIENT_LINK_LOST:
		return STEP_AGAIN;
	case CLIENT_LINK_FAILED:
		break;
	}
	return STEP_FAILED;
}

static enum step
welcomed(struct client_link *l, const struct frame *f, int64_t deadline_ms,
    struct err *why)
{
	struct frame_greeting greeting;
	struct err ignored;

	if (frame_get_greeting(f->content, &greeting, why) < 0 ||
	    owner_info_from(&greeting, &l->owner, why) < 0)
		return STEP_FAILED;
	if (version_compare(l->owner.version, own_version(l)) > 0) {
		err_set(why, ERR_VERSION,
		    "the owner of the store %s is eyelet %s, newer than this "
		    "%s",
		    l->opt.conf->store, l->owner.version, own_version(l));
		return STEP_FAILED;
	}
	/* Who may not own the store leaves it where it is. */
	if (l->opt.role == CLIENT_FASTCGI && l->owner.role == OWNER_STORE &&
	    owner_check_user(l->opt.conf->store, &ignored) == 0)
		return take_over(l, deadline_ms, why);
	return STEP_DONE;
}

static enum step
greet(struct client_link *l, int64_t deadline_ms, struct err *why)
{
	struct err ignored;
	struct frame f;
	bool held;

	l->deaf = false;
	l->ping_left = 0;
	/* Until it says who it is: this is who has to be killed if it never. */
	l->owner.pid = 0;
	if (owner_holder(l->opt.conf->store, &l->owner, &held, &ignored) < 0)
		l->owner.pid = 0;
	if (send_hello(l, why) < 0)
		return STEP_FAILED;
	switch (client_link_frame(l, deadline_ms, &f, why)) {
	case CLIENT_LINK_FRAME:
		break;
	case CLIENT_LINK_LOST:
		err_set(why, ERR_AWAY, "the owner of the store %s went away",
		    l->opt.conf->store);
		return STEP_AGAIN;
	case CLIENT_LINK_FAILED:
		if (why->code == ERR_TIMEOUT &&
		    l->silent_ms < 2 * CLIENT_PING_MS)
			err_set(why, ERR_AWAY,
			    "the owner of the store %s, process %ld, is "
			    "opening it still",
			    l->opt.conf->store, (long)l->owner.pid);
		return STEP_FAILED;
	}
	if (f.type == FRAME_WELCOME)
		return welcomed(l, &f, deadline_ms, why);
	if (f.type == FRAME_BUSY)
		return told_off(&f, why);
	err_set(why, ERR_INPUT,
	    "the owner of the store %s greets with a frame of type %u",
	    l->opt.conf->store, (unsigned)f.type);
	return STEP_FAILED;
}

/* --- no owner ------------------------------------------------------------- */

static enum step
start_owner(struct client_link *l, struct search *search, struct err *why)
{
	const struct conf *cf = l->opt.conf;
	enum launch_state state;

	err_set(why, ERR_AWAY, "it ended, and nobody owns the store");
	state = launch_state(&l->launch, why);
	if (state == LAUNCH_FAILED ||
	    (state != LAUNCH_RUNS && search->launches == LAUNCHES_MAX)) {
		err_wrap(why, "start %s --store", cf->program);
		return STEP_FAILED;
	}
	if (state != LAUNCH_RUNS) {
		/* They may end since somebody kills them, or for good. */
		poll(NULL, 0, search->launches * PAUSE_MS);
		search->launches++;
		if (launch_owner(cf, &l->launch, why) < 0)
			return STEP_FAILED;
	}
	err_set(why, ERR_AWAY,
	    "%s --store was started, and does not serve the store %s yet",
	    cf->program, cf->store);
	return STEP_AGAIN;
}

/* Nobody listens: it is about to, or is about to end, or is not there. */
static enum step
nobody_listens(struct client_link *l, struct search *search, struct err *why)
{
	const char *dir = l->opt.conf->store;
	struct owner_info holder;
	bool held;

	if (owner_check_user(dir, why) < 0 ||
	    owner_holder(dir, &holder, &held, why) < 0)
		return STEP_FAILED;
	if (held) {
		err_set(why, ERR_AWAY,
		    "process %ld holds the store %s (%s), and serves nobody",
		    (long)holder.pid, dir,
		    holder.pid == 0 ? "unknown" : owner_role_word(holder.role));
		return holder.pid != 0 && holder.role == OWNER_OFFLINE
			   ? STEP_FAILED
			   : STEP_HELD;
	}
	if (l->opt.role == CLIENT_FASTCGI || l->opt.starts_nobody) {
		err_set(why, ERR_AWAY, "nobody owns the store %s", dir);
		return STEP_FAILED;
	}
	return start_owner(l, search, why);
}

/* Somebody listens, and lets nobody in: it may be stalled. */
static enum step
choked(struct client_link *l, int64_t deadline_ms, struct err *why)
{
	struct err ignored;
	bool held;

	if (owner_holder(l->opt.conf->store, &l->owner, &held, &ignored) < 0)
		l->owner.pid = 0;
	return client_link_silence(l, deadline_ms, why) == CLIENT_LINK_FAILED
		   ? STEP_FAILED
		   : STEP_AGAIN;
}

/* --- all of it ------------------------------------------------------------ */

static enum step
try_once(struct client_link *l, struct search *search, struct err *why)
{
	l->fd = owner_connect(l->opt.conf->store, why);
	if (l->fd >= 0)
		return greet(l, search->deadline_ms, why);
	if (why->code == ERR_AWAY)
		return nobody_listens(l, search, why);
	if (why->code == ERR_TIMEOUT)
		return choked(l, search->deadline_ms, why);
	return STEP_FAILED;
}

/*
 * After a step that found none. An administrator also waits for the owner in
 * whose way a silent one was, and for one that leaves.
 */
static void
extend(struct client_link *l, struct search *search, enum step step)
{
	bool killed = l->killed;

	l->killed = false;
	if (l->opt.role != CLIENT_ADMIN)
		return;
	if (killed && ++search->kills <= KILLS_MAX) {
		search->begun_ms = clock_ms();
		search->deadline_ms = search->begun_ms + CLIENT_WAIT_MS;
	}
	if (step == STEP_HELD &&
	    search->deadline_ms < search->begun_ms + LEAVE_MS)
		search->deadline_ms = search->begun_ms + LEAVE_MS;
}

int
client_link_open(struct client_link *l, int64_t deadline_ms, struct err *err)
{
	struct search search = { clock_ms(), deadline_ms, 0, 0 };
	struct err why = ERR_INIT;
	enum step step;

	if (l->fd >= 0)
		return 0;
	client_link_listen(l);
	for (;;) {
		step = try_once(l, &search, &why);
		if (step == STEP_DONE)
			break;
		client_link_drop(l);
		extend(l, &search, step);
		if (step == STEP_FAILED || clock_ms() >= search.deadline_ms) {
			*err = why;
			return -1;
		}
		poll(NULL, 0, PAUSE_MS);
	}
	/* What was started serves now, or ended since another one does. */
	if (launch_state(&l->launch, &why) == LAUNCH_RUNS)
		launch_forget(&l->launch);
	return 0;
}
