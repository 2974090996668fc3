/*
 * admit.c: a refused request that is right by today's secrets becomes an
 * event after all, the way a sender's does.
 */
#include "lib/ops/quarantine.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/ops/clock.h"
#include "lib/ops/submit.h"
#include "lib/receive/accept.h"

#define SCRATCH_MAX 16384 /* bytes of id and type */
#define NOTE_MAX 256

/* One on its way. */
struct admitting {
	const struct op_call *call;
	const struct op_refused *rf;
	const struct registry_endpoint *ep; /* held */
	struct buf scratch;
	struct identity who;
	uint64_t secret_id;
	bool pending; /* that one */
	int64_t age_s;
	bool is_test;
	bool waived; /* its time was outside the window */
	bool unread; /* a body, id or type that is refused as it is */
	struct accept_room room;
	struct request request;
	struct verify_input verified;
	struct verify_result result;
	char note[NOTE_MAX];
	struct store_item item;
};

/* --- is it right ---------------------------------------------------------- */

static int
refuse(const struct admitting *ad, const char *why, struct err *err)
{
	return err_set(err, ERR_INPUT,
	    "it is still refused: %s; \"quarantine explain %llu\" says more",
	    why, (unsigned long long)ad->rf->en.no);
}

static int
judge(struct admitting *ad, struct err *err)
{
	const struct registry_endpoint *ep = ad->ep;
	struct verify_result *result = &ad->result;
	struct registry_live live;
	struct store_clock clock;

	*result = (struct verify_result)VERIFY_RESULT_INIT;
	store_clock(ad->call->ops->store, &clock);
	registry_live_keys(ep, &clock, &live);
	if (verify_request(
		ep->scheme, live.keys, live.n, &ad->verified, result, err) < 0)
		return -1;
	if (result->verdict != VERIFY_VALID)
		return refuse(ad, result->reason, err);
	if (result->key >= 0 && live.ended[result->key])
		return op_fail_clock(
		    &clock, err, "the secret that verifies it may have ended");
	ad->secret_id = result->key >= 0 ? live.ids[result->key] : 0;
	ad->pending = result->key >= 0 && live.pending[result->key];
	return 0;
}

/*
 * An authentic request that could not be read: the operator takes it as it is,
 * with what names could be read.
 */
static void
take_unread(struct admitting *ad)
{
	struct identity *who = &ad->who;

	ad->unread = who->outcome != IDENTIFY_OK;
	if (!ad->unread)
		return;
	who->types_complete = who->has_type;
	who->id_complete = true;
	who->outcome = IDENTIFY_OK;
}

/*
 * By today's secrets and settings, and its own time: as it was signed within
 * the memory of ids, the window of the scheme is waived.
 */
static int
verify(struct admitting *ad, struct err *err)
{
	const struct registry_endpoint *ep = ad->ep;
	struct verify_input *in = &ad->verified;
	struct verify_result within = VERIFY_RESULT_INIT;
	struct scheme_key *keys[REGISTRY_KEYS_MAX];
	size_t i;

	for (i = 0; i < ep->nkeys; i++)
		keys[i] = ep->keys[i].key;
	ad->request = ad->rf->en.request;
	ad->request.now_ms = clock_wall_ms();
	*in = (struct verify_input){ .request = &ad->request,
		.url = ep->settings.public_url,
		.params = ep->params,
		.nparams = ep->settings.nparams,
		.tolerance_s = ep->settings.tolerance_s,
		.horizon_s = ad->call->conf->horizon_s };
	if (verify_request(ep->scheme, keys, ep->nkeys, in, &within, err) < 0)
		return -1;
	ad->waived = within.verdict == VERIFY_EXPIRED;
	in->tolerance_s = in->horizon_s;
	in->digests_content = true;
	in->element_contents = &ad->room.elements;
	if (judge(ad, err) < 0 ||
	    verify_identify(ep->scheme, in, &ad->scratch, &ad->who, err) < 0)
		return -1;
	take_unread(ad);
	/* One of a pending secret is held, which no test event is. */
	ad->is_test = !ad->pending && selection_is_test(ep->scheme, &ad->who);
	if (!ad->is_test &&
	    selection_of_identity(ep->events, &ad->who) == SELECTION_NO)
		return refuse(ad, "events of its type are not selected", err);
	return 0;
}

/* --- into the store ------------------------------------------------------- */

