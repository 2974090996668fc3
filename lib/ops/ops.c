/* ops.c: the table of operations; judges a call and runs its operation. */
#include "lib/ops/ops.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/near.h"
#include "lib/base/util.h"
#include "lib/ops/deliverer.h"
#include "lib/ops/delivery.h"
#include "lib/ops/destination.h"
#include "lib/ops/endpoint.h"
#include "lib/ops/event.h"
#include "lib/ops/explain.h"
#include "lib/ops/quarantine.h"
#include "lib/ops/release.h"
#include "lib/ops/scheme_find.h"
#include "lib/ops/secret.h"
#include "lib/ops/store.h"
#include "lib/store/copy.h"

#define OP_MEMBERS_MAX 12

struct op_member {
	const char *name;
	enum json_kind kind;
	bool required;
};

#define WANT(name, kind)         \
	{                        \
		name, kind, true \
	}
#define MAY(name, kind)           \
	{                         \
		name, kind, false \
	}

/* Which events: the same for all that read the log. */
#define EVENT_FILTER                                            \
	MAY("endpoint", JSON_STRING), MAY("type", JSON_STRING), \
	    MAY("status", JSON_STRING), MAY("since_ms", JSON_NUMBER)

/* Whose secrets: one of the two. */
#define SECRET_OWNER \
	MAY("endpoint", JSON_STRING), MAY("destination", JSON_STRING)

