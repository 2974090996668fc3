/* test_receive.c: every step of receiving, and what it answers. */
#include "lib/receive/receive.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/base/encode.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/crypto/hmac.h"
#include "lib/http/body.h"
#include "lib/http/inflate.h"
#include "lib/receive/impl.h"
#include "lib/scheme/handshake.h"
#include "lib/scheme/sign.h"
#include "lib/store/quarantine.h"
#include "tests/stand/store_fixture.h"

#define SECRET "nomos_whsec_old_3c1f-and-more"
#define BODY                                                            \
	"{\"id\":\"evt_1\",\"timestamp\":\"2026-01-15T10:30:00.000Z\"," \
	"\"topic\":\"order.created\",\"context\":{}}"

/* A sender that signs what it packs, and one that takes JSON or a form. */
#define OWN                                                              \
	"\"alg\":\"hmac-sha256\",\"sig\":{\"from\":\"header:x-sig\","    \
	"\"enc\":\"hex\"},\"content\":\"{body}\",\"id\":\"{json:/id}\"," \
	"\"type\":\"{json:/topic}\","

static const struct {
	const char *name, *text;
} own_schemes[] = {
	{ "unpacked", "{" OWN "\"body\":\"json\",\"signs\":\"decoded\"}" },
	{ "any", "{" OWN "\"body\":\"any\"}" },
	{ "requires",
	    "{" OWN "\"body\":\"json\",\"require\":\"json:/topic = t\"}" },
	{ "changes",
	    "{\"alg\":\"hmac-sha256\",\"sig\":{\"from\":\"header:x-sig\","
	    "\"enc\":\"hex\"},\"content\":\"{body}\",\"body\":\"any\","
	    "\"id\":\"{header:x-id}\",\"retry_changes\":\"/at\"}" },
	{ "by-get",
	    "{\"alg\":\"hmac-sha256\",\"sig\":{\"from\":\"header:x-sig\","
	    "\"enc\":\"hex\"},\"content\":\"{url}\",\"methods\":[\"GET\"],"
	    "\"id\":\"{query:id}\",\"type\":\"{form:topic}\"}" },
};

static struct scheme_set *schemes;
static struct registry *rg;
static struct receive *rc;
static struct receive_options ropt;

static void
open_receive(void)
{
	ck_assert_int_eq(registry_open(fx.st, schemes, &rg, &fx.err), 0);
	ck_assert_int_eq(receive_open(&ropt, fx.st, rg, &rc, &fx.err), 0);
}

static void
close_receive(void)
{
	receive_close(rc);
	registry_close(rg);
}

static void
write_schemes(const char *dir)
{
	char path[600];
	FILE *f;
	size_t i;

	for (i = 0; i < NITEMS(own_schemes); i++) {
		snprintf(
		    path, sizeof(path), "%s/%s.json", dir, own_schemes[i].name);
		f = fopen(path, "w");
		ck_assert_ptr_nonnull(f);
		ck_assert_int_ge(fputs(own_schemes[i].text, f), 0);
		ck_assert_int_eq(fclose(f), 0);
	}
}

static void
setup(void)
{
	const char *top = getenv("top_srcdir"), *dirs[2];
	char dir[512];

	snprintf(dir, sizeof(dir), "%s/conf/schemes", top == NULL ? ".." : top);
	dirs[0] = dir;
	fx_setup();
	dirs[1] = fx.folder;
	write_schemes(fx.folder);
	ck_assert_int_eq(
	    scheme_set_load(dirs, 2, NULL, NULL, &schemes, &fx.err), 0);
	ck_assert_ptr_nonnull(scheme_set_find(schemes, "nomos"));
	memset(&ropt, 0, sizeof(ropt));
	ropt.mount = "/hooks";
	ropt.body_max = 1024;
	ropt.trusted_proxies = "10.0.0.0/8";
	open_receive();
}

static void
teardown(void)
{
	ck_assert_uint_eq(atomic_load(&rc->unpacked.used), 0);
	close_receive();
	scheme_set_free(schemes);
	fx_teardown();
}

/* --- what the store gets ---------------------------------------------------
 */

/* Of the last item that the store got; the linker hands it to us first. */
static bool held_unpacked;

void __real_store_submit(struct store *st, struct store_item *item);
void __wrap_store_submit(struct store *st, struct store_item *item);

void
__wrap_store_submit(struct store *st, struct store_item *item)
{
	const struct receive_state *rs = item->arg;

	held_unpacked =
	    rs->body.made.ptr != NULL || rs->room.payload.ptr != NULL;
	__real_store_submit(st, item);
}

/* --- what is unpacked ------------------------------------------------------
 */

/* The most that came out of a packed body, or could have. */
static size_t most_unpacked;

int __real_inflate_all(enum inflate_format format, struct span packed,
    size_t max, struct buf *out, enum inflate_outcome *how, struct err *err);
int __wrap_inflate_all(enum inflate_format format, struct span packed,
    size_t max, struct buf *out, enum inflate_outcome *how, struct err *err);

int
__wrap_inflate_all(enum inflate_format format, struct span packed, size_t max,
    struct buf *out, enum inflate_outcome *how, struct err *err)
{
	if (max > most_unpacked)
		most_unpacked = max;
	return __real_inflate_all(format, packed, max, out, how, err);
}

/* --- an endpoint --------------------------------------------------------- */

struct settings {
	const char *name, *doc, *secret;
	enum store_endpoint_state state;
	int64_t until_ms; /* the secret is PREVIOUS until then; 0: CURRENT */
	uint64_t secret_id;
};

static int
put_endpoint(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct settings *set = arg;
	struct store_endpoint ep = { .state = set->state };
	struct secret s = { .state = SECRET_CURRENT };

	(void)result;
	snprintf(ep.name, sizeof(ep.name), "%s", set->name);
	ep.doc = span_str(set->doc);
	if (store_tx_endpoint(tx, &ep, err) < 0)
		return -1;
	fx.endpoint_id = s.endpoint_id = ep.id;
	if (set->until_ms != 0) {
		s.state = SECRET_PREVIOUS;
		s.until_ms = set->until_ms;
	}
	if (set->secret != NULL &&
	    store_tx_secret(tx, &s, span_str(set->secret), err) < 0)
		return -1;
	set->secret_id = s.id;
	return store_tx_audit(tx, "x", "x", SPAN_EMPTY, err);
}

static struct settings
endpoint(const char *name, const char *doc, const char *secret)
{
	struct settings set = { name, doc, secret, STORE_ENDPOINT_ENABLED, 0,
		0 };

	fx_change(NULL, put_endpoint, &set, NULL);
	return set;
}

/* --- a request ----------------------------------------------------------- */

struct post {
	struct receive_call call;
	struct header headers[16];
	char text[4096]; /* of the signature headers */
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool done;
};

static void
on_done(struct receive_call *call)
{
	struct post *p = call->arg;

	pthread_mutex_lock(&p->mutex);
	p->done = true;
	pthread_cond_signal(&p->cond);
	pthread_mutex_unlock(&p->mutex);
}

static void
add_header(struct post *p, const char *name, const char *value)
{
	struct request *rq = &p->call.request;

	p->headers[rq->nheaders].name = span_str(name);
	p->headers[rq->nheaders].value = span_str(value);
	rq->nheaders++;
}

#define TWILIO_URL "https://h.example/hooks/orders"

/* Signs as the scheme's provider would, now. */
static void
sign(struct post *p, const char *scheme, const char *secret, int64_t now_ms)
{
	const struct scheme *sc = scheme_set_find(schemes, scheme);
	char url[512];
	struct sign_input in = { .method = p->call.request.method,
		.url = url,
		.coding = body_coding(&p->call.request),
		.id = span_str("msg_1"),
		.type = span_str("order.created"),
		.body = p->call.request.body,
		.now_ms = now_ms };
	struct buf out = BUF_INIT(2048);
	struct scheme_key *key;
	char *line, *next, *colon, *c;
	struct span query = p->call.request.query;

	snprintf(url, sizeof(url), TWILIO_URL "%s%.*s",
	    query.len > 0 ? "?" : "", (int)query.len,
	    query.len > 0 ? (const char *)query.ptr : "");
	ck_assert_int_eq(
	    scheme_key_make(sc, span_str(secret), &key, &fx.err), 0);
	ck_assert_msg(sign_headers(sc, &key, 1, &in, &out, &fx.err) == 0, "%s",
	    fx.err.text);
	memcpy(p->text, out.ptr, out.len);
	p->text[out.len] = '\0';
	for (line = p->text; *line != '\0'; line = next) {
		next = strchr(line, '\n') + 1;
		next[-1] = '\0';
		colon = strchr(line, ':');
		*colon = '\0';
		for (c = line; *c != '\0'; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c - 'A' + 'a');
		add_header(p, line, colon + 2);
	}
	scheme_key_free(key);
	buf_free(&out);
}

static void
begin(struct post *p, const char *path, const char *body)
{
	struct request *rq = &p->call.request;

	memset(p, 0, sizeof(*p));
	pthread_mutex_init(&p->mutex, NULL);
	pthread_cond_init(&p->cond, NULL);
	p->call.done = on_done;
	p->call.arg = p;
	rq->method = span_str("POST");
	rq->path = span_str(path);
	rq->peer = span_str("127.0.0.1");
	rq->headers = p->headers;
	rq->body = span_str(body);
	rq->content_length = (int64_t)rq->body.len;
	rq->now_ms = store_now_ms(fx.st);
	add_header(p, "content-type", "application/json");
}