/* When it was refused, and as what: in the event, for ever. */
static void
write_note(struct admitting *ad)
{
	const struct quarantine_entry *en = &ad->rf->en;
	int64_t now = store_now_ms(ad->call->ops->store);
	char at[TEXT_TIME_MAX], age[TEXT_TIME_MAX];

	ad->age_s = (now - en->request.now_ms) / 1000;
	if (ad->age_s < 0)
		ad->age_s = 0;
	text_time(at, en->request.now_ms);
	text_duration(age, ad->age_s);
	snprintf(ad->note, sizeof(ad->note),
	    "eyelet-admitted: %s after it was refused at %s%s%s\n", age, at,
	    ad->waived ? ", its time window waived" : "",
	    ad->unread ? ", though it could not be read" : "");
}

static int
submit(struct admitting *ad, struct err *err)
{
	struct accept_input in = { .registry = ad->call->ops->registry,
		.ep = ad->ep,
		.verified = &ad->verified,
		.result = &ad->result,
		.who = &ad->who,
		.secret_id = ad->secret_id,
		.is_test = ad->is_test,
		.pending = ad->pending,
		.admitted = true };

	if (accept_fill(&in, &ad->item, &ad->room, err) < 0)
		return -1;
	write_note(ad);
	ad->room.headers.max += NOTE_MAX;
	if (buf_puts(&ad->room.headers, ad->note, err) < 0)
		return -1;
	ad->item.event.headers = buf_span(&ad->room.headers);
	return op_submit(ad->call, &ad->item, err);
}

/* --- the record of it, and the answer ------------------------------------- */

static void
write_members(const struct admitting *ad, struct json_write *w)
{
	json_write_uint(w, "no", ad->rf->en.no);
	json_write_str(w, "outcome", op_outcome_word(ad->item.outcome));
	json_write_uint(w, "seq", ad->item.seq);
	json_write_secret_id(w, "secret", ad->secret_id);
	json_write_int(w, "age_s", ad->age_s);
	json_write_bool(w, "window_waived", ad->waived);
}

static int
record(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	const struct admitting *ad = arg;
	struct buf detail = BUF_INIT(1024);
	struct json_write w;
	int ret = -1;

	json_write_init(&w, &detail, err);
	json_write_object(&w, NULL);
	write_members(ad, &w);
	json_write_close(&w);
	if (json_write_done(&w) < 0 ||
	    store_tx_audit(tx, ad->call->name, ad->rf->endpoint,
		buf_span(&detail), err) < 0)
		goto out;
	json_write_init(&w, result, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "endpoint", ad->rf->endpoint);
	write_members(ad, &w);
	json_write_close(&w);
	ret = json_write_done(&w);
out:
	buf_free(&detail);
	return ret;
}

static int
find_endpoint(struct admitting *ad, struct err *err)
{
	const struct op_refused *rf = ad->rf;

	ad->ep = registry_get(ad->call->ops->registry, span_str(rf->endpoint));
	/* A new endpoint may have the name of one that was removed. */
	if (ad->ep == NULL || ad->ep->id != rf->en.endpoint_id)
		return err_set(err, ERR_NOTFOUND, "its endpoint is gone");
	if (ad->ep->state != STORE_ENDPOINT_ENABLED)
		return err_set(err, ERR_INPUT, "endpoint \"%s\" is disabled",
		    rf->endpoint);
	if (ad->ep->scheme == NULL)
		return err_set(err, ERR_CONFIG, "%s", ad->ep->broken);
	switch (rf->en.part) {
	case QUARANTINE_WHOLE:
		break;
	case QUARANTINE_NO_BODY:
		return err_set(err, ERR_INPUT,
		    "its body was not kept, so it cannot be admitted");
	case QUARANTINE_CUT:
		return err_set(err, ERR_INPUT,
		    "only the first %zu of its body's %lld bytes were kept, so "
		    "it cannot be admitted: have the provider send it again, "
		    "once body_max or --max-body allows so much",
		    rf->en.request.body.len,
		    (long long)rf->en.request.content_length);
	}
	return 0;
}

int
op_quarantine_admit(const struct op_call *call, struct err *err)
{
	struct admitting *ad = calloc(1, sizeof(*ad));
	struct op_refused *rf = NULL;
	int ret = -1;

	if (ad == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a request");
	ad->call = call;
	ad->scratch.max = SCRATCH_MAX;
	ad->room = (struct accept_room)ACCEPT_ROOM_INIT;
	if (op_refused_open(call, &rf, err) < 0)
		goto out;
	ad->rf = rf;
	if (find_endpoint(ad, err) == 0 && verify(ad, err) == 0 &&
	    submit(ad, err) == 0)
		ret = op_change(call, record, ad, err);
out:
	registry_put(ad->ep);
	buf_free(&ad->scratch);
	accept_room_free(&ad->room);
	free(ad);
	op_refused_close(rf);
	return ret;
}