/* Every op: the one table. Members are described where they are read. */
static const struct op {
	const char *name;
	op_run *run;
	struct op_member members[OP_MEMBERS_MAX];
} table[] = {
	{ "endpoint.add", op_endpoint_add,
	    { WANT("endpoint", JSON_STRING), WANT("settings", JSON_OBJECT),
		MAY("secret_b64", JSON_STRING),
		MAY("expect_secret_s", JSON_NUMBER) } },
	{ "endpoint.list", op_endpoint_list, { MAY("removed", JSON_BOOL) } },
	{ "endpoint.show", op_endpoint_show,
	    { WANT("endpoint", JSON_STRING) } },
	{ "endpoint.edit", op_endpoint_edit,
	    { WANT("endpoint", JSON_STRING), WANT("settings", JSON_OBJECT),
		MAY("if_gen", JSON_NUMBER),
		MAY("expect_secret_s", JSON_NUMBER) } },
	{ "endpoint.enable", op_endpoint_enable,
	    { WANT("endpoint", JSON_STRING), MAY("if_gen", JSON_NUMBER) } },
	{ "endpoint.disable", op_endpoint_disable,
	    { WANT("endpoint", JSON_STRING), MAY("if_gen", JSON_NUMBER) } },
	{ "endpoint.remove", op_endpoint_remove,
	    { WANT("endpoint", JSON_STRING), MAY("if_gen", JSON_NUMBER) } },
	{ "endpoint.rename", op_endpoint_rename,
	    { WANT("endpoint", JSON_STRING), WANT("to", JSON_STRING),
		MAY("if_gen", JSON_NUMBER) } },
	{ "endpoint.match", op_endpoint_match,
	    { WANT("endpoint", JSON_STRING), WANT("types", JSON_ARRAY) } },
	{ "endpoint.test", op_endpoint_test,
	    { WANT("endpoint", JSON_STRING), MAY("type", JSON_STRING) } },
	{ "endpoint.explain", op_endpoint_explain,
	    { WANT("endpoint", JSON_STRING), MAY("method", JSON_STRING),
		MAY("path", JSON_STRING), MAY("query", JSON_STRING),
		MAY("headers", JSON_ARRAY), MAY("body_b64", JSON_STRING),
		MAY("secret_b64", JSON_STRING), MAY("at_ms", JSON_NUMBER) } },
	{ "destination.add", op_destination_add,
	    { WANT("destination", JSON_STRING), WANT("settings", JSON_OBJECT),
		MAY("secret_b64", JSON_STRING), MAY("from_seq", JSON_NUMBER),
		MAY("from_ms", JSON_NUMBER) } },
	{ "destination.list", op_destination_list,
	    { MAY("removed", JSON_BOOL) } },
	{ "destination.show", op_destination_show,
	    { WANT("destination", JSON_STRING) } },
	{ "destination.edit", op_destination_edit,
	    { WANT("destination", JSON_STRING), WANT("settings", JSON_OBJECT),
		MAY("if_gen", JSON_NUMBER) } },
	{ "destination.pause", op_destination_pause,
	    { WANT("destination", JSON_STRING), MAY("if_gen", JSON_NUMBER) } },
	{ "destination.resume", op_destination_resume,
	    { WANT("destination", JSON_STRING), MAY("if_gen", JSON_NUMBER) } },
	{ "destination.disable", op_destination_disable,
	    { WANT("destination", JSON_STRING), MAY("by", JSON_STRING),
		MAY("why", JSON_STRING), MAY("if_gen", JSON_NUMBER) } },
	{ "destination.remove", op_destination_remove,
	    { WANT("destination", JSON_STRING), MAY("if_gen", JSON_NUMBER) } },
	{ "destination.test", op_destination_test,
	    { WANT("destination", JSON_STRING), MAY("type", JSON_STRING) } },
	{ "secret.show", op_secret_show, { SECRET_OWNER } },
	{ "secret.reveal", op_secret_reveal,
	    { SECRET_OWNER, MAY("secret", JSON_STRING) } },
	{ "secret.stage", op_secret_stage,
	    { SECRET_OWNER, MAY("secret_b64", JSON_STRING),
		MAY("drop_oldest", JSON_BOOL), MAY("if_gen", JSON_NUMBER) } },
	{ "secret.activate", op_secret_activate,
	    { SECRET_OWNER, MAY("secret", JSON_STRING),
		MAY("grace_s", JSON_NUMBER), MAY("if_gen", JSON_NUMBER) } },
	{ "secret.rotate", op_secret_rotate,
	    { SECRET_OWNER, MAY("secret_b64", JSON_STRING),
		MAY("grace_s", JSON_NUMBER), MAY("drop_oldest", JSON_BOOL),
		MAY("if_gen", JSON_NUMBER) } },
	{ "secret.revoke", op_secret_revoke,
	    { SECRET_OWNER, WANT("secret", JSON_STRING),
		MAY("replace", JSON_BOOL), MAY("secret_b64", JSON_STRING),
		MAY("if_gen", JSON_NUMBER) } },
	{ "secret.extend", op_secret_extend,
	    { SECRET_OWNER, MAY("secret", JSON_STRING),
		MAY("grace_s", JSON_NUMBER), MAY("if_gen", JSON_NUMBER) } },
	{ "secret.expire", op_secret_expire,
	    { SECRET_OWNER, MAY("secret", JSON_STRING),
		MAY("if_gen", JSON_NUMBER) } },
	{ "secret.suspects", op_secret_suspects,
	    { SECRET_OWNER, WANT("secret", JSON_STRING),
		MAY("since_ms", JSON_NUMBER), MAY("until_ms", JSON_NUMBER),
		MAY("limit", JSON_NUMBER) } },
	{ "event.list", op_event_list,
	    { EVENT_FILTER, MAY("until_ms", JSON_NUMBER),
		MAY("id", JSON_STRING), MAY("limit", JSON_NUMBER),
		MAY("destination", JSON_STRING), MAY("reason", JSON_STRING) } },
	{ "event.show", op_event_show,
	    { MAY("seq", JSON_NUMBER), MAY("endpoint", JSON_STRING),
		MAY("id", JSON_STRING), MAY("raw", JSON_BOOL) } },
	{ "event.export", op_event_export,
	    { EVENT_FILTER, MAY("until_ms", JSON_NUMBER),
		MAY("id", JSON_STRING), MAY("limit", JSON_NUMBER) } },
	{ "event.follow", op_event_follow,
	    { EVENT_FILTER, MAY("id", JSON_STRING), MAY("last", JSON_NUMBER),
		MAY("after", JSON_NUMBER), MAY("wait_ms", JSON_NUMBER) } },
	{ "event.stats", op_event_stats,
	    { EVENT_FILTER, MAY("until_ms", JSON_NUMBER) } },
	{ "event.release", op_event_release,
	    { MAY("seqs", JSON_ARRAY), MAY("endpoint", JSON_STRING) } },
	{ "event.drop", op_event_drop,
	    { MAY("seqs", JSON_ARRAY), MAY("endpoint", JSON_STRING) } },
	{ "event.publish", op_event_publish,
	    { WANT("endpoint", JSON_STRING), MAY("type", JSON_STRING),
		MAY("id", JSON_STRING), MAY("data_b64", JSON_STRING),
		MAY("raw", JSON_BOOL), MAY("content_type", JSON_STRING) } },
	{ "event.read", op_event_read,
	    { WANT("cursor", JSON_STRING), MAY("endpoint", JSON_STRING),
		MAY("type", JSON_STRING), MAY("from_seq", JSON_NUMBER),
		MAY("from_ms", JSON_NUMBER), MAY("acked", JSON_NUMBER),
		MAY("limit", JSON_NUMBER), MAY("wait_ms", JSON_NUMBER) } },
	{ "cursor.list", op_cursor_list, { { NULL, JSON_ABSENT, false } } },
	{ "cursor.ack", op_cursor_ack,
	    { WANT("cursor", JSON_STRING), WANT("seq", JSON_NUMBER) } },
	{ "cursor.remove", op_cursor_remove, { WANT("cursor", JSON_STRING) } },
	{ "delivery.retry", op_delivery_act,
	    { MAY("seqs", JSON_ARRAY), MAY("destination", JSON_STRING),
		MAY("status", JSON_STRING), MAY("reason", JSON_STRING) } },
	{ "delivery.drop", op_delivery_act,
	    { MAY("seqs", JSON_ARRAY), MAY("destination", JSON_STRING),
		MAY("reason", JSON_STRING) } },
	{ "delivery.skip", op_delivery_act,
	    { WANT("seqs", JSON_ARRAY), WANT("destination", JSON_STRING) } },
	{ "delivery.park", op_delivery_act,
	    { WANT("seqs", JSON_ARRAY), WANT("destination", JSON_STRING) } },
	{ "delivery.replay", op_delivery_replay,
	    { EVENT_FILTER, MAY("until_ms", JSON_NUMBER),
		MAY("id", JSON_STRING), MAY("seqs", JSON_ARRAY),
		MAY("from_seq", JSON_NUMBER), MAY("to_seq", JSON_NUMBER),
		MAY("destination", JSON_STRING), MAY("dry_run", JSON_BOOL),
		MAY("request_id", JSON_STRING) } },
	{ "quarantine.list", op_quarantine_list,
	    { MAY("endpoint", JSON_STRING), MAY("limit", JSON_NUMBER) } },
	{ "quarantine.show", op_quarantine_show, { WANT("no", JSON_NUMBER) } },
	{ "quarantine.explain", op_quarantine_explain,
	    { WANT("no", JSON_NUMBER) } },
	{ "quarantine.admit", op_quarantine_admit,
	    { WANT("no", JSON_NUMBER) } },
	{ "store.status", op_store_status, { { NULL, JSON_ABSENT, false } } },
	{ "store.check", op_store_check, { { NULL, JSON_ABSENT, false } } },
	{ "store.audit", op_store_audit,
	    { MAY("since_ms", JSON_NUMBER), MAY("limit", JSON_NUMBER) } },
	{ "store.prune", op_store_prune, { { NULL, JSON_ABSENT, false } } },
	{ "store.rekey", op_store_rekey, { { NULL, JSON_ABSENT, false } } },
	{ "store.accept-loss", op_store_accept_loss,
	    { { NULL, JSON_ABSENT, false } } },
	{ "store.clock", op_store_clock, { MAY("accept", JSON_BOOL) } },
	{ "store.adopt", op_store_adopt, { { NULL, JSON_ABSENT, false } } },
	{ "store.reload", op_store_reload, { { NULL, JSON_ABSENT, false } } },
	{ "store.config", op_store_config, { { NULL, JSON_ABSENT, false } } },
};