static int
send(struct post *p)
{
	int64_t body_max = -1;
	int ret = receive_begin(rc, &p->call, &body_max);

	if (ret == 0)
		ret = receive_body(rc, &p->call);
	pthread_mutex_lock(&p->mutex);
	while (ret == 0 && !p->done)
		pthread_cond_wait(&p->cond, &p->mutex);
	pthread_mutex_unlock(&p->mutex);
	ck_assert_ptr_null(p->call.state);
	p->call.reply.body[p->call.reply.body_len] = '\0';
	return p->call.reply.status;
}

static bool
says(const struct post *p, const char *words)
{
	return strstr(p->call.reply.body, words) != NULL;
}

static bool
logs(const struct post *p, const char *words)
{
	return strstr(p->call.reply.log, words) != NULL;
}

static int
post(struct post *p, const char *body)
{
	begin(p, "/hooks/orders", body);
	sign(p, "nomos", SECRET, p->call.request.now_ms);
	return send(p);
}

#define NOMOS "{\"scheme\":\"nomos\"}"

START_TEST(accepted_then_duplicate)
{
	struct post p;

	endpoint("orders", NOMOS, SECRET);
	ck_assert_int_eq(post(&p, BODY), 200);
	ck_assert(says(&p, "\"status\":\"accepted\",\"id\":\"evt_1\""));
	ck_assert(logs(&p, "status=200 verdict=accepted endpoint=orders "
			   "from=127.0.0.1 id=evt_1 type=order.created seq=1 "
			   "secret=sec_1 bytes="));
	ck_assert_int_eq(post(&p, BODY), 200);
	ck_assert(says(&p, "\"status\":\"duplicate\""));
	ck_assert_int_eq(
	    post(&p, "{\"id\":\"evt_1\",\"topic\":\"order.created\"}"), 200);
	ck_assert(says(&p, "\"status\":\"held\""));
	ck_assert(logs(&p, "why=\"id reused with another payload\""));
	ck_assert_uint_eq(fx_events(), 1);
}
END_TEST

START_TEST(test_events_are_acked_each_time)
{
	struct post p;
	int i;

	endpoint(
	    "orders", "{\"scheme\":\"nomos\",\"events\":\"order.*\"}", SECRET);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(post(&p, "{\"id\":\"evt_test\","
					  "\"topic\":\"test.event\"}"),
		    200);
		ck_assert(says(&p, "\"status\":\"test\""));
		ck_assert_int_eq(post(&p, "{\"topic\":\"test.event\"}"), 200);
		ck_assert_msg(
		    says(&p, "\"status\":\"test\""), "%s", p.call.reply.body);
	}
	ck_assert_uint_eq(fx_events(), 4);
}
END_TEST

/* Somebody has captured one, and posts it over and over. */
START_TEST(a_captured_test_fills_no_log)
{
	int64_t captured_ms = store_now_ms(fx.st);
	uint64_t counts[STORE_COUNTS];
	struct post p;
	int i;

	endpoint("orders", NOMOS, SECRET);
	ck_assert_int_eq(post(&p, BODY), 200);
	for (i = 0; i < 60; i++) {
		begin(&p, "/hooks/orders",
		    "{\"id\":\"evt_test\",\"topic\":\"test.event\"}");
		sign(&p, "nomos", SECRET, captured_ms);
		ck_assert_int_eq(send(&p), 200);
		ck_assert(says(&p, "\"status\":\"test\""));
		ck_assert_msg(logs(&p, "not kept") == (i > STORE_TEST_REPEATS),
		    "%d: %s", i, p.call.reply.log);
	}
	ck_assert_uint_eq(fx_events(), 2 + STORE_TEST_REPEATS);
	store_counts(fx.st, fx.endpoint_id, counts);
	ck_assert_uint_eq(counts[STORE_COUNT_TEST], 60);
	/* One that the provider signs now is kept. */
	begin(&p, "/hooks/orders", "{\"topic\":\"test.event\"}");
	sign(&p, "nomos", SECRET, p.call.request.now_ms);
	ck_assert_int_eq(send(&p), 200);
	ck_assert(!logs(&p, "not kept"));
	ck_assert_uint_eq(fx_events(), 3 + STORE_TEST_REPEATS);
}
END_TEST

START_TEST(what_is_not_selected_is_acked_and_not_stored)
{
	uint64_t counts[STORE_COUNTS];
	struct post p;
	struct settings set = endpoint("orders",
	    "{\"scheme\":\"nomos\",\"events\":\"order.*,!order.test\"}",
	    SECRET);

	(void)set;
	ck_assert_int_eq(
	    post(&p, "{\"id\":\"evt_1\",\"topic\":\"user.created\"}"), 200);
	ck_assert(says(&p, "\"status\":\"ignored\""));
	ck_assert_int_eq(
	    post(&p, "{\"id\":\"evt_2\",\"topic\":\"order.test\"}"), 200);
	ck_assert(says(&p, "\"status\":\"ignored\""));
	ck_assert_int_eq(post(&p, BODY), 200);
	ck_assert_uint_eq(fx_events(), 1);
	store_counts(fx.st, fx.endpoint_id, counts);
	ck_assert_uint_eq(counts[STORE_COUNT_IGNORED], 2);
	ck_assert_uint_eq(counts[STORE_COUNT_ACCEPTED], 1);
}
END_TEST

/* --- refusals before the body -------------------------------------------- */

static const struct {
	const char *when, *method, *path, *peer, *forwarded, *proto;
	bool https;
	int64_t length; /* INT64_MIN: the body's */
	const char *doc; /* of the endpoint; NULL: NOMOS */
	int want;
	const char *log;
} heads[] = {
	{ "good", "POST", "/hooks/orders", "127.0.0.1", NULL, NULL, false,
	    INT64_MIN, NULL, 200, "accepted" },
	{ "without the mount", "POST", "/orders", "127.0.0.1", NULL, NULL,
	    false, INT64_MIN, NULL, 200, "accepted" },
	{ "GET", "GET", "/hooks/orders", "127.0.0.1", NULL, NULL, false,
	    INT64_MIN, NULL, 405, "method" },
	{ "lower-case method", "post", "/hooks/orders", "127.0.0.1", NULL, NULL,
	    false, INT64_MIN, NULL, 405, "method" },
	{ "unknown", "POST", "/hooks/other", "127.0.0.1", NULL, NULL, false,
	    INT64_MIN, NULL, 404, "unknown" },
	{ "deeper", "POST", "/hooks/orders/x", "127.0.0.1", NULL, NULL, false,
	    INT64_MIN, NULL, 404, "unknown" },
	{ "no name", "POST", "/hooks/", "127.0.0.1", NULL, NULL, false,
	    INT64_MIN, NULL, 404, "unknown" },
	{ "reserved name", "POST", "/hooks/eyelet", "127.0.0.1", NULL, NULL,
	    false, INT64_MIN, NULL, 404, "unknown" },
	{ "name in other case", "POST", "/hooks/Orders", "127.0.0.1", NULL,
	    NULL, false, INT64_MIN, NULL, 404, "unknown" },
	{ "plain HTTP from afar", "POST", "/hooks/orders", "192.0.2.1", NULL,
	    NULL, false, INT64_MIN, NULL, 403, "plain-http" },
	{ "HTTPS from afar", "POST", "/hooks/orders", "192.0.2.1", NULL, NULL,
	    true, INT64_MIN, NULL, 200, "from=192.0.2.1" },
	{ "plain HTTP allowed", "POST", "/hooks/orders", "192.0.2.1", NULL,
	    NULL, false, INT64_MIN,
	    "{\"scheme\":\"nomos\",\"allow_http\":true}", 200, "accepted" },
	{ "address not allowed", "POST", "/hooks/orders", "192.0.2.1", NULL,
	    NULL, true, INT64_MIN,
	    "{\"scheme\":\"nomos\",\"allow_from\":\"198.51.100.0/24\"}", 403,
	    "verdict=address" },
	{ "address allowed", "POST", "/hooks/orders", "198.51.100.9", NULL,
	    NULL, true, INT64_MIN,
	    "{\"scheme\":\"nomos\",\"allow_from\":\"198.51.100.0/24\"}", 200,
	    "accepted" },
	{ "behind a proxy", "POST", "/hooks/orders", "10.0.0.1",
	    "6.6.6.6, 192.0.2.1, 10.0.0.2", "https", false, INT64_MIN, NULL,
	    200, "from=192.0.2.1" },
	{ "behind a proxy over plain HTTP", "POST", "/hooks/orders", "10.0.0.1",
	    "192.0.2.1", "http", true, INT64_MIN, NULL, 403, "plain-http" },
	{ "loopback claimed through a proxy", "POST", "/hooks/orders",
	    "10.0.0.1", "127.0.0.1, 192.0.2.1", "http", false, INT64_MIN, NULL,
	    403, "from=192.0.2.1" },
	{ "forged by a stranger", "POST", "/hooks/orders", "192.0.2.1",
	    "127.0.0.1", "https", false, INT64_MIN, NULL, 403, "plain-http" },
	{ "proxy sends no address", "POST", "/hooks/orders", "10.0.0.1",
	    "unknown", "https", false, INT64_MIN, NULL, 400, "forwarded" },
	{ "no length", "POST", "/hooks/orders", "127.0.0.1", NULL, NULL, false,
	    -1, NULL, 411, "no-length" },
	{ "odd length", "POST", "/hooks/orders", "127.0.0.1", NULL, NULL, false,
	    -2, NULL, 400, "bad-length" },
	{ "too large", "POST", "/hooks/orders", "127.0.0.1", NULL, NULL, false,
	    1025, NULL, 413, "too-large" },
	{ "too large for the endpoint", "POST", "/hooks/orders", "127.0.0.1",
	    NULL, NULL, false, 100, "{\"scheme\":\"nomos\",\"body_max\":99}",
	    413, "too-large" },
	{ "scheme without a file", "POST", "/hooks/orders", "127.0.0.1", NULL,
	    NULL, false, INT64_MIN, "{\"scheme\":\"gone\"}", 503, "keyless" },
	/* It may take events by GET: 405 would lose one. */
	{ "the same by GET", "GET", "/hooks/orders", "127.0.0.1", NULL, NULL,
	    false, INT64_MIN, "{\"scheme\":\"gone\"}", 503, "keyless" },
};

