/*
 * engine.h: everything that the owner of the store runs, opened in the order
 * in which each needs the one before, and closed in the opposite one.
 */
#ifndef EYELET_CGI_ENGINE_H
#define EYELET_CGI_ENGINE_H

#include "cgi/log.h"
#include "lib/base/budget.h"
#include "lib/config/conf_live.h"
#include "lib/owner/owner.h"
#include "lib/receive/receive.h"

struct engine;

struct engine_options {
	struct conf_live *settings;
	enum owner_role role;
	struct log *log; /* for the operator */
	struct budget *bodies; /* that are in hand, see pool.h */
	/* Another process wants the store, see server.h. Must not block. */
	void (*leave)(void *arg, const char *why);
	/* An administrator asks for a reload; the call's thread. */
	int (*reload)(void *arg, struct err *err);
	void *arg;
};

enum engine_state {
	ENGINE_FAILED, /* for good: err says why */
	/*
	 * The store cannot be opened now (no room, an error of the disk): err
	 * says why, and so does the socket to whoever greets. engine_try may
	 * find it better.
	 */
	ENGINE_DOWN,
	ENGINE_OPEN
};

/*
 * With the owner's lock in hand: serves the socket of the store folder, then
 * opens the store (which may take a while: recovery) and the rest. The lock is
 * the engine's from here on; when this fails it is dropped, and there is no
 * engine.
 */
enum engine_state engine_open(const struct engine_options *opt,
    struct owner_lock *lock, struct engine **out, struct err *err);

/* Can it help to try again in a while, with nothing done about eyelet? */
bool engine_may_pass(enum err_code code);

/* As store_make_room, for the store of a configuration. */
bool
engine_make_room(const struct conf *conf, struct log *log, struct err *err);

/* Of one that is down. Where this fails it is to be closed. */
enum engine_state engine_try(struct engine *en, struct err *err);

struct receive *engine_receive(struct engine *en);

/*
 * Takes the schemes and limits of cf, which is about to come into force, for
 * requests and calls that begin from now on. Nothing to do while the store is
 * down. ERR_CONFIG: a scheme's file does not load, or an endpoint would work no
 * more; then nothing is changed. ERR_DENIED, ERR_NOMEM, ERR_IO. Not while
 * another thread is in engine_try or engine_close.
 */
int engine_reload(struct engine *en, const struct conf *cf, struct err *err);

/* Was a write lost, so that only a new start helps? */
bool engine_is_fenced(struct engine *en);

/*
 * Is this an owner that starts the deliverer (deliver.mode = child)? Not while
 * deliveries are held (store/copy.h). One that was started on demand waits for
 * a request of a web server, or a call that wants something to go out: an
 * administrator's look must not deliver the backlog of a clone.
 */
bool engine_delivers(struct engine *en);

/* The deliverer that has the lock and hangs (store/deliverer.h); 0: none. */
pid_t engine_hung_deliverer(struct engine *en);

/* For how many seconds no other process was connected; 0 while one is. */
int64_t engine_idle_s(struct engine *en);

/*
 * Ends all of it; no request may be under way in receive. False when a thread
 * of the server hangs in what would be closed: only _exit is left then, and
 * the next owner recovers. NULL is allowed.
 */
bool engine_close(struct engine *en);

#endif