/* Ops that have to do with deliveries. */
static const struct {
	const char *op;
	bool sends; /* it is called so that something goes out */
} about_deliveries[] = {
	{ "destination.add", false },
	{ "destination.list", false },
	{ "destination.show", false },
	{ "destination.resume", true },
	{ "event.publish", true },
	{ "event.release", true },
	{ "delivery.retry", true },
	{ "delivery.replay", true },
	{ "quarantine.admit", true },
};

int
ops_open(struct conf_live *settings, struct store *st, struct registry *rg,
    struct ops **out, struct err *err)
{
	struct ops *ops = calloc(1, sizeof(*ops));

	if (ops == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the ops");
	ops->settings = settings;
	ops->store = st;
	ops->registry = rg;
	*out = ops;
	return 0;
}

int64_t
ops_stalled_ms(struct ops *ops, const char **what)
{
	return store_stalled_ms(ops->store, what);
}

void
ops_close(struct ops *ops)
{
	free(ops);
}

bool
ops_asked_to_deliver(struct ops *ops)
{
	return atomic_load(&ops->asked_to_deliver);
}

/* --- judging a call ------------------------------------------------------- */

static const struct op *
find_op(const char *name, struct err *err)
{
	struct near near = NEAR_INIT;
	size_t i;

	for (i = 0; i < NITEMS(table); i++) {
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
		near_try(&near, span_str(name), table[i].name);
	}
	if (near.word != NULL)
		err_set(err, ERR_USAGE,
		    "there is no op \"%s\": did you mean \"%s\"?", name,
		    near.word);
	else
		err_set(err, ERR_USAGE, "there is no op \"%s\"", name);
	return NULL;
}

static const struct op_member *
find_member(const struct op *op, const char *name)
{
	size_t i;

	for (i = 0; i < OP_MEMBERS_MAX && op->members[i].name != NULL; i++)
		if (strcmp(op->members[i].name, name) == 0)
			return &op->members[i];
	return NULL;
}

static int
check_members(const struct op *op, const struct json *in, struct err *err)
{
	const struct op_member *m;
	const struct json *value;
	size_t i;

	for (value = json_first(in); value != NULL; value = json_next(value)) {
		if (strcmp(json_name(value), "op") == 0)
			continue;
		m = find_member(op, json_name(value));
		if (m == NULL)
			return err_set(err, ERR_USAGE,
			    "%s has no member \"%s\"", op->name,
			    json_name(value));
		if (json_kind(value) != m->kind)
			return err_set(err, ERR_USAGE,
			    "%s: \"%s\" must be %s, not %s", op->name, m->name,
			    json_kind_word(m->kind),
			    json_kind_word(json_kind(value)));
	}
	for (i = 0; i < OP_MEMBERS_MAX && op->members[i].name != NULL; i++)
		if (op->members[i].required &&
		    json_get(in, op->members[i].name) == NULL)
			return err_set(err, ERR_USAGE, "%s needs \"%s\"",
			    op->name, op->members[i].name);
	return 0;
}

static int
tell_held(const struct op_call *call, struct err *err)
{
	struct err why = ERR_INIT;

	if (!store_holds_deliveries(call->ops->store))
		return 0;
	store_refuse_held(call->ops->store, &why);
	return op_put_note(call, "copy_note", why.text, err);
}

static int
run_op(const struct op *op, const struct op_call *call, struct err *err)
{
	bool about = false, sends = false;
	size_t i;

	for (i = 0; i < NITEMS(about_deliveries); i++)
		if (strcmp(about_deliveries[i].op, op->name) == 0) {
			about = true;
			sends = about_deliveries[i].sends &&
				!op_flag(call, "dry_run");
		}
	if ((about && tell_held(call, err) < 0) || op->run(call, err) < 0 ||
	    (about && op_tell_deliverer(call, err) < 0))
		return -1;
	if (sends)
		atomic_store(&call->ops->asked_to_deliver, true);
	return 0;
}

int
ops_call(struct ops *ops, const struct ops_peer *peer,
    const unsigned char request_id[STORE_REQUEST_ID], struct span json,
    ops_row *row, void *arg, struct err *err)
{
	struct op_call call = { .ops = ops,
		.peer = peer,
		.request_id = request_id,
		.row = row,
		.arg = arg };
	struct json *in = NULL;
	const char *name;
	const struct op *op;
	int ret = -1;

	if (!peer->may_administer)
		return err_set(err, ERR_DENIED,
		    "only root and the store's user may administer; uid %u "
		    "may send requests",
		    peer->actor.uid);
	if (json.len > OPS_CALL_MAX)
		return err_set(err, ERR_LIMIT,
		    "a call of %zu bytes, at most %d", json.len, OPS_CALL_MAX);
	if (json_parse(json, &in, err) < 0) {
		err->code = err->code == ERR_INPUT ? ERR_USAGE : err->code;
		err_wrap(err, "call");
		goto out;
	}
	name = json_text(json_get(in, "op"));
	if (name == NULL) {
		err_set(err, ERR_USAGE, "a call needs a member \"op\"");
		goto out;
	}
	op = find_op(name, err);
	if (op == NULL || check_members(op, in, err) < 0)
		goto out;
	call.name = op->name;
	call.in = in;
	call.conf = conf_live_get(ops->settings);
	call.schemes = registry_hold_schemes(ops->registry);
	if (op_learn_schemes(&call, err) == 0)
		ret = run_op(op, &call, err);
out:
	scheme_set_free(call.schemes);
	conf_live_put(call.conf);
	json_free(in);
	return ret;
}
