/*
 * secret_edit.c: changes of secrets: staged, activated, rotated, revoked.
 * What they do to the rows stands in rotation.c.
 */
#include "lib/ops/secret.h"

#include "lib/model/destination.h"
#include "lib/model/rotation.h"
#include "lib/ops/clock.h"
#include "lib/ops/owner.h"
#include "lib/ops/release.h"
#include "lib/ops/scheme_find.h"
#include "lib/ops/secret_new.h"

struct secret_change;

/* What a verb does to the rows; sets ch->subject. */
typedef int secret_step(struct secret_change *ch, struct err *err);

struct secret_change {
	const struct op_call *call;
	secret_step *step;
	uint64_t id; /* the secret that the call names; 0: none */
	int64_t grace_s;
	enum op_generate generate;

	/* One run of the change; begun anew by every run. */
	int64_t now_ms;
	struct op_owner owner;
	struct rotation rotation;
	struct buf sealed[ROTATION_ROWS]; /* of the rows loaded */
	struct op_secret secret;
	struct op_warnings warnings;
	struct rotation_row *subject; /* what the verb is about */
	struct rotation_row *former; /* was current before */
	struct rotation_row *heir; /* revoke: is current now */
	uint64_t dropped;
};

/* --- steps ---------------------------------------------------------------- */

static int
need_value(const struct secret_change *ch, struct err *err)
{
	if (ch->secret.text.len > 0)
		return 0;
	if (ch->owner.is_destination)
		return err_set(err, ERR_USAGE,
		    "a secret of this scheme cannot be made here: give one "
		    "with --secret-file FILE");
	return err_set(err, ERR_USAGE,
	    "the provider makes the secrets of this scheme: give the one it "
	    "shows with --secret-file FILE");
}

static int
step_stage(struct secret_change *ch, struct err *err)
{
	if (need_value(ch, err) < 0)
		return -1;
	ch->subject = rotation_stage(&ch->rotation);
	return 0;
}

static int
step_rotate(struct secret_change *ch, struct err *err)
{
	if (need_value(ch, err) < 0)
		return -1;
	ch->former = rotation_find(&ch->rotation, SECRET_CURRENT);
	ch->subject = rotation_stage(&ch->rotation);
	return rotation_activate(&ch->rotation, ch->subject, ch->grace_s, err);
}

static int
find_named(struct secret_change *ch, struct rotation_row **out, struct err *err)
{
	*out = rotation_by_id(&ch->rotation, ch->id);
	if (*out != NULL)
		return 0;
	return err_set(err, ERR_NOTFOUND, "%s \"%s\" has no secret sec_%llu",
	    ch->owner.thing, ch->owner.name, (unsigned long long)ch->id);
}

/* The one in this state, if there is only one; hint is for there is none. */
static int
find_only(struct secret_change *ch, enum secret_state state, const char *hint,
    struct rotation_row **out, struct err *err)
{
	struct rotation *rt = &ch->rotation;
	const char *word = secret_state_word(state);
	size_t i, n = 0;

	*out = rotation_find(rt, state);
	for (i = 0; i < rt->n; i++)
		if (secret_state_at(&rt->rows[i].secret, rt->now_ms) == state)
			n++;
	if (n == 1)
		return 0;
	if (n > 1)
		return err_set(err, ERR_USAGE,
		    "%zu secrets are %s: name the one that is meant", n, word);
	return err_set(err, ERR_NOTFOUND, "%s \"%s\" has no %s secret%s",
	    ch->owner.thing, ch->owner.name, word, hint);
}

static int
find_staged(
    struct secret_change *ch, struct rotation_row **out, struct err *err)
{
	return find_only(
	    ch, SECRET_STAGED, ": stage one first, or rotate", out, err);
}

static int
find_previous(
    struct secret_change *ch, struct rotation_row **out, struct err *err)
{
	return ch->id != 0 ? find_named(ch, out, err)
			   : find_only(ch, SECRET_PREVIOUS, "", out, err);
}

static int
step_activate(struct secret_change *ch, struct err *err)
{
	int ret = ch->id != 0 ? find_named(ch, &ch->subject, err)
			      : find_staged(ch, &ch->subject, err);

	if (ret < 0)
		return -1;
	ch->former = rotation_find(&ch->rotation, SECRET_CURRENT);
	return rotation_activate(&ch->rotation, ch->subject, ch->grace_s, err);
}