/* Of the refused request that is kept last, its body. */
static enum quarantine_part
kept_part(size_t *len)
{
	struct header headers[REQUEST_HEADERS_MAX];
	struct quarantine *q = store_quarantine(fx.st);
	struct quarantine_entry en;
	struct quarantine_totals totals;
	struct buf memory = BUF_INIT(1);
	bool found = false;

	quarantine_totals(q, &totals);
	ck_assert_uint_gt(totals.count, 0);
	ck_assert_int_eq(quarantine_get(q, totals.count, &memory, headers, &en,
			     &found, &fx.err),
	    0);
	ck_assert(found);
	*len = en.request.body.len;
	buf_free(&memory);
	return en.part;
}

/* How many refused requests are kept, and whether the last has its body. */
static uint64_t
kept(bool *whole)
{
	struct quarantine_totals totals;
	size_t len;

	quarantine_totals(store_quarantine(fx.st), &totals);
	if (totals.count > 0)
		*whole = kept_part(&len) == QUARANTINE_WHOLE;
	return totals.count;
}

START_TEST(heads_are_judged_in_order)
{
	struct post p;
	struct request *rq = &p.call.request;
	int status;

	endpoint(
	    "orders", heads[_i].doc == NULL ? NOMOS : heads[_i].doc, SECRET);
	begin(&p, heads[_i].path, BODY);
	sign(&p, "nomos", SECRET, rq->now_ms);
	rq->method = span_str(heads[_i].method);
	rq->peer = span_str(heads[_i].peer);
	rq->https = heads[_i].https;
	if (heads[_i].forwarded != NULL)
		add_header(&p, "x-forwarded-for", heads[_i].forwarded);
	if (heads[_i].proto != NULL)
		add_header(&p, "x-forwarded-proto", heads[_i].proto);
	if (heads[_i].length != INT64_MIN)
		rq->content_length = heads[_i].length;
	status = send(&p);
	ck_assert_msg(status == heads[_i].want && logs(&p, heads[_i].log),
	    "%s: %s", heads[_i].when, p.call.reply.log);
	ck_assert_msg((status == 405) == (p.call.reply.allow != NULL), "%s",
	    heads[_i].when);
	ck_assert_msg((status == 503) == (p.call.reply.retry_after_s > 0), "%s",
	    heads[_i].when);
	ck_assert_msg(fx_events() == (status == 200), "%s", heads[_i].when);
}
END_TEST

/* --- paths that lead nowhere ---------------------------------------------- */

static const struct {
	const char *when, *method, *path;
	int want;
	const char *logged, *why;
} nowhere[] = {
	{ "no such name", "POST", "/hooks/other", 404, "path=/hooks/other",
	    "why=\"there is no endpoint other\"" },
	{ "asked for by GET", "GET", "/hooks/other", 405, "path=/hooks/other",
	    "why=\"there is no endpoint other\"" },
	{ "disabled", "POST", "/hooks/off", 404, "path=/hooks/off",
	    "why=\"endpoint off is disabled\"" },
	{ "removed", "POST", "/hooks/old", 404, "path=/hooks/old",
	    "why=\"endpoint old was removed or renamed\"" },
	{ "another mount", "POST", "/webhooks/orders", 404,
	    "path=/webhooks/orders",
	    "why=\"the path is neither /hooks/NAME nor /NAME\"" },
	{ "a mount that only begins so", "POST", "/hooksx/orders", 404,
	    "path=/hooksx/orders", "why=\"the path is neither" },
	{ "no name", "POST", "/hooks/", 404, "path=/hooks/",
	    "why=\"no name follows the mount\"" },
	{ "nor a slash", "POST", "/hooks", 404, "path=/hooks",
	    "why=\"there is no endpoint hooks\"" },
	{ "deeper", "POST", "/hooks/orders/x", 404, "path=/hooks/orders/x",
	    "why=\"more than a name stands below the mount\"" },
	{ "a slash at the end", "POST", "/hooks/orders/", 404,
	    "path=/hooks/orders/",
	    "why=\"more than a name stands below the mount: a \\\"/\\\" at "
	    "the end\"" },
	{ "bytes for a terminal", "POST", "/hooks/\033]0;x\007", 404,
	    "path=/hooks/\\x1b]0;x\\x07 ",
	    "why=\"no endpoint can have this name\"" },
	{ "bidirectional ones", "POST", "/hooks/\342\200\256x", 404,
	    "path=/hooks/\\xe2\\x80\\xaex ", "why=\"no endpoint can" },
};

static int
remove_old(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct store_endpoint ep = { .id = fx.endpoint_id,
		.state = STORE_ENDPOINT_REMOVED,
		.name = "old",
		.doc = span_str(NOMOS) };

	(void)arg;
	(void)result;
	if (store_tx_endpoint(tx, &ep, err) < 0)
		return -1;
	return store_tx_audit(tx, "x", "x", SPAN_EMPTY, err);
}

START_TEST(nowhere_is_logged_and_counted)
{
	struct settings set = { "off", NOMOS, SECRET, STORE_ENDPOINT_DISABLED,
		0, 0 };
	struct unknown_paths_seen seen;
	const struct unknown_path *path = &seen.paths[0];
	struct post p;

	fx_change(NULL, put_endpoint, &set, NULL);
	endpoint("old", NOMOS, SECRET);
	fx_change(NULL, remove_old, NULL, NULL);
	endpoint("orders", NOMOS, SECRET);
	begin(&p, nowhere[_i].path, BODY);
	p.call.request.method = span_str(nowhere[_i].method);
	p.call.request.peer = span_str("10.0.0.1");
	add_header(&p, "x-forwarded-for", "192.0.2.7");
	ck_assert_msg(
	    send(&p) == nowhere[_i].want && logs(&p, nowhere[_i].logged) &&
		logs(&p, nowhere[_i].why) && logs(&p, "from=192.0.2.7"),
	    "%s: %s", nowhere[_i].when, p.call.reply.log);
	unknown_paths_see(registry_unknown_paths(rg), &seen);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_uint_eq(seen.n, 1);
	ck_assert(
	    span_is(span_of(path->path, path->path_len), nowhere[_i].path));
	ck_assert(
	    span_is(span_of(path->address, path->address_len), "192.0.2.7"));
}
END_TEST

START_TEST(long_path_is_cut_in_the_log)
{
	struct post p;
	char path[1200];

	memset(path, '\001', sizeof(path));
	memcpy(path, "/hooks/", 7);
	path[sizeof(path) - 1] = '\0';
	endpoint("orders", NOMOS, SECRET);
	begin(&p, path, BODY);
	ck_assert_int_eq(send(&p), 404);
	ck_assert_msg(
	    logs(&p, "\\x01... ") && logs(&p, " why="), "%s", p.call.reply.log);
}
END_TEST

START_TEST(states_of_an_endpoint)
{
	struct settings set = { "orders", NOMOS, NULL, STORE_ENDPOINT_ENABLED,
		0, 0 };
	struct post p;

	fx_change(NULL, put_endpoint, &set, NULL);
	ck_assert_int_eq(post(&p, BODY), 503);
	ck_assert(logs(&p, "keyless"));
	set.name = "disabled";
	set.state = STORE_ENDPOINT_DISABLED;
	set.secret = SECRET;
	fx_change(NULL, put_endpoint, &set, NULL);
	begin(&p, "/hooks/disabled", BODY);
	sign(&p, "nomos", SECRET, p.call.request.now_ms);
	ck_assert_int_eq(send(&p), 404);
	ck_assert_uint_eq(fx_events(), 0);
}
END_TEST

/* --- signatures, times, identities --------------------------------------- */

static const struct {
	const char *when, *scheme, *secret, *body;
	int64_t signed_ms; /* from now */
	int want;
	const char *log;
} bodies[] = {
	{ "good", "nomos", SECRET, BODY, 0, 200, "accepted" },
	{ "wrong secret", "nomos", "another secret", BODY, 0, 401,
	    "verdict=signature" },
	{ "stale", "nomos", SECRET, BODY, -301000, 401, "verdict=signature" },
	{ "on the edge", "nomos", SECRET, BODY, -299000, 200, "accepted" },
	{ "from the future", "nomos", SECRET, BODY, 302000, 401,
	    "verdict=signature" },
	{ "not JSON", "nomos", SECRET, "{\"id\":\"evt_1\",}", 0, 400,
	    "verdict=not-json" },
	{ "trailing bytes", "nomos", SECRET, BODY "x", 0, 400,
	    "verdict=not-json" },
	{ "no id", "nomos", SECRET, "{\"topic\":\"a\"}", 0, 400,
	    "verdict=required" },
	{ "empty body", "nomos", SECRET, "", 0, 400, "verdict=not-json" },
	{ "Nomod says 400", "nomod", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx",
	    "{\"type\":\"charge.completed\",\"data\":{}}", 0, 400,
	    "verdict=signature" },
	{ "Nomod", "nomod", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	    "{\"type\":\"charge.completed\",\"data\":{}}", 0, 200, "accepted" },
	{ "Nolxy has no id", "nolxy", SECRET,
	    "{\"event\":\"quota.warning\",\"userId\":42,\"data\":{},"
	    "\"timestamp\":\"2999-01-01T00:00:00Z\"}",
	    0, 401, "verdict=signature" },
};

