/* engine.c: opens and closes what the owner of the store runs. */
#include "cgi/engine.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/ops/ops.h"
#include "lib/receive/registry.h"
#include "lib/scheme/conf_schemes.h"
#include "lib/scheme/scheme.h"
#include "lib/server/server.h"
#include "lib/store/conf_store.h"
#include "lib/store/copy.h"
#include "lib/store/deliverer.h"
#include "lib/store/store.h"
#include "lib/watch/watch.h"

struct engine {
	struct engine_options opt;
	const struct conf *conf; /* as it began, for its paths; held */
	struct owner_lock *lock;
	struct server *server;
	struct store *store;
	struct registry *registry;
	struct receive *receive;
	struct ops *ops;
	struct watch *watch;
};

/* --- each part ----------------------------------------------------------- */

static void
store_options(
    const struct conf *conf, struct log *log, struct store_options *out)
{
	conf_store_options(conf, out);
	out->log = log_words;
	out->log_arg = log;
}

bool
engine_make_room(const struct conf *conf, struct log *log, struct err *err)
{
	struct store_options so;

	store_options(conf, log, &so);
	return store_make_room(&so, err);
}

static int
start_server(
    struct engine *en, const struct engine_options *opt, struct err *err)
{
	struct server_options so = {
		.dir = en->conf->store,
		.lock = en->lock,
		.role = opt->role,
		.owner_uid = geteuid(),
		.bodies = opt->bodies,
		.leave = opt->leave,
		.arg = opt->arg,
	};

	do
		so.listen_fd = owner_listen(en->conf->store, err);
	while (so.listen_fd < 0 && engine_make_room(en->conf, opt->log, err));
	if (so.listen_fd < 0)
		return -1;
	return server_start(&so, &en->server, err);
}

static void
scheme_failed(void *arg, const struct err *err)
{
	log_words(arg, err->text);
}

static int
open_registry(struct engine *en, const struct conf *cf, struct err *err)
{
	struct scheme_set *schemes;
	int ret;

	if (conf_schemes_load(cf, scheme_failed, en->opt.log, &schemes, err) <
	    0)
		return -1;
	ret = registry_open(en->store, schemes, &en->registry, err);
	scheme_set_free(schemes);
	return ret;
}

static int
open_store(struct engine *en, const struct conf *cf, struct err *err)
{
	struct store_options so;

	store_options(cf, en->opt.log, &so);
	return store_open(&so, &en->store, err);
}

static struct receive_options
receive_options(const struct conf *cf)
{
	return (struct receive_options){
		.mount = cf->mount,
		.body_max = cf->body_max,
		.trusted_proxies = cf->trusted_proxies,
		.address_rate = cf->address_rate,
		.unpacked_max = cf->bodies_max / 2,
	};
}

static int
open_receive(struct engine *en, const struct conf *cf, struct err *err)
{
	struct receive_options ro = receive_options(cf);

	return receive_open(&ro, en->store, en->registry, &en->receive, err);
}

static int
open_ops(struct engine *en, struct err *err)
{
	if (ops_open(en->opt.settings, en->store, en->registry, &en->ops, err) <
	    0)
		return -1;
	ops_on_reload(en->ops, en->opt.reload, en->opt.arg);
	return 0;
}

static struct scheme_set *
hold_schemes(void *arg)
{
	struct engine *en = arg;

	return registry_hold_schemes(en->registry);
}

static int
start_watch(struct engine *en, const struct conf *cf, struct err *err)
{
	struct watch_options wo;

	watch_options_init(&wo);
	wo.hold_s = cf->hold_s;
	wo.retain_s = cf->retain_s;
	return watch_open(en->store, hold_schemes, en, &wo, log_words,
	    en->opt.log, &en->watch, err);
}

/* --- all of it ----------------------------------------------------------- */

/* Closes the parts that use the store, each before the part it uses. */
static void
close_parts(struct engine *en)
{
	watch_close(en->watch);
	if (en->ops != NULL)
		ops_close(en->ops);
	if (en->receive != NULL)
		receive_close(en->receive);
	if (en->registry != NULL)
		registry_close(en->registry);
	store_close(en->store);
	en->watch = NULL;
	en->ops = NULL;
	en->receive = NULL;
	en->registry = NULL;
	en->store = NULL;
}