/* One that anybody may have sent takes no place unseen. */
static int
check_heir(const struct rotation_row *heir, struct err *err)
{
	if (!secret_is_pending(&heir->secret))
		return 0;
	return err_set(err, ERR_CONFLICT,
	    "the staged sec_%llu was sent to the endpoint itself: activate it "
	    "first, when eyelet-secret show tells that it came from the "
	    "provider, or give another one with --secret-file FILE",
	    (unsigned long long)heir->secret.id);
}

/* A new secret, else the staged one, in the place of the revoked one. */
static int
replace(struct secret_change *ch, struct err *err)
{
	if (ch->secret.text.len > 0 && !ch->secret.generated)
		ch->heir = rotation_stage(&ch->rotation);
	else if (rotation_find(&ch->rotation, SECRET_STAGED) != NULL) {
		op_secret_free(&ch->secret); /* not needed */
		if (find_staged(ch, &ch->heir, err) < 0 ||
		    check_heir(ch->heir, err) < 0)
			return -1;
	} else if (need_value(ch, err) == 0)
		ch->heir = rotation_stage(&ch->rotation);
	else
		return -1;
	return rotation_activate(&ch->rotation, ch->heir, 0, err);
}

/* What follows where nothing takes the place of a revoked one. */
static void
warn_of_none(struct secret_change *ch, bool was_current)
{
	if (ch->owner.is_destination) {
		if (was_current)
			op_warn(&ch->warnings,
			    "the destination has no current secret now: its "
			    "deliveries wait, as none goes out unsigned, until "
			    "a staged one is activated, or it is rotated");
	} else if (rotation_live(&ch->rotation) == 0) {
		op_warn(&ch->warnings,
		    "the endpoint has no secret now: requests are answered "
		    "with status 503 until it gets one");
	} else if (was_current) {
		op_warn(&ch->warnings,
		    "the endpoint has no current secret now: activate a "
		    "staged one, or rotate");
	}
}

static int
step_revoke(struct secret_change *ch, struct err *err)
{
	bool was_current;

	if (find_named(ch, &ch->subject, err) < 0)
		return -1;
	was_current = ch->subject->secret.state == SECRET_CURRENT;
	if (!was_current && op_flag(ch->call, "replace"))
		return err_set(err, ERR_INPUT,
		    "sec_%llu is not the current secret: only that one can be "
		    "replaced",
		    (unsigned long long)ch->id);
	if (rotation_revoke(&ch->rotation, ch->subject, err) < 0)
		return -1;
	if (op_flag(ch->call, "replace"))
		return replace(ch, err);
	warn_of_none(ch, was_current);
	return 0;
}

static int
step_extend(struct secret_change *ch, struct err *err)
{
	if (find_previous(ch, &ch->subject, err) < 0)
		return -1;
	return rotation_extend(&ch->rotation, ch->subject, ch->grace_s, err);
}

static int
step_expire(struct secret_change *ch, struct err *err)
{
	const struct secret *s;

	if (find_previous(ch, &ch->subject, err) < 0)
		return -1;
	s = &ch->subject->secret;
	if (rotation_expire(&ch->rotation, ch->subject, err) < 0)
		return -1;
	if (ch->now_ms - s->last_used_ms < OP_SECRET_RECENT_MS)
		op_warn(&ch->warnings,
		    "sec_%llu verified an event within the last hour: whoever "
		    "still signs with it is refused from now on",
		    (unsigned long long)s->id);
	return 0;
}

/* --- one run -------------------------------------------------------------- */

static int
load(void *arg, const struct secret *s, struct err *err)
{
	struct secret_change *ch = arg;
	struct rotation *rt = &ch->rotation;
	struct buf *sealed = &ch->sealed[rt->n];

	if (!secret_is_live(s, rt->now_ms) && s->id != ch->id)
		return 0;
	if (rotation_load(rt, s, err) < 0 ||
	    buf_put_span(sealed, s->sealed, err) < 0)
		return -1;
	rt->rows[rt->n - 1].secret.sealed = buf_span(sealed);
	return 0;
}

static void
begin_run(struct secret_change *ch, struct store_tx *tx)
{
	size_t i;

	ch->now_ms = store_tx_now_ms(tx);
	rotation_init(&ch->rotation, ch->now_ms);
	for (i = 0; i < ROTATION_ROWS; i++) {
		buf_free(&ch->sealed[i]);
		ch->sealed[i].max = 2 * SECRET_BYTES_MAX;
	}
	op_secret_free(&ch->secret);
	ch->secret.text.max = SECRET_BYTES_MAX;
	ch->warnings.n = 0;
	ch->subject = ch->former = ch->heir = NULL;
	ch->dropped = 0;
}