START_TEST(bodies_are_judged)
{
	const char *secret = strcmp(bodies[_i].scheme, "nomod") == 0
				 ? "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
				 : SECRET;
	struct post p;
	char doc[64];
	bool whole = false;

	snprintf(doc, sizeof(doc), "{\"scheme\":\"%s\"}", bodies[_i].scheme);
	endpoint("orders", doc, secret);
	begin(&p, "/hooks/orders", bodies[_i].body);
	sign(&p, bodies[_i].scheme, bodies[_i].secret,
	    p.call.request.now_ms + bodies[_i].signed_ms);
	ck_assert_msg(send(&p) == bodies[_i].want && logs(&p, bodies[_i].log),
	    "%s: %s", bodies[_i].when, p.call.reply.log);
	ck_assert_msg(
	    fx_events() == (bodies[_i].want == 200), "%s", bodies[_i].when);
	ck_assert_msg(
	    kept(&whole) == (bodies[_i].want != 200), "%s", bodies[_i].when);
	ck_assert(bodies[_i].want == 200 || whole);
	/* Why a signature failed is nobody's business but the operator's. */
	ck_assert(!says(&p, "expired") && !says(&p, "mismatch"));
}
END_TEST

START_TEST(a_doubled_header_is_refused)
{
	struct post p;
	bool whole = true;

	endpoint("orders", NOMOS, SECRET);
	begin(&p, "/hooks/orders", BODY);
	sign(&p, "nomos", SECRET, p.call.request.now_ms);
	add_header(&p, "x-nomos-signature", "t=1,v1=00");
	ck_assert_int_eq(send(&p), 400);
	ck_assert(logs(&p, "verdict=doubled-header"));
	/* Its body was never read. */
	ck_assert_uint_eq(kept(&whole), 1);
	ck_assert(!whole);
}
END_TEST

START_TEST(a_body_without_id_is_known_by_its_digest)
{
	char body[128], now[TEXT_TIME_MAX];
	struct post p;

	endpoint("orders", "{\"scheme\":\"nolxy\"}", SECRET);
	text_time(now, store_now_ms(fx.st));
	snprintf(body, sizeof(body),
	    "{\"event\":\"quota.warning\",\"data\":{},\"timestamp\":\"%s\"}",
	    now);
	begin(&p, "/hooks/orders", body);
	sign(&p, "nolxy", SECRET, p.call.request.now_ms);
	ck_assert_msg(send(&p) == 200, "%s", p.call.reply.log);
	ck_assert(says(&p, "accepted"));
	begin(&p, "/hooks/orders", body);
	sign(&p, "nolxy", SECRET, p.call.request.now_ms);
	ck_assert_int_eq(send(&p), 200);
	ck_assert(says(&p, "duplicate"));
	ck_assert_uint_eq(fx_events(), 1);
}
END_TEST

START_TEST(a_captured_body_does_not_come_back_under_a_new_id)
{
	struct post p;
	size_t h;
	int i;

	endpoint("hub", "{\"scheme\":\"github\"}", SECRET);
	for (i = 0; i < 2; i++) {
		begin(&p, "/hooks/hub", "{\"action\":\"opened\"}");
		sign(&p, "github", SECRET, p.call.request.now_ms);
		for (h = 0; h < p.call.request.nheaders && i == 1; h++)
			if (span_is(p.headers[h].name, "x-github-delivery"))
				p.headers[h].value = span_str("replayed");
		ck_assert_msg(send(&p) == 200, "%s", p.call.reply.log);
		ck_assert_msg(says(&p, i == 0 ? "accepted" : "held"), "%s",
		    p.call.reply.body);
	}
	ck_assert_uint_eq(fx_events(), 1);
}
END_TEST

/* A Mailgun body: its signature covers a time and a token alone. */
static void
mailgun_body(
    char *out, size_t room, int64_t now_ms, const char *token, const char *id)
{
	unsigned char sum[HASH_SIZE_MAX];
	struct buf hex = BUF_INIT(128);
	struct hmac_key *key;
	struct span parts[2];
	char now[32];

	snprintf(now, sizeof(now), "%lld", (long long)(now_ms / 1000));
	parts[0] = span_str(now);
	parts[1] = span_str(token);
	ck_assert_int_eq(
	    hmac_key_make(HASH_SHA256, span_str(SECRET), &key, &fx.err), 0);
	ck_assert_int_eq(hmac_parts(key, parts, 2, sum, &fx.err), 0);
	ck_assert_int_eq(
	    encode_put(ENCODING_HEX, span_of(sum, 32), &hex, &fx.err), 0);
	snprintf(out, room,
	    "{\"signature\":{\"timestamp\":\"%s\",\"token\":\"%s\","
	    "\"signature\":\"%.64s\"},\"event-data\":{\"id\":\"%s\","
	    "\"event\":\"opened\"}}",
	    now, token, (const char *)hex.ptr, id);
	hmac_key_free(key);
	buf_free(&hex);
}

START_TEST(a_captured_token_carries_no_other_event)
{
	static const struct {
		const char *token, *id, *want;
		int status;
	} rows[] = {
		{ "tok-1", "evt_1", "accepted", 200 },
		{ "tok-1", "forged", "refused", 406 },
		{ "tok-1", "evt_1", "duplicate", 200 },
		{ "tok-2", "evt_2", "accepted", 200 },
	};
	char body[512];
	struct post p;
	int64_t now_ms = store_now_ms(fx.st);
	size_t i;

	endpoint("mail", "{\"scheme\":\"mailgun\"}", SECRET);
	for (i = 0; i < NITEMS(rows); i++) {
		mailgun_body(
		    body, sizeof(body), now_ms, rows[i].token, rows[i].id);
		begin(&p, "/hooks/mail", body);
		ck_assert_msg(
		    send(&p) == rows[i].status, "%s", p.call.reply.log);
		ck_assert_msg(
		    says(&p, rows[i].want), "%zu: %s", i, p.call.reply.body);
	}
	ck_assert_uint_eq(fx_events(), 2);
}
END_TEST

/* --- bodies as they really come ------------------------------------------- */

#define EVENT "{\"id\":\"evt_1\",\"topic\":\"order.created\"}"
#define LIT(s) (s), sizeof(s) - 1
/* printf '' | sha256sum */
#define EMPTY_SHA256 \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define URLENCODED "application/x-www-form-urlencoded"

/* printf '%s' EVENT | gzip -n -9 */
#define EVENT_GZ                                                   \
	"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\xca\x4c" \
	"\x51\xb2\x52\x4a\x2d\x2b\x89\x37\x54\xd2\x51\x2a\xc9\x2f" \
	"\xc8\x4c\x06\xf2\xf3\x8b\x52\x52\x8b\xf4\x92\x8b\x52\x13" \
	"\x4b\x52\x53\x94\x6a\x01\x79\x20\x98\x84\x26\x00\x00\x00"

/* python3: zlib.compress(EVENT, 9) */
#define EVENT_ZL                                                   \
	"\x78\xda\xab\x56\xca\x4c\x51\xb2\x52\x4a\x2d\x2b\x89\x37" \
	"\x54\xd2\x51\x2a\xc9\x2f\xc8\x4c\x06\xf2\xf3\x8b\x52\x52" \
	"\x8b\xf4\x92\x8b\x52\x13\x4b\x52\x53\x94\x6a\x01\xe9\xdb" \
	"\x0c\x96"

