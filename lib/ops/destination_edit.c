/* destination_edit.c: changes of destinations. */
#include "lib/ops/destination.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/ops/destination_find.h"
#include "lib/ops/secret.h"
#include "lib/ops/secret_new.h"
#include "lib/store/notice.h"

#define WHY_MAX 512 /* bytes: why one is disabled */
#define BY_OPERATOR "operator" /* see notice_disabled */

/* A change of one destination: what the call asks for, judged. */
struct destination_change {
	const struct op_call *call;
	const char *name;
	struct destination settings; /* add: all of them */
	struct buf patch; /* edit: what is asked for */
	uint64_t cursor; /* add: where it begins; 0: behind the newest */
	const struct scheme *scheme; /* NULL: nothing is signed */
	struct op_secret secret;
	enum store_destination_state state; /* pause, resume, ... */
	const char *by, *why; /* disable; or NULL */
	struct op_warnings warnings;
};

#define DESTINATION_CHANGE_INIT(call)                                   \
	{                                                               \
		.call = (call), .name = op_text((call), "destination"), \
		.patch = BUF_INIT(2 * DESTINATION_DOC_MAX),             \
		.secret = OP_SECRET_INIT                                \
	}

static void
change_free(struct destination_change *ch)
{
	destination_free(&ch->settings);
	buf_wipe(&ch->patch);
	op_secret_free(&ch->secret);
}

/* The destination's row, what its change created, and what to think of. */
static int
write_result(struct destination_change *ch, const struct store_destination *d,
    const struct destination *settings, uint64_t secret_id, struct buf *result,
    struct err *err)
{
	struct json_write w;

	json_write_init(&w, result, err);
	json_write_object(&w, NULL);
	op_destination_write(ch->call, &w, d, settings);
	if (secret_id != 0)
		json_write_secret_id(&w, "secret", secret_id);
	if (secret_id != 0 && ch->secret.generated)
		op_secret_write(&w, buf_span(&ch->secret.text));
	op_write_warnings(&w, &ch->warnings);
	json_write_close(&w);
	return json_write_done(&w);
}

/* --- add ------------------------------------------------------------------ */

static int
take_settings(struct destination_change *ch, struct err *err)
{
	return json_print(json_get(ch->call->in, "settings"), &ch->patch, err);
}

/* Where a new one begins. */
static int
take_from(struct destination_change *ch, struct err *err)
{
	const struct op_call *call = ch->call;
	int64_t seq, ms;

	if (op_int(call, "from_seq", 0, 1, JSON_INT_MAX, &seq, err) < 0 ||
	    op_int(call, "from_ms", -1, 0, JSON_INT_MAX, &ms, err) < 0)
		return -1;
	if (seq > 0 && ms >= 0)
		return err_set(err, ERR_USAGE,
		    "%s: from_seq and from_ms exclude each other", call->name);
	ch->cursor = (uint64_t)seq;
	return ms < 0 ? 0
		      : store_seq_at(call->ops->store, ms, &ch->cursor, err);
}

static int
check_name(const char *name, struct err *err)
{
	if (destination_name_ok(span_str(name)))
		return 0;
	return err_set(err, ERR_INPUT,
	    "\"%s\" can be no destination's name: 1 to %d letters, digits, "
	    "\"_\" or \"-\", and not \"healthz\" or \"eyelet\"",
	    name, ENDPOINT_NAME_MAX);
}

static int
check_free(const struct op_call *call, struct store_tx *tx, const char *name,
    struct err *err)
{
	struct buf doc = BUF_INIT(2 * DESTINATION_DOC_MAX);
	struct store_destination taken;
	bool found;
	int ret;

	ret = store_destination_by_name(
	    call->ops->store, tx, name, &taken, &doc, &found, err);
	if (ret == 0 && found)
		ret = err_set(err, ERR_EXISTS,
		    "there is a destination \"%s\" already", name);
	buf_wipe(&doc);
	return ret;
}

/* Stores the secret that was taken, if any, as the current one. */
static int
put_secret(struct destination_change *ch, struct store_tx *tx, uint64_t owner,
    uint64_t *secret_id, struct err *err)
{
	struct secret s = { .state = SECRET_CURRENT,
		.endpoint_id = owner,
		.activated_ms = store_tx_now_ms(tx) };
	struct span text = buf_span(&ch->secret.text);

	*secret_id = 0;
	if (text.len == 0)
		return 0;
	if (op_secret_check_reuse(
		ch->call, tx, owner, text, &ch->warnings, err) < 0 ||
	    store_tx_secret(tx, &s, text, err) < 0)
		return -1;
	*secret_id = s.id;
	return 0;
}

