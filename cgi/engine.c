/* engine.c: opens and closes what the owner of the store runs. */
#include "cgi/engine.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/address.h"
#include "lib/guard.h"
#include "lib/ops.h"
#include "lib/registry.h"
#include "lib/scheme.h"
#include "lib/server.h"
#include "lib/store.h"
#include "lib/store_copy.h"
#include "lib/watch.h"

struct engine {
	struct engine_options opt;
	struct owner_lock *lock;
	struct server *server;
	struct scheme_set *schemes;
	struct address_list *trusted_proxies;
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
		.dir = opt->conf->store,
		.lock = en->lock,
		.role = opt->role,
		.owner_uid = geteuid(),
		.leave = opt->leave,
		.arg = opt->arg,
	};

	do
		so.listen_fd = owner_listen(opt->conf->store, err);
	while (so.listen_fd < 0 && engine_make_room(opt->conf, opt->log, err));
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
load_schemes(
    struct engine *en, const struct engine_options *opt, struct err *err)
{
	const char *dirs[CONF_PATHS_MAX];
	size_t i;

	for (i = 0; i < opt->conf->nschemes; i++) {
		dirs[i] = opt->conf->schemes[i];
		/* Who can write one decides which requests are authentic. */
		if (guard_folder_of(dirs[i], ".json", err) < 0)
			return err_wrap(err, "schemes");
	}
	return scheme_set_load(
	    dirs, i, scheme_failed, opt->log, &en->schemes, err);
}

static int
open_store(struct engine *en, const struct engine_options *opt, struct err *err)
{
	struct store_options so;

	store_options(opt->conf, opt->log, &so);
	return store_open(&so, &en->store, err);
}

static int
open_receive(
    struct engine *en, const struct engine_options *opt, struct err *err)
{
	const struct conf *cf = opt->conf;
	struct receive_options ro = {
		.mount = cf->mount,
		.body_max = cf->body_max,
		.address_rate = cf->address_rate,
	};

	if (cf->trusted_proxies != NULL && cf->trusted_proxies[0] != '\0' &&
	    address_list_parse(
		span_str(cf->trusted_proxies), &en->trusted_proxies, err) < 0)
		return -1;
	ro.trusted_proxies = en->trusted_proxies;
	return receive_open(&ro, en->store, en->registry, &en->receive, err);
}

static int
start_watch(
    struct engine *en, const struct engine_options *opt, struct err *err)
{
	struct watch_options wo;

	watch_options_init(&wo);
	wo.hold_s = opt->conf->hold_s;
	wo.retain_s = opt->conf->retain_s;
	return watch_open(
	    en->store, en->schemes, &wo, log_words, opt->log, &en->watch, err);
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
	scheme_set_free(en->schemes);
	address_list_free(en->trusted_proxies);
	en->watch = NULL;
	en->ops = NULL;
	en->receive = NULL;
	en->registry = NULL;
	en->store = NULL;
	en->schemes = NULL;
	en->trusted_proxies = NULL;
}

bool
engine_may_pass(enum err_code code)
{
	return code == ERR_IO || code == ERR_FULL || code == ERR_NOMEM ||
	       code == ERR_AWAY || code == ERR_TIMEOUT;
}

enum engine_state
engine_try(struct engine *en, struct err *err)
{
	const struct engine_options *opt = &en->opt;

	if (load_schemes(en, opt, err) == 0 && open_store(en, opt, err) == 0 &&
	    registry_open(en->store, en->schemes, &en->registry, err) == 0 &&
	    open_receive(en, opt, err) == 0 &&
	    ops_open(opt->conf, en->store, en->registry, &en->ops, err) == 0 &&
	    start_watch(en, opt, err) == 0) {
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
	if (start_server(en, opt, err) == 0)
		state = engine_try(en, err);
	if (state == ENGINE_FAILED)
		engine_close(en);
	else
		*out = en;
	return state;
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
	free(en);
	return true;
}