static const struct {
	const char *when, *scheme, *doc;
	const char *type, *coding; /* NULL: no such header */
	const char *body;
	size_t len;
	int want;
	const char *log;
} really[] = {
	{ "a byte order mark", "nomos", "", NULL, NULL,
	    LIT("\xef\xbb\xbf" EVENT), 200, "id=evt_1 type=order.created" },
	{ "gzip", "nomos", "", NULL, "gzip", LIT(EVENT_GZ), 200,
	    "accepted endpoint=orders from=127.0.0.1 id=evt_1" },
	{ "deflate", "nomos", "", NULL, "deflate", LIT(EVENT_ZL), 200,
	    "id=evt_1 type=order.created" },
	{ "identity", "nomos", "", NULL, "identity", LIT(EVENT), 200,
	    "id=evt_1 type=order.created" },
	{ "gzip, not selected", "nomos", ",\"events\":\"user.*\"", NULL, "gzip",
	    LIT(EVENT_GZ), 200, "verdict=ignored" },
	{ "gzip, cut short", "nomos", "", NULL, "gzip", EVENT_GZ,
	    sizeof(EVENT_GZ) - 9, 400, "verdict=not-json" },
	{ "not gzip", "nomos", "", NULL, "gzip", LIT(EVENT), 400,
	    "why=\"the body is not what its Content-Encoding says" },
	{ "gzip that nobody says", "nomos", "", NULL, NULL, LIT(EVENT_GZ), 400,
	    "verdict=not-json" },
	{ "brotli", "nomos", "", NULL, "br", LIT(EVENT), 400,
	    "why=\"Content-Encoding is neither gzip nor deflate; "
	    "\\\"quarantine "
	    "admit\\\" takes it as it is\"" },
	{ "gzip, signed unpacked", "unpacked", "", NULL, "gzip", LIT(EVENT_GZ),
	    200, "id=evt_1 type=order.created" },
	{ "unpacked as it came", "unpacked", "", NULL, NULL, LIT(EVENT), 200,
	    "id=evt_1 type=order.created" },
	{ "signed unpacked, but no gzip", "unpacked", "", NULL, "gzip",
	    LIT(EVENT), 400, "verdict=unreadable" },

	{ "a key twice", "nomos", "", NULL, NULL,
	    LIT("{\"id\":\"a\",\"id\":\"b\",\"topic\":\"t\"}"), 400,
	    "verdict=not-taken" },
	{ "a NUL in a needed field", "nomos", "", NULL, NULL,
	    LIT("{\"id\":\"a\\u0000\",\"topic\":\"t\"}"), 400,
	    "verdict=not-taken" },
	{ "a NUL elsewhere", "nomos", "", NULL, NULL,
	    LIT("{\"id\":\"evt_1\",\"topic\":\"t\",\"x\":\"\\u0000\"}"), 200,
	    "id=evt_1 type=t" },

	{ "GitHub, JSON", "github", "", "application/json", NULL,
	    LIT("{\"action\":\"opened\"}"), 200,
	    "id=msg_1 type=order.created.opened" },
	{ "GitHub, a form", "github", "", URLENCODED, NULL,
	    LIT("payload=%7B%22action%22%3A%22opened%22%7D"), 200,
	    "id=msg_1 type=order.created.opened" },
	{ "GitHub, a form, selected", "github",
	    ",\"events\":\"order.created.opened\"", URLENCODED, NULL,
	    LIT("payload=%7B%22action%22%3A%22opened%22%7D"), 200,
	    "verdict=accepted" },
	{ "GitHub, packed in what is not read", "github",
	    ",\"events\":\"push\"", "application/json", "br",
	    LIT("{\"action\":\"opened\"}"), 200,
	    "verdict=held endpoint=orders from=127.0.0.1 id=msg_1" },
	{ "GitHub, no JSON", "github", "", "application/json", NULL,
	    LIT("hello"), 200, "why=\"its type cannot be read\"" },
	{ "no JSON, delivered all the same", "github",
	    ",\"on_held\":\"deliver\"", "application/json", NULL, LIT("hello"),
	    200, "verdict=accepted" },
	{ "no JSON, refused", "github", ",\"on_held\":\"refuse\"",
	    "application/json", NULL, LIT("hello"), 401, "verdict=forged" },
	{ "any body without a type is held", "any", "", "text/plain", NULL,
	    LIT("hello"), 200, "verdict=held" },
	{ "JSON without a type is not", "any", "", NULL, NULL,
	    LIT("{\"id\":\"evt_1\"}"), 200, "verdict=accepted" },
	{ "an empty body", "any", "", NULL, NULL, LIT(""), 200,
	    "verdict=held" },
	{ "Slack, a command", "slack", "", URLENCODED, NULL,
	    LIT("command=%2Fdo&trigger_id=1.2"), 200, "id=1.2 type=/do" },
	{ "Slack, an interaction", "slack", "", URLENCODED, NULL,
	    LIT("payload=%7B%22type%22%3A%22view_submission%22%7D"), 200,
	    "type=view_submission" },
};

/* A post of these bytes to an endpoint of this scheme. */
static void
begin_really(struct post *p, size_t row)
{
	char doc[256];

	snprintf(doc, sizeof(doc), "{\"scheme\":\"%s\"%s}", really[row].scheme,
	    really[row].doc);
	endpoint("orders", doc, SECRET);
	begin(p, "/hooks/orders", "");
	p->call.request.body = span_of(really[row].body, really[row].len);
	p->call.request.content_length = (int64_t)really[row].len;
	if (really[row].type != NULL)
		p->headers[0].value = span_str(really[row].type);
	if (really[row].coding != NULL)
		add_header(p, "content-encoding", really[row].coding);
}

START_TEST(bodies_are_taken_as_they_come)
{
	struct post p;
	bool whole = false, refused = really[_i].want != 200;
	const char *log = really[_i].log;

	begin_really(&p, (size_t)_i);
	if (strcmp(really[_i].scheme, "unpacked") == 0 && refused)
		add_header(&p, "x-sig", "00");
	else
		sign(&p, really[_i].scheme, SECRET, p.call.request.now_ms);
	ck_assert_msg(send(&p) == really[_i].want && logs(&p, log), "%s: %s",
	    really[_i].when, p.call.reply.log);
	ck_assert_msg(
	    kept(&whole) == refused && whole == refused, "%s", really[_i].when);
}
END_TEST

/* The bytes are stored as they came, with their Content-Encoding. */
START_TEST(a_packed_body_is_stored_as_it_came)
{
	struct store_reader *rd;
	struct event ev;
	struct post p;
	bool found = false;

	begin_really(&p, 1);
	sign(&p, "nomos", SECRET, p.call.request.now_ms);
	ck_assert_int_eq(send(&p), 200);
	ck_assert_int_eq(store_reader_open(fx.st, &rd, &fx.err), 0);
	ck_assert_int_eq(store_reader_next(rd, &ev, &found, &fx.err), 0);
	ck_assert(found);
	ck_assert(span_eq(ev.body, span_of(really[1].body, really[1].len)));
	ck_assert(span_is(event_coding(&ev), "gzip"));
	ck_assert(span_is(ev.id, "evt_1"));
	store_reader_close(rd);
}
END_TEST

/*
 * A request that waits for the disk holds what came, and no more: threads that
 * judge are few, and those that wait are many.
 */
START_TEST(nothing_unpacked_waits_for_the_store)
{
	/* With gzip, deflate, signed unpacked. */
	static const size_t packed[] = { 1, 2, 9 };
	size_t row = packed[_i];
	struct post p;

	begin_really(&p, row);
	sign(&p, really[row].scheme, SECRET, p.call.request.now_ms);
	held_unpacked = true;
	ck_assert_msg(send(&p) == 200, "%s", p.call.reply.log);
	ck_assert_msg(!held_unpacked, "%s", really[row].when);
}
END_TEST

#define MIB (1024 * 1024)

/* An event of len bytes, packed to about a 90th or (plain) a 1000th. */
struct packed_event {
	unsigned char *bytes;
	uLongf len;
};

static struct packed_event
pack_event(size_t len, bool plain)
{
	static const char head[] = "{\"id\":\"evt_1\",\"topic\":\"t\",\"x\":\"";
	unsigned char *text = malloc(len);
	struct packed_event pe = { NULL, compressBound(len) };
	unsigned state = 1;
	size_t i;

	ck_assert_ptr_nonnull(text);
	memset(text, 'a', len);
	for (i = 0; i < len && !plain; i += 40) {
		state = state * 1103515245 + 12345;
		text[i] = (unsigned char)('a' + (state >> 28));
	}
	memcpy(text, head, sizeof(head) - 1);
	memcpy(text + len - 2, "\"}", 2);
	pe.bytes = malloc(pe.len);
	ck_assert_ptr_nonnull(pe.bytes);
	ck_assert_int_eq(compress2(pe.bytes, &pe.len, text, len, 6), Z_OK);
	free(text);
	return pe;
}

static void
begin_packed(struct post *p, const struct packed_event *pe)
{
	begin(p, "/hooks/orders", "");
	p->call.request.body = span_of(pe->bytes, pe->len);
	p->call.request.content_length = (int64_t)pe->len;
	add_header(p, "content-encoding", "deflate");
}

static const struct {
	const char *when, *scheme, *doc;
	size_t len;
	bool plain;
	int want;
	const char *log;
} unpacks[] = {
	{ "as much as any may", "nomos", "", MIB, false, 200, "id=evt_1" },
	{ "a byte more", "nomos", "", MIB + 1, false, 413,
	    " packed bytes unpack to more than 1048576, and receive.body_max "
	    "is 65536" },
	{ "as the endpoint allows", "nomos", ",\"body_max\":2097152", 2 * MIB,
	    false, 200, "id=evt_1" },
	{ "more than it allows", "nomos", ",\"body_max\":2097152", 2 * MIB + 1,
	    false, 413,
	    "more than 2097152, and the endpoint's --max-body is 2097152" },
	{ "no limit of its own lowers the least", "nomos",
	    ",\"body_max\":65536", MIB, false, 200, "id=evt_1" },
	{ "signed unpacked", "unpacked", "", MIB + 1, false, 413,
	    "verdict=too-large" },
	{ "its type alone is read", "github", "", MIB + 1, false, 413,
	    "verdict=too-large" },
	{ "what a retry changes alone is read", "changes", "", MIB + 1, false,
	    413, "verdict=too-large" },
	{ "what must be there is read", "requires", "", MIB + 1, false, 413,
	    "verdict=too-large" },
	{ "a thousand times as much", "nomos", ",\"body_max\":4194304", 2 * MIB,
	    true, 400, "unpacks to more than 200 times its size" },
};