/* Stores what changed; new rows get their ids. */
static int
save(struct secret_change *ch, struct store_tx *tx, struct err *err)
{
	struct rotation_row *row = ch->rotation.rows;
	struct span plain;
	size_t i;

	for (i = 0; i < ch->rotation.n; i++, row++) {
		if (!row->changed)
			continue;
		plain = row->secret.id == 0 ? buf_span(&ch->secret.text)
					    : SPAN_EMPTY;
		row->secret.endpoint_id = ch->owner.id;
		if (store_tx_secret(tx, &row->secret, plain, err) < 0)
			return -1;
	}
	return 0;
}

/* The members that tell what was done: of the result and of the record. */
static void
write_done(const struct secret_change *ch, struct json_write *w)
{
	const struct secret *s = &ch->subject->secret;

	json_write_secret_id(w, "secret", s->id);
	json_write_str(
	    w, "state", secret_state_word(secret_state_at(s, ch->now_ms)));
	if (s->until_ms != 0 && s->state != SECRET_REVOKED)
		json_write_time(w, "until", s->until_ms);
	if (ch->former != NULL) {
		s = &ch->former->secret;
		json_write_secret_id(w, "previous", s->id);
		json_write_time(w, "previous_until", s->until_ms);
		json_write_time(w, "previous_last_used_at", s->last_used_ms);
	}
	if (ch->heir != NULL)
		json_write_secret_id(w, "replaced_by", ch->heir->secret.id);
	if (ch->dropped != 0)
		json_write_secret_id(w, "dropped", ch->dropped);
	json_write_bool(w, "generated", ch->secret.generated);
}

static int
record(struct secret_change *ch, struct store_tx *tx, struct err *err)
{
	struct buf detail = BUF_INIT(4096);
	struct json_write w;
	int ret = -1;

	json_write_init(&w, &detail, err);
	json_write_object(&w, NULL);
	write_done(ch, &w);
	json_write_close(&w);
	if (json_write_done(&w) == 0)
		ret = store_tx_audit(
		    tx, ch->call->name, ch->owner.name, buf_span(&detail), err);
	buf_free(&detail);
	return ret;
}

static int
answer(struct secret_change *ch, struct buf *result, struct err *err)
{
	struct json_write w;

	json_write_init(&w, result, err);
	json_write_object(&w, NULL);
	json_write_str(&w, ch->owner.thing, ch->owner.name);
	write_done(ch, &w);
	if (ch->secret.generated)
		op_secret_write(&w, buf_span(&ch->secret.text));
	json_write_int(
	    &w, "secrets_live", (int64_t)rotation_live(&ch->rotation));
	json_write_uint(&w, "generation", ch->owner.generation);
	op_write_warnings(&w, &ch->warnings);
	json_write_close(&w);
	return json_write_done(&w);
}

static int
scheme_of_endpoint(
    struct secret_change *ch, const struct scheme **scheme, struct err *err)
{
	struct endpoint settings;
	int ret = -1;

	endpoint_init(&settings);
	if (endpoint_decode(ch->owner.doc, &settings, err) == 0)
		ret = op_find_scheme(ch->call, settings.scheme, scheme, err);
	endpoint_free(&settings);
	return ret;
}

static int
scheme_of_destination(
    struct secret_change *ch, const struct scheme **scheme, struct err *err)
{
	struct destination settings;
	int ret = -1;

	destination_init(&settings);
	if (destination_decode(ch->owner.doc, &settings, err) < 0)
		goto out;
	if (destination_signs(&settings))
		ret = op_find_scheme(ch->call, settings.sign, scheme, err);
	else
		err_set(err, ERR_INPUT,
		    "nothing is signed for destination \"%s\": a secret would "
		    "be of no use",
		    ch->owner.name);
out:
	destination_free(&settings);
	return ret;
}

/* A secret that the call brings, or a generated one, for the owner's scheme. */
static int
take_secret(struct secret_change *ch, struct store_tx *tx, struct err *err)
{
	enum op_generate generate = ch->generate;
	const struct scheme *scheme;

	if (ch->owner.is_destination && generate == OP_GENERATE_OURS)
		generate = OP_GENERATE_ALWAYS;
	if ((ch->owner.is_destination
		    ? scheme_of_destination(ch, &scheme, err)
		    : scheme_of_endpoint(ch, &scheme, err)) < 0)
		return -1;
	if (op_secret_take(ch->call, scheme, generate, &ch->secret,
		&ch->warnings, err) < 0)
		return -1;
	if (ch->secret.text.len == 0)
		return 0;
	return op_secret_check_reuse(ch->call, tx, ch->owner.id,
	    buf_span(&ch->secret.text), &ch->warnings, err);
}