static int
audit_add(struct destination_change *ch, struct store_tx *tx,
    uint64_t secret_id, struct err *err)
{
	struct buf detail = BUF_INIT(4096);
	struct json_write w;
	int ret = -1;

	json_write_init(&w, &detail, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "url", ch->settings.url);
	json_write_str(&w, "command", ch->settings.command[0]);
	json_write_str(
	    &w, "sign", ch->scheme == NULL ? NULL : ch->settings.sign);
	json_write_secret_id(&w, "secret", secret_id);
	json_write_bool(&w, "generated", ch->secret.generated);
	json_write_close(&w);
	if (json_write_done(&w) == 0)
		ret = store_tx_audit(
		    tx, ch->call->name, ch->name, buf_span(&detail), err);
	buf_free(&detail);
	return ret;
}

/* Reads it again, for the generation and the times that it has now. */
static int
answer(struct destination_change *ch, struct store_tx *tx,
    const struct destination *settings, uint64_t id, uint64_t secret_id,
    struct buf *result, struct err *err)
{
	struct buf doc = BUF_INIT(2 * DESTINATION_DOC_MAX);
	struct store_destination d;
	bool found = false;
	int ret = -1;

	if (store_destination_by_id(
		ch->call->ops->store, tx, id, &d, &doc, &found, err) < 0)
		goto out;
	if (!found) {
		err_set(
		    err, ERR_CORRUPT, "destination \"%s\" is gone", ch->name);
		goto out;
	}
	ret = write_result(ch, &d, settings, secret_id, result, err);
out:
	buf_wipe(&doc);
	return ret;
}

static int
change_add(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct destination_change *ch = arg;
	struct op_warnings before = ch->warnings;
	struct buf made = BUF_INIT(DESTINATION_DOC_MAX);
	struct store_destination d = { .state = STORE_DESTINATION_ENABLED };
	uint64_t secret_id;
	int ret = -1;

	if (check_free(ch->call, tx, ch->name, err) < 0 ||
	    op_destination_warn(
		ch->call, tx, &ch->settings, &ch->warnings, err) < 0 ||
	    destination_encode(&ch->settings, &made, err) < 0)
		goto out;
	snprintf(d.name, sizeof(d.name), "%s", ch->name);
	d.doc = buf_span(&made);
	if (store_tx_destination(tx, &d, ch->cursor, err) < 0 ||
	    put_secret(ch, tx, d.id, &secret_id, err) < 0 ||
	    audit_add(ch, tx, secret_id, err) < 0)
		goto out;
	ret = answer(ch, tx, &ch->settings, d.id, secret_id, result, err);
out:
	ch->warnings = before; /* it may run again */
	buf_wipe(&made);
	return ret;
}

/* A secret is needed where something is signed, and of no use elsewhere. */
static int
take_secret(struct destination_change *ch, struct err *err)
{
	if (ch->scheme != NULL) {
		if (op_secret_take(ch->call, ch->scheme, OP_GENERATE_ALWAYS,
			&ch->secret, &ch->warnings, err) < 0)
			return -1;
		if (ch->secret.text.len > 0)
			return 0;
		return err_set(err, ERR_INPUT,
		    "a secret of scheme \"%s\" cannot be made here: give one "
		    "with --secret-file",
		    scheme_name(ch->scheme));
	}
	if (json_get(ch->call->in, "secret_b64") == NULL)
		return 0;
	return err_set(err, ERR_INPUT,
	    "nothing is signed for this destination: a secret would be of no "
	    "use");
}

int
op_destination_add(const struct op_call *call, struct err *err)
{
	struct destination_change ch = DESTINATION_CHANGE_INIT(call);
	int ret = -1;

	destination_init(&ch.settings);
	if (check_name(ch.name, err) < 0 || take_settings(&ch, err) < 0 ||
	    destination_patch(&ch.settings, buf_span(&ch.patch), err) < 0 ||
	    op_destination_judge(
		call, &ch.settings, &ch.scheme, &ch.warnings, err) < 0 ||
	    take_secret(&ch, err) < 0 || take_from(&ch, err) < 0)
		goto out;
	ret = op_change(call, change_add, &ch, err);
out:
	change_free(&ch);
	return ret;
}