/* Refused as one that is too large as it comes; kept as all that was read. */
START_TEST(what_unpacks_to_too_much_is_too_large)
{
	bool large = unpacks[_i].want == 413, whole = false;
	struct packed_event pe = pack_event(unpacks[_i].len, unpacks[_i].plain);
	uint64_t counts[STORE_COUNTS];
	char doc[256];
	struct post p;

	snprintf(doc, sizeof(doc), "{\"scheme\":\"%s\"%s}", unpacks[_i].scheme,
	    unpacks[_i].doc);
	ropt.body_max = 65536;
	close_receive();
	open_receive();
	endpoint("orders", doc, SECRET);
	begin_packed(&p, &pe);
	sign(&p, unpacks[_i].scheme, SECRET, p.call.request.now_ms);
	ck_assert_msg(send(&p) == unpacks[_i].want && logs(&p, unpacks[_i].log),
	    "%s: %s", unpacks[_i].when, p.call.reply.log);
	ck_assert_uint_eq(kept(&whole), unpacks[_i].want != 200);
	ck_assert(whole || unpacks[_i].want == 200);
	store_counts(fx.st, fx.endpoint_id, counts);
	ck_assert_uint_eq(counts[STORE_COUNT_TOO_LARGE], large);
	ck_assert_uint_eq(counts[STORE_COUNT_REFUSED], unpacks[_i].want != 200);
	free(pe.bytes);
}
END_TEST

/* A fault of ours: 503, and it is taken when it comes again. */
START_TEST(without_room_to_unpack_it_is_crowded)
{
	static const char *const by[] = { "nomos", "unpacked", "github",
		"changes" };
	struct packed_event pe = pack_event(1000, false);
	uint64_t counts[STORE_COUNTS];
	char doc[64];
	bool whole;
	struct post p;

	ropt.unpacked_max = 2 * MIB;
	close_receive();
	open_receive();
	snprintf(doc, sizeof(doc), "{\"scheme\":\"%s\"}", by[_i]);
	endpoint("orders", doc, SECRET);
	ck_assert(budget_take(&rc->unpacked, MIB + 1));
	begin_packed(&p, &pe);
	sign(&p, by[_i], SECRET, p.call.request.now_ms);
	ck_assert_msg(send(&p) == 503, "%s", p.call.reply.log);
	ck_assert(logs(&p, "verdict=crowded"));
	ck_assert_int_gt(p.call.reply.retry_after_s, 0);
	ck_assert(!kept(&whole));
	store_counts(fx.st, fx.endpoint_id, counts);
	ck_assert_uint_eq(counts[STORE_COUNT_FAILED], 1);
	ck_assert_uint_eq(counts[STORE_COUNT_REFUSED], 0);
	ck_assert_uint_eq(fx_events(), 0);
	/* A body that is not packed needs none. */
	begin(&p, "/hooks/orders", "{\"id\":\"evt_2\",\"topic\":\"t\"}");
	sign(&p, by[_i], SECRET, p.call.request.now_ms);
	ck_assert_msg(send(&p) == 200, "%s", p.call.reply.log);
	budget_give(&rc->unpacked, MIB + 1);
	begin_packed(&p, &pe);
	sign(&p, by[_i], SECRET, p.call.request.now_ms);
	ck_assert_msg(send(&p) == 200, "%s", p.call.reply.log);
	free(pe.bytes);
}
END_TEST

/*
 * Unpacking costs far more than sending. Before the signature no more comes out
 * than a handshake has, but where the unpacked bytes are those that are signed.
 */
START_TEST(nothing_is_unpacked_for_a_wrong_signature)
{
	static const struct {
		const char *scheme, *doc;
		size_t most;
	} rows[] = {
		{ "nomos", "", 0 },
		{ "requires", "", 0 },
		{ "changes", "", 0 },
		{ "github", "", 0 },
		{ "slack", "", HANDSHAKE_BODY_MAX },
		{ "unpacked", "", MIB },
		{ "unpacked", ",\"body_max\":2097152", 2 * MIB },
	};
	struct packed_event pe = pack_event(2 * MIB, false);
	char doc[128];
	struct post p;

	snprintf(doc, sizeof(doc), "{\"scheme\":\"%s\"%s}", rows[_i].scheme,
	    rows[_i].doc);
	ropt.body_max = 65536;
	close_receive();
	open_receive();
	endpoint("orders", doc, SECRET);
	begin_packed(&p, &pe);
	sign(&p, rows[_i].scheme, "another secret, 0123456789",
	    p.call.request.now_ms);
	most_unpacked = 0;
	ck_assert_int_ge(send(&p), 401);
	ck_assert_msg(most_unpacked <= rows[_i].most, "%s: %zu bytes",
	    rows[_i].scheme, most_unpacked);
	free(pe.bytes);
}
END_TEST

/* Required fields are looked for in a packed body, too. */
START_TEST(a_packed_body_must_hold_what_is_required)
{
	bool packed = _i == 1;
	struct post p;

	endpoint("orders", "{\"scheme\":\"requires\"}", SECRET);
	begin(&p, "/hooks/orders", EVENT);
	if (packed) {
		p.call.request.body = span_of(EVENT_GZ, sizeof(EVENT_GZ) - 1);
		p.call.request.content_length = sizeof(EVENT_GZ) - 1;
		add_header(&p, "content-encoding", "gzip");
	}
	sign(&p, "requires", SECRET, p.call.request.now_ms);
	ck_assert_int_eq(send(&p), 401);
	ck_assert_msg(logs(&p, "a value that the scheme requires is another"),
	    "%s", p.call.reply.log);
}
END_TEST

#define BOUNDARY "multipart/form-data; boundary=\"a'b\""
#define FIELD(name)                                                          \
	"--a'b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" \
	"%s\r\n"
#define ATTACHED                                                           \
	"--a'b\r\nContent-Disposition: form-data; name=\"attachment-1\"; " \
	"filename=\"token\"\r\nContent-Type: "                             \
	"image/png\r\n\r\n\x89PNG\r\n--a\r"                                \
	"\n\r\n"

/* Mailgun's routed mail: the signature stands in a form with files. */
START_TEST(routed_mail_is_read)
{
	static const struct {
		const char *when, *type;
		size_t cut; /* bytes left out at its end */
		int want;
		const char *log;
	} rows[] = {
		{ "with attachments", BOUNDARY, 0, 200,
		    "verdict=accepted endpoint=mail from=127.0.0.1 id=tok" },
		{ "cut short", BOUNDARY, 9, 400, "verdict=unreadable" },
		{ "without its boundary", "multipart/form-data", 0, 400,
		    "verdict=unreadable" },
		{ "of another kind", "multipart/mixed; boundary=a", 0, 400,
		    "verdict=unreadable" },
		{ "no form", "text/plain", 0, 406, "verdict=signature" },
	};
	char json[512], text[2048], now[32], hex[65];
	bool whole = false;
	struct post p;
	size_t i;

	for (i = 0; i < NITEMS(rows); i++) {
		if (i == 0)
			endpoint(
			    "mail", "{\"scheme\":\"mailgun-form\"}", SECRET);
		/* The same MAC as that of its JSON webhooks. */
		mailgun_body(
		    json, sizeof(json), store_now_ms(fx.st), "tok", "x");
		ck_assert_int_eq(
		    sscanf(json,
			"{\"signature\":{\"timestamp\":\"%31[0-9]\",\"token\":"
			"\"tok\",\"signature\":\"%64[0-9a-f]",
			now, hex),
		    2);
		snprintf(text, sizeof(text),
		    FIELD("timestamp") ATTACHED FIELD("token")
			FIELD("signature") FIELD("subject") "--a'b--\r\n",
		    now, "tok", hex, "Hello");
		begin(&p, "/hooks/mail", text);
		p.call.request.body.len -= rows[i].cut;
		p.call.request.content_length -= (int64_t)rows[i].cut;
		p.headers[0].value = span_str(rows[i].type);
		ck_assert_msg(send(&p) == rows[i].want && logs(&p, rows[i].log),
		    "%s: %s", rows[i].when, p.call.reply.log);
		ck_assert_uint_eq(kept(&whole), i);
		ck_assert(whole == (i > 0));
	}
}
END_TEST

/* --- other methods ---------------------------------------------------------
 */

static const struct {
	const char *when, *method, *scheme, *query;
	int64_t length; /* -1: none is declared */
	int want;
	const char *log, *allow;
} methods[] = {
	{ "an event by GET", "GET", "twilio",
	    "CallSid=CA1&CallStatus=completed", -1, 200, "verdict=accepted",
	    NULL },
	{ "one with a length of none", "GET", "twilio", "CallSid=CA1", 0, 200,
	    "verdict=accepted", NULL },
	{ "one with a body", "GET", "twilio", "CallSid=CA1", 5, 413,
	    "verdict=too-large", NULL },
	{ "a parameter twice with one value", "POST", "twilio-body",
	    "bodySHA256=" EMPTY_SHA256 "&bodySHA256=" EMPTY_SHA256, 0, 200,
	    "verdict=accepted", NULL },
	{ "GET where none is taken", "GET", "nomos", "", -1, 405,
	    "verdict=method", "POST" },
	{ "PUT where GET is taken", "PUT", "twilio", "", 0, 405,
	    "verdict=method", "GET, POST" },
	{ "HEAD where GET is taken", "HEAD", "twilio", "", -1, 405,
	    "verdict=method", "GET, POST" },
	{ "PUT where GET alone is taken", "PUT", "by-get", "", 0, 405,
	    "verdict=method", "GET" },
	{ "POST where GET alone is taken", "POST", "by-get", "", 0, 405,
	    "verdict=method", "GET" },
	{ "GET where it alone is taken", "GET", "by-get", "id=7&topic=t", -1,
	    200, "verdict=accepted endpoint=orders from=127.0.0.1 id=7 type=t",
	    NULL },
	{ "a handshake in capitals as documented", "POST", "microsoft-graph",
	    "validationToken=abc", 0, 200, "verdict=handshake", NULL },
	{ "a handshake in small letters", "POST", "microsoft-graph",
	    "validationtoken=abc", 0, 200, "verdict=handshake", NULL },
	{ "a handshake with another's case", "GET", "meta",
	    "HUB.MODE=subscribe&hub.challenge=1", -1, 405, "verdict=method",
	    "POST" },
	{ "an escape that HubSpot decodes", "POST", "hubspot-v3",
	    "a=x%3Ay%2fz&b=%26", 0, 400, "verdict=not-json", NULL },
};