/*
 * An end that a wrong clock set would come at a wrong time, and no later
 * change moves it back. What revokes, or ends a secret now, is never refused.
 */
static int
check_clock(const struct secret_change *ch, struct err *err)
{
	const struct rotation_row *row;
	struct store_clock clock;
	size_t i;

	store_clock(ch->call->ops->store, &clock);
	if (clock.doubt == WALL_SURE &&
	    clock.floor_ms - clock.wall_ms <= WALL_STEP_MS)
		return 0;
	for (i = 0; i < ch->rotation.n; i++) {
		row = &ch->rotation.rows[i];
		if (row->changed && row->secret.state == SECRET_PREVIOUS &&
		    row->secret.until_ms > ch->rotation.now_ms)
			return op_fail_clock(&clock, err,
			    "the end of a grace would be written down");
	}
	return 0;
}

static int
change_secrets(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct secret_change *ch = arg;
	struct store *st = ch->call->ops->store;
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	int ret = -1;

	begin_run(ch, tx);
	if (op_find_owner(ch->call, tx, &ch->owner, &doc, err) < 0 ||
	    op_check_generation(ch->call, ch->owner.thing, ch->owner.name,
		ch->owner.generation, err) < 0 ||
	    store_secrets(st, tx, ch->owner.id, load, ch, err) < 0)
		goto out;
	if ((ch->generate != OP_GENERATE_NEVER ||
		json_get(ch->call->in, "secret_b64")) &&
	    take_secret(ch, tx, err) < 0)
		goto out;
	if (ch->step(ch, err) < 0 || check_clock(ch, err) < 0 ||
	    rotation_settle(&ch->rotation, op_flag(ch->call, "drop_oldest"),
		&ch->dropped, err) < 0 ||
	    save(ch, tx, err) < 0 || record(ch, tx, err) < 0)
		goto out;
	/* Once more, for the generation that it has now. */
	buf_clear(&doc);
	if (op_find_owner(ch->call, tx, &ch->owner, &doc, err) < 0)
		goto out;
	ret = answer(ch, result, err);
out:
	buf_wipe(&doc);
	return ret;
}

static int
run(const struct op_call *call, secret_step *step, enum op_generate generate,
    struct err *err)
{
	struct secret_change ch = {
		.call = call, .step = step, .generate = generate
	};
	const char *id = op_text(call, "secret");
	size_t i;
	int ret = -1;

	if (id != NULL && secret_id_parse(span_str(id), &ch.id, err) < 0)
		goto out;
	if (op_int(call, "grace_s", SECRET_GRACE_DEFAULT_S, 0,
		SECRET_GRACE_MAX_S, &ch.grace_s, err) < 0)
		goto out;
	ret = op_change(call, change_secrets, &ch, err);
out:
	for (i = 0; i < ROTATION_ROWS; i++)
		buf_free(&ch.sealed[i]);
	op_secret_free(&ch.secret);
	return ret;
}

int
op_secret_stage(const struct op_call *call, struct err *err)
{
	return run(call, step_stage, OP_GENERATE_OURS, err);
}

int
op_secret_activate(const struct op_call *call, struct err *err)
{
	struct err why = ERR_INIT;
	bool done = run(call, step_activate, OP_GENERATE_NEVER, err) == 0;
	uint64_t n;

	/* It may be activated since a call that was cut off: this goes on. */
	if (!done && err->code != ERR_NOTFOUND && err->code != ERR_INPUT)
		return -1;
	if (op_release_activated(call, &n, &why) == 0)
		return done || n > 0 ? 0 : -1;
	if (!done && why.code == err->code)
		return -1; /* of the call itself, as before */
	*err = why;
	return err_wrap(err,
	    "the secret is activated, but not every event that was held for "
	    "it is released: run the same command again");
}

int
op_secret_rotate(const struct op_call *call, struct err *err)
{
	return run(call, step_rotate, OP_GENERATE_OURS, err);
}

int
op_secret_revoke(const struct op_call *call, struct err *err)
{
	bool replaces = op_flag(call, "replace");

	if (!replaces && json_get(call->in, "secret_b64") != NULL)
		return err_set(
		    err, ERR_USAGE, "a new secret goes with --replace only");
	return run(call, step_revoke,
	    replaces ? OP_GENERATE_OURS : OP_GENERATE_NEVER, err);
}

int
op_secret_extend(const struct op_call *call, struct err *err)
{
	return run(call, step_extend, OP_GENERATE_NEVER, err);
}

int
op_secret_expire(const struct op_call *call, struct err *err)
{
	return run(call, step_expire, OP_GENERATE_NEVER, err);
}