bool
engine_may_pass(enum err_code code)
{
	return code == ERR_IO || code == ERR_FULL || code == ERR_NOMEM ||
	       code == ERR_AWAY || code == ERR_TIMEOUT;
}

static int
open_parts(struct engine *en, const struct conf *cf, struct err *err)
{
	if (open_store(en, cf, err) < 0 || open_registry(en, cf, err) < 0 ||
	    open_receive(en, cf, err) < 0 || open_ops(en, err) < 0)
		return -1;
	return start_watch(en, cf, err);
}

enum engine_state
engine_try(struct engine *en, struct err *err)
{
	const struct conf *cf = conf_live_get(en->opt.settings);
	int opened = open_parts(en, cf, err);

	conf_live_put(cf);
	if (opened == 0) {
		server_serve(en->server, en->receive, en->ops);
		return ENGINE_OPEN;
	}
	close_parts(en);
	if (!engine_may_pass(err->code))
		return ENGINE_FAILED;
	server_down(en->server, err);
	return ENGINE_DOWN;
}

enum engine_state
engine_open(const struct engine_options *opt, struct owner_lock *lock,
    struct engine **out, struct err *err)
{
	struct engine *en = calloc(1, sizeof(*en));
	enum engine_state state = ENGINE_FAILED;

	if (en == NULL) {
		owner_lock_drop(lock);
		err_set(err, ERR_NOMEM, "no memory for the store");
		return ENGINE_FAILED;
	}
	en->lock = lock;
	en->opt = *opt;
	en->conf = conf_live_get(opt->settings);
	if (start_server(en, opt, err) == 0)
		state = engine_try(en, err);
	if (state == ENGINE_FAILED)
		engine_close(en);
	else
		*out = en;
	return state;
}

int
engine_reload(struct engine *en, const struct conf *cf, struct err *err)
{
	struct receive_options ro = receive_options(cf);
	struct store_options so;
	struct scheme_set *schemes;
	struct receive_limits *lm = NULL;
	int ret = -1;

	if (en->receive == NULL)
		return 0;
	if (conf_schemes_load(cf, NULL, NULL, &schemes, err) < 0)
		return -1;
	/* Steps that may fail come first; the schemes change as a whole. */
	if (receive_limits_make(&ro, &lm, err) == 0 &&
	    registry_take_schemes(en->registry, NULL, schemes, err) == 0) {
		receive_configure(en->receive, lm);
		lm = NULL;
		store_options(cf, en->opt.log, &so);
		store_configure(en->store, &so);
		watch_configure(en->watch, cf->hold_s, cf->retain_s);
		ret = 0;
	}
	receive_limits_put(lm);
	scheme_set_free(schemes);
	return ret;
}

struct receive *
engine_receive(struct engine *en)
{
	return en->receive;
}

bool
engine_is_fenced(struct engine *en)
{
	/* Without a store, a flush may have failed while it was opened. */
	return en->store != NULL ? store_is_fenced(en->store)
				 : store_process_is_spent();
}

bool
engine_delivers(struct engine *en)
{
	if (en->store == NULL || store_holds_deliveries(en->store))
		return false;
	return en->opt.role != OWNER_STORE || server_heard_front(en->server) ||
	       ops_asked_to_deliver(en->ops);
}

pid_t
engine_hung_deliverer(struct engine *en)
{
	struct store_deliverer dl;

	store_deliverer(en->store, &dl);
	return dl.state == STORE_DELIVERER_SILENT ? dl.pid : 0;
}

int64_t
engine_idle_s(struct engine *en)
{
	int64_t idle_s;

	return server_clients(en->server, &idle_s) > 0 ? 0 : idle_s;
}

bool
engine_close(struct engine *en)
{
	if (en == NULL)
		return true;
	if (!server_stop(en->server))
		return false;
	close_parts(en);
	owner_lock_drop(en->lock);
	conf_live_put(en->conf);
	free(en);
	return true;
}