START_TEST(methods_are_the_scheme_s)
{
	struct post p;
	char doc[256];
	struct request *rq = &p.call.request;
	const char *allow;

	snprintf(doc, sizeof(doc),
	    "{\"scheme\":\"%s\",\"public_url\":\"" TWILIO_URL "\"}",
	    methods[_i].scheme);
	endpoint("orders", doc, SECRET);
	begin(&p, "/hooks/orders", "");
	rq->method = span_str(methods[_i].method);
	rq->query = span_str(methods[_i].query);
	rq->content_length = methods[_i].length;
	if (methods[_i].want == 400 &&
	    strcmp(methods[_i].scheme, "hubspot-v3") != 0)
		add_header(&p, "x-twilio-signature", "AAAA");
	else if (methods[_i].want < 405 && methods[_i].query[0] != 'v')
		sign(&p, methods[_i].scheme, SECRET, rq->now_ms);
	ck_assert_msg(send(&p) == methods[_i].want && logs(&p, methods[_i].log),
	    "%s: %s", methods[_i].when, p.call.reply.log);
	allow = p.call.reply.allow;
	ck_assert_msg(
	    methods[_i].allow == NULL
		? allow == NULL
		: allow != NULL && strcmp(allow, methods[_i].allow) == 0,
	    "%s: %s", methods[_i].when, allow);
}
END_TEST

/* The same callback comes again: by its query it is the same. */
START_TEST(a_repeat_by_get_is_a_duplicate)
{
	static const struct {
		const char *query, *want;
	} rows[] = {
		{ "id=7&topic=t&n=1", "accepted" },
		{ "id=7&topic=t&n=1", "duplicate" },
		{ "id=7&topic=t&n=2", "held" },
		{ "topic=t&n=3", "accepted" },
		{ "topic=t&n=3", "duplicate" },
		{ "topic=t&n=4", "accepted" },
	};
	struct store_reader *rd;
	struct event ev;
	struct post p;
	bool found = false;
	size_t i;

	endpoint("orders",
	    "{\"scheme\":\"by-get\",\"public_url\":\"" TWILIO_URL "\"}",
	    SECRET);
	for (i = 0; i < NITEMS(rows); i++) {
		begin(&p, "/hooks/orders", "");
		p.call.request.method = span_str("GET");
		p.call.request.query = span_str(rows[i].query);
		p.call.request.content_length = -1;
		sign(&p, "by-get", SECRET, p.call.request.now_ms);
		ck_assert_int_eq(send(&p), 200);
		ck_assert_msg(
		    says(&p, rows[i].want), "%zu: %s", i, p.call.reply.log);
	}
	ck_assert_int_eq(store_reader_open(fx.st, &rd, &fx.err), 0);
	ck_assert_int_eq(store_reader_next(rd, &ev, &found, &fx.err), 0);
	ck_assert(found && span_is(ev.body, rows[0].query));
	ck_assert(span_is(ev.content_type, URLENCODED));
	store_reader_close(rd);
}
END_TEST

/* --- secrets ------------------------------------------------------------- */

START_TEST(a_previous_secret_ends_at_its_instant)
{
	struct settings set = { "orders", NOMOS, SECRET, STORE_ENDPOINT_ENABLED,
		0, 0 };
	struct post p;

	set.until_ms = store_now_ms(fx.st) + 400;
	fx_change(NULL, put_endpoint, &set, NULL);
	ck_assert_int_eq(post(&p, BODY), 200);
	while (store_now_ms(fx.st) < set.until_ms)
		sched_yield();
	ck_assert_int_eq(post(&p, BODY), 503);
	ck_assert(logs(&p, "keyless"));
}
END_TEST

static int
revoke_secret(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	const struct settings *set = arg;
	struct secret s = { .id = set->secret_id,
		.endpoint_id = fx.endpoint_id,
		.state = SECRET_REVOKED };

	(void)result;
	return store_tx_secret(tx, &s, SPAN_EMPTY, err) < 0
		   ? -1
		   : store_tx_audit(tx, "x", "x", SPAN_EMPTY, err);
}

START_TEST(a_revoked_secret_verifies_nothing_any_more)
{
	struct settings set = endpoint("orders", NOMOS, SECRET);
	struct post early, p;
	int64_t body_max;

	/* One that was let in before the revoke and ends after it. */
	begin(&early, "/hooks/orders", BODY);
	sign(&early, "nomos", SECRET, early.call.request.now_ms);
	ck_assert_int_eq(receive_begin(rc, &early.call, &body_max), 0);
	fx_change(NULL, revoke_secret, &set, NULL);
	if (receive_body(rc, &early.call) == 0) {
		pthread_mutex_lock(&early.mutex);
		while (!early.done)
			pthread_cond_wait(&early.cond, &early.mutex);
		pthread_mutex_unlock(&early.mutex);
	}
	ck_assert_int_eq(early.call.reply.status, 503);
	ck_assert_int_eq(post(&p, BODY), 503);
	ck_assert_uint_eq(fx_events(), 0);
}
END_TEST

START_TEST(rates_are_held)
{
	char body[64];
	struct post p;
	int i, late = 0;

	endpoint("orders", "{\"scheme\":\"nomos\",\"rate\":5}", SECRET);
	for (i = 0; i < 12; i++) {
		snprintf(body, sizeof(body),
		    "{\"id\":\"evt_%d\",\"topic\":\"order.created\"}", i);
		late += post(&p, body) == 429;
	}
	ck_assert_int_ge(late, 5);
	ck_assert_int_le(late, 7);
	ck_assert_uint_eq(fx_events(), 12U - (unsigned)late);
}
END_TEST

/* Whoever repeats a captured request keeps no other event out. */
START_TEST(duplicates_have_a_rate_of_their_own)
{
	struct post p;
	int i, late = 0;

	endpoint("orders", "{\"scheme\":\"nomos\",\"rate\":5}", SECRET);
	ck_assert_int_eq(post(&p, BODY), 200);
	for (i = 0; i < 12; i++)
		late += post(&p, BODY) == 429;
	ck_assert_int_ge(late, 5);
	ck_assert_int_le(late, 7);
	ck_assert_int_eq(
	    post(&p, "{\"id\":\"evt_2\",\"topic\":\"order.created\"}"), 200);
	ck_assert(says(&p, "accepted"));
}
END_TEST

/* Of a client: a /64 is one, whichever of its addresses posts. */
START_TEST(a_rate_of_an_address_is_held)
{
	static const struct {
		const char *from;
		int status;
	} posts[] = {
		{ "2001:db8::1", 200 },
		{ "2001:db8::2", 429 },
		{ "2001:db8:0:1::1", 200 },
		{ "192.0.2.1", 200 },
		{ "::ffff:192.0.2.1", 429 },
		{ "192.0.2.2", 200 },
	};
	struct post p;
	size_t i;

	close_receive();
	ropt.address_rate = 1;
	open_receive();
	endpoint(
	    "orders", "{\"scheme\":\"nomos\",\"allow_http\":true}", SECRET);
	for (i = 0; i < NITEMS(posts); i++) {
		begin(&p, "/hooks/orders", BODY);
		p.call.request.peer = span_str(posts[i].from);
		sign(&p, "nomos", SECRET, p.call.request.now_ms);
		ck_assert_msg(send(&p) == posts[i].status, "%s: %d",
		    posts[i].from, p.call.reply.status);
	}
}
END_TEST

START_TEST(a_captured_test_uses_up_no_rate)
{
	int64_t captured_ms = store_now_ms(fx.st);
	struct post p;
	int i;

	endpoint("orders", "{\"scheme\":\"nomos\",\"rate\":5}", SECRET);
	for (i = 0; i < 30; i++) {
		begin(&p, "/hooks/orders", "{\"topic\":\"test.event\"}");
		sign(&p, "nomos", SECRET, captured_ms);
		(void)send(&p);
	}
	ck_assert_int_eq(post(&p, BODY), 200);
	ck_assert_int_eq(post(&p, "{\"id\":\"evt_2\",\"topic\":\"a\"}"), 200);
}
END_TEST