/* --- changing one that is there ------------------------------------------- */

/* What the audit trail has of a member: names alone where values may be
 * confidential. */
static int
describe_member(
    struct json_write *w, const struct json *member, struct err *err)
{
	struct buf value = BUF_INIT(2 * DESTINATION_DOC_MAX);
	const char *name = json_name(member);
	const struct json *one;
	int ret = 0;

	if (strcmp(name, "headers") == 0) {
		json_write_array(w, name);
		for (one = json_first(member); one != NULL;
		     one = json_next(one))
			json_write_str(w, NULL, json_name(one));
		json_write_close(w);
	} else if (strcmp(name, "auth") == 0) {
		json_write_bool(w, name, json_text(member) != NULL);
	} else {
		ret = json_print(member, &value, err);
		if (ret == 0)
			json_write_raw(w, name, buf_span(&value));
	}
	buf_wipe(&value);
	return ret;
}

static int
describe_patch(const struct destination_change *ch, uint64_t secret_id,
    struct buf *detail, struct err *err)
{
	const struct json *one;
	struct json_write w;

	json_write_init(&w, detail, err);
	json_write_object(&w, NULL);
	for (one = json_first(json_get(ch->call->in, "settings")); one != NULL;
	     one = json_next(one))
		if (describe_member(&w, one, err) < 0)
			return -1;
	if (secret_id != 0)
		json_write_secret_id(&w, "secret", secret_id);
	json_write_close(&w);
	return json_write_done(&w);
}

/*
 * The secrets that it has must be keys of its scheme. Where it signs by
 * another one than before and has no secret, it gets one.
 */
static int
fit_secret(struct destination_change *ch, struct store_tx *tx,
    const struct store_destination *d, bool newly, uint64_t *secret_id,
    struct err *err)
{
	size_t live;

	*secret_id = 0;
	op_secret_free(&ch->secret);
	ch->secret.text.max = SECRET_BYTES_MAX;
	if (ch->scheme == NULL)
		return 0;
	if (op_secret_check_keys(ch->call, tx, d->id, ch->scheme, err) < 0)
		return err_wrap(err, "revoke it, and it gets a new one");
	if (op_secret_count(
		ch->call, tx, d->id, store_tx_now_ms(tx), &live, err) < 0)
		return -1;
	if (live > 0 || !newly)
		return 0;
	if (take_secret(ch, err) < 0)
		return -1;
	return put_secret(ch, tx, d->id, secret_id, err);
}

static int
find(struct destination_change *ch, struct store_tx *tx,
    struct store_destination *d, struct buf *doc, struct destination *settings,
    struct err *err)
{
	if (op_find_destination(ch->call, tx, ch->name, d, doc, err) < 0 ||
	    op_check_generation(
		ch->call, "destination", d->name, d->generation, err) < 0)
		return -1;
	return destination_decode(d->doc, settings, err);
}

static int
change_edit(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct destination_change *ch = arg;
	struct buf doc = BUF_INIT(2 * DESTINATION_DOC_MAX),
		   made = BUF_INIT(DESTINATION_DOC_MAX),
		   detail = BUF_INIT(2 * DESTINATION_DOC_MAX);
	struct store_destination d;
	struct destination settings;
	char *signed_by = NULL;
	uint64_t secret_id;
	int ret = -1;

	destination_init(&settings);
	if (find(ch, tx, &d, &doc, &settings, err) < 0)
		goto out;
	if (destination_signs(&settings)) {
		signed_by = span_dup(span_str(settings.sign), err);
		if (signed_by == NULL)
			goto out;
	}
	if (destination_patch(&settings, buf_span(&ch->patch), err) < 0 ||
	    op_destination_judge(
		ch->call, &settings, &ch->scheme, &ch->warnings, err) < 0 ||
	    op_destination_warn(ch->call, tx, &settings, &ch->warnings, err) <
		0 ||
	    destination_encode(&settings, &made, err) < 0)
		goto out;
	d.doc = buf_span(&made);
	if (store_tx_destination(tx, &d, 0, err) < 0 ||
	    fit_secret(ch, tx, &d,
		signed_by == NULL || strcmp(signed_by, settings.sign) != 0,
		&secret_id, err) < 0 ||
	    describe_patch(ch, secret_id, &detail, err) < 0 ||
	    store_tx_audit(tx, ch->call->name, d.name, buf_span(&detail), err) <
		0)
		goto out;
	ret = answer(ch, tx, &settings, d.id, secret_id, result, err);
out:
	setting_free_text(signed_by);
	destination_free(&settings);
	buf_wipe(&doc);
	buf_wipe(&made);
	buf_free(&detail);
	return ret;
}