/* It is refused by its length, counted, and kept by its first bytes. */
START_TEST(a_body_that_is_too_large_is_kept_by_its_head)
{
	static char big[3 * RECEIVE_HEAD_MAX];
	uint64_t counts[STORE_COUNTS];
	struct post p;
	int64_t body_max;
	size_t len;

	memset(big, 'x', sizeof(big) - 1);
	endpoint("orders", NOMOS, SECRET);
	begin(&p, "/hooks/orders", big);
	p.call.request.content_length = 999999;
	ck_assert_int_eq(receive_begin(rc, &p.call, &body_max), 0);
	ck_assert_int_eq(body_max, RECEIVE_HEAD_MAX);
	ck_assert_int_eq(receive_body(rc, &p.call), 1);
	ck_assert_int_eq(p.call.reply.status, 413);
	ck_assert(p.call.reply.close);
	ck_assert(logs(&p, "verdict=too-large"));
	ck_assert(logs(
	    &p, "why=\"999999 bytes are more than receive.body_max 1024\""));
	ck_assert_int_eq(kept_part(&len), QUARANTINE_CUT);
	ck_assert_uint_eq(len, RECEIVE_HEAD_MAX);
	/* The sender went away before that much came. */
	begin(&p, "/hooks/orders", "");
	p.call.request.content_length = 999999;
	ck_assert_int_eq(receive_begin(rc, &p.call, &body_max), 0);
	receive_abort(rc, &p.call, RECEIVE_LATE_BODY);
	ck_assert_int_eq(p.call.reply.status, 413);
	/* Another process asks first; that is no request yet. */
	begin(&p, "/hooks/orders", "");
	p.call.request.content_length = 999999;
	ck_assert_int_eq(receive_begin(rc, &p.call, &body_max), 0);
	receive_go_on(rc, &p.call, body_max);
	ck_assert_ptr_null(p.call.state);
	ck_assert_int_eq(p.call.reply.status, RECEIVE_GO_ON);
	store_counts(fx.st, fx.endpoint_id, counts);
	ck_assert_uint_eq(counts[STORE_COUNT_TOO_LARGE], 2);
	ck_assert_uint_eq(counts[STORE_COUNT_REFUSED], 2);
	/* All memory for bodies is in use: a fault of ours. */
	begin(&p, "/hooks/orders", BODY);
	ck_assert_int_eq(receive_begin(rc, &p.call, &body_max), 0);
	receive_abort(rc, &p.call, RECEIVE_CROWDED);
	ck_assert_int_eq(p.call.reply.status, 503);
	ck_assert_int_gt(p.call.reply.retry_after_s, 0);
	store_counts(fx.st, fx.endpoint_id, counts);
	ck_assert_uint_eq(counts[STORE_COUNT_FAILED], 1);
}
END_TEST

START_TEST(health_reads_memory)
{
	struct post p;

	begin(&p, "/hooks/healthz", "");
	p.call.request.method = span_str("GET");
	ck_assert_int_eq(send(&p), 200);
	ck_assert(says(&p, "\"status\":\"ok\""));
	begin(&p, "/hooks/healthz", "");
	ck_assert_int_eq(send(&p), 405);
}
END_TEST

START_TEST(a_body_that_does_not_come_whole_is_refused)
{
	struct post p;
	int64_t body_max;

	endpoint("orders", NOMOS, SECRET);
	begin(&p, "/hooks/orders", BODY);
	ck_assert_int_eq(receive_begin(rc, &p.call, &body_max), 0);
	ck_assert_int_eq(body_max, 1024);
	receive_abort(rc, &p.call, RECEIVE_LATE_BODY);
	ck_assert_int_eq(p.call.reply.status, 408);
	ck_assert(p.call.reply.close);
	begin(&p, "/hooks/orders", BODY);
	ck_assert_int_eq(receive_begin(rc, &p.call, &body_max), 0);
	receive_abort(rc, &p.call, RECEIVE_SHORT_BODY);
	ck_assert_int_eq(p.call.reply.status, 400);
}
END_TEST

START_TEST(limits_change_between_requests)
{
	struct receive_options opt = {
		.mount = "/in", .body_max = 10, .address_rate = 1
	};
	struct receive_limits *lm = NULL;
	int64_t body_max;
	struct post p;

	endpoint("orders", NOMOS, SECRET);
	begin(&p, "/hooks/orders", BODY);
	sign(&p, "nomos", SECRET, p.call.request.now_ms);
	ck_assert_int_eq(receive_begin(rc, &p.call, &body_max), 0);
	ck_assert_int_eq(receive_limits_make(&opt, &lm, &fx.err), 0);
	receive_configure(rc, lm);
	/* This one began before. */
	if (receive_body(rc, &p.call) == 0) {
		pthread_mutex_lock(&p.mutex);
		while (!p.done)
			pthread_cond_wait(&p.cond, &p.mutex);
		pthread_mutex_unlock(&p.mutex);
	}
	ck_assert_int_eq(p.call.reply.status, 200);
	begin(&p, "/hooks/orders", BODY);
	ck_assert_int_eq(send(&p), 404);
	begin(&p, "/in/orders", BODY);
	ck_assert_int_eq(send(&p), 413);
	begin(&p, "/in/orders", BODY);
	ck_assert_int_eq(send(&p), 429);
	opt.trusted_proxies = "no address";
	ck_assert_int_eq(receive_limits_make(&opt, &lm, &fx.err), -1);
}
END_TEST

START_TEST(other_schemes_change_entries_at_once)
{
	const struct registry_endpoint *before, *after;
	struct scheme_set *none = NULL, *held;
	const char *dirs[] = { "/nowhere" };
	struct post p;

	endpoint("orders", NOMOS, SECRET);
	before = registry_get(rg, span_str("orders"));
	ck_assert_int_eq(
	    scheme_set_load(dirs, 1, NULL, NULL, &none, &fx.err), 0);
	/* An endpoint that works would not: nothing is changed. */
	ck_assert_int_eq(registry_take_schemes(rg, NULL, none, &fx.err), -1);
	ck_assert_int_eq(fx.err.code, ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(fx.err.text, "endpoint orders"));
	after = registry_get(rg, span_str("orders"));
	ck_assert_ptr_eq(before, after);
	registry_put(after);
	ck_assert_int_eq(registry_take_schemes(rg, none, schemes, &fx.err), -1);
	ck_assert_int_eq(fx.err.code, ERR_CONFLICT);
	ck_assert_int_eq(registry_take_schemes(rg, NULL, schemes, &fx.err), 0);
	after = registry_get(rg, span_str("orders"));
	ck_assert_ptr_ne(before, after);
	ck_assert_uint_eq(before->generation, after->generation);
	registry_put(before);
	registry_put(after);
	held = registry_hold_schemes(rg);
	ck_assert_ptr_eq(held, schemes);
	scheme_set_free(held);
	scheme_set_free(none);
	ck_assert_int_eq(post(&p, BODY), 200);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("receive");
	TCase *tc = tcase_create("receive");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, accepted_then_duplicate);
	tcase_add_test(tc, limits_change_between_requests);
	tcase_add_test(tc, other_schemes_change_entries_at_once);
	tcase_add_test(tc, test_events_are_acked_each_time);
	tcase_add_test(tc, a_captured_test_fills_no_log);
	tcase_add_test(tc, what_is_not_selected_is_acked_and_not_stored);
	tcase_add_loop_test(
	    tc, heads_are_judged_in_order, 0, (int)NITEMS(heads));
	tcase_add_loop_test(
	    tc, nowhere_is_logged_and_counted, 0, (int)NITEMS(nowhere));
	tcase_add_test(tc, long_path_is_cut_in_the_log);
	tcase_add_test(tc, states_of_an_endpoint);
	tcase_add_loop_test(tc, bodies_are_judged, 0, (int)NITEMS(bodies));
	tcase_add_test(tc, a_doubled_header_is_refused);
	tcase_add_test(tc, a_body_without_id_is_known_by_its_digest);
	tcase_add_test(tc, a_captured_body_does_not_come_back_under_a_new_id);
	tcase_add_test(tc, a_captured_token_carries_no_other_event);
	tcase_add_loop_test(
	    tc, bodies_are_taken_as_they_come, 0, (int)NITEMS(really));
	tcase_add_test(tc, a_packed_body_is_stored_as_it_came);
	tcase_add_loop_test(tc, nothing_unpacked_waits_for_the_store, 0, 3);
	tcase_add_loop_test(
	    tc, what_unpacks_to_too_much_is_too_large, 0, (int)NITEMS(unpacks));
	tcase_add_loop_test(tc, without_room_to_unpack_it_is_crowded, 0, 4);
	tcase_add_loop_test(
	    tc, nothing_is_unpacked_for_a_wrong_signature, 0, 7);
	tcase_add_loop_test(tc, a_packed_body_must_hold_what_is_required, 0, 2);
	tcase_add_test(tc, routed_mail_is_read);
	tcase_add_loop_test(
	    tc, methods_are_the_scheme_s, 0, (int)NITEMS(methods));
	tcase_add_test(tc, a_repeat_by_get_is_a_duplicate);
	tcase_add_test(tc, a_previous_secret_ends_at_its_instant);
	tcase_add_test(tc, a_revoked_secret_verifies_nothing_any_more);
	tcase_add_test(tc, rates_are_held);
	tcase_add_test(tc, duplicates_have_a_rate_of_their_own);
	tcase_add_test(tc, a_rate_of_an_address_is_held);
	tcase_add_test(tc, a_captured_test_uses_up_no_rate);
	tcase_add_test(tc, health_reads_memory);
	tcase_add_test(tc, a_body_that_is_too_large_is_kept_by_its_head);
	tcase_add_test(tc, a_body_that_does_not_come_whole_is_refused);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