int
op_destination_edit(const struct op_call *call, struct err *err)
{
	struct destination_change ch = DESTINATION_CHANGE_INIT(call);
	int ret = -1;

	destination_init(&ch.settings);
	if (take_settings(&ch, err) == 0)
		ret = op_change(call, change_edit, &ch, err);
	change_free(&ch);
	return ret;
}

/* --- states --------------------------------------------------------------- */

static int
describe_why(
    const struct destination_change *ch, struct buf *detail, struct err *err)
{
	struct json_write w;

	if (ch->state != STORE_DESTINATION_DISABLED)
		return 0;
	json_write_init(&w, detail, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "by", ch->by);
	json_write_str(&w, "why", ch->why);
	json_write_close(&w);
	return json_write_done(&w);
}

static int
change_state(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct destination_change *ch = arg;
	struct buf doc = BUF_INIT(2 * DESTINATION_DOC_MAX),
		   detail = BUF_INIT(8 * WHY_MAX);
	struct store_destination d;
	struct destination settings;
	bool newly;
	int ret = -1;

	destination_init(&settings);
	if (find(ch, tx, &d, &doc, &settings, err) < 0 ||
	    describe_why(ch, &detail, err) < 0)
		goto out;
	newly = d.state != ch->state;
	d.state = ch->state;
	if (store_tx_destination(tx, &d, 0, err) < 0 ||
	    store_tx_audit(tx, ch->call->name, d.name, buf_span(&detail), err) <
		0)
		goto out;
	if (newly && ch->state == STORE_DESTINATION_DISABLED &&
	    notice_disabled(tx, &d, ch->by, ch->why, err) < 0)
		goto out;
	ret = answer(ch, tx, &settings, d.id, 0, result, err);
out:
	destination_free(&settings);
	buf_wipe(&doc);
	buf_free(&detail);
	return ret;
}

static int
set_state(const struct op_call *call, enum store_destination_state state,
    struct err *err)
{
	struct destination_change ch = DESTINATION_CHANGE_INIT(call);
	int ret;

	destination_init(&ch.settings);
	ch.state = state;
	ch.by = op_text(call, "by");
	ch.why = op_text(call, "why");
	if (ch.why == NULL)
		ch.why = "";
	if (ch.by == NULL)
		ch.by = BY_OPERATOR;
	ret = op_change(call, change_state, &ch, err);
	change_free(&ch);
	return ret;
}

int
op_destination_pause(const struct op_call *call, struct err *err)
{
	return set_state(call, STORE_DESTINATION_PAUSED, err);
}

int
op_destination_resume(const struct op_call *call, struct err *err)
{
	return set_state(call, STORE_DESTINATION_ENABLED, err);
}

int
op_destination_disable(const struct op_call *call, struct err *err)
{
	static const char *const disablers[] = { BY_OPERATOR, "gone",
		"failing" };
	const char *why = op_text(call, "why"), *by = op_text(call, "by");
	size_t i;

	if (why != NULL && strlen(why) > WHY_MAX)
		return err_set(err, ERR_USAGE,
		    "%s: \"why\" has at most %d bytes", call->name, WHY_MAX);
	for (i = 0; by != NULL && i < NITEMS(disablers); i++)
		if (strcmp(by, disablers[i]) == 0)
			by = NULL;
	if (by != NULL)
		return err_set(err, ERR_USAGE,
		    "%s: \"by\" is operator, gone or failing, not \"%s\"",
		    call->name, by);
	return set_state(call, STORE_DESTINATION_DISABLED, err);
}

int
op_destination_remove(const struct op_call *call, struct err *err)
{
	return set_state(call, STORE_DESTINATION_REMOVED, err);
}
