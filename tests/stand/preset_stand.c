/* preset_stand.c: the receiver, and what came of each post. */
#include "tests/stand/preset_stand.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/stand/store_fixture.h"

struct preset presets[PRESETS_MAX];
size_t npresets;

static const char *const property_words[] = {
	[UNSIGNED_HEADERS] = "a: headers that are not signed",
	[OTHER_ENCODING] = "b: another encoding of what is signed",
	[MOVED_SEPARATORS] = "c: separators moved",
	[ALL_TYPES] = "d: under every type",
	[TRUE_RETRY] = "e: a true retry",
	[TWO_EVENTS] = "f: two genuine events",
	[LATER_SELECTED] = "g: ignored, refused or held, then once more",
};

static const char *const class_words[] = {
	[CLASS_TOKEN] = "a token",
	[CLASS_BODY_UNCOVERED] = "the body is not covered",
	[CLASS_NO_ID] = "no id",
	[CLASS_ID_UNSIGNED] = "an id that is not signed",
	[CLASS_ID_AMBIGUOUS] = "an ambiguous id",
	[CLASS_ID_SIGNED] = "a signed id",
};

static struct scheme_set *schemes, *broken_schemes;
static struct registry *rg;
static struct receive *rc;
static unsigned serial; /* of the occurrence made last */

/* How often each outcome came, and what was found wrong. */
static struct {
	unsigned presets, requests, outcomes[OUTCOMES];
} tally[PROPERTIES][CLASSES];
static unsigned failures;
static bool counted[PROPERTIES][PRESETS_MAX];

/* --- the receiver --------------------------------------------------------- */

static void
open_receive(const struct scheme_set *set)
{
	static const struct receive_options opt = { .mount = "/hooks",
		.body_max = 65536 };

	ck_assert_int_eq(registry_open(fx.st, set, &rg, &fx.err), 0);
	ck_assert_int_eq(receive_open(&opt, fx.st, rg, &rc, &fx.err), 0);
}

static void
close_receive(void)
{
	receive_close(rc);
	registry_close(rg);
}

struct adding_preset {
	const char *name, *events;
	const struct preset *ps;
	uint64_t id; /* of an endpoint that is there already; else 0 */
};

static int
put_endpoint(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	const struct adding_preset *add = arg;
	const struct scheme *sc = add->ps->sc;
	struct store_endpoint ep = { .state = STORE_ENDPOINT_ENABLED };
	struct secret s = { .state = SECRET_CURRENT };
	struct buf doc = BUF_INIT(ENDPOINT_DOC_MAX);
	size_t i;
	int ret = -1;

	(void)result;
	ep.id = add->id;
	snprintf(ep.name, sizeof(ep.name), "%s", add->name);
	if (buf_printf(&doc, err,
		"{\"scheme\":\"%s\",\"public_url\":\"" PROVIDER_URL
		"\",\"allow_http\":true,\"params\":{",
		sc->name) < 0)
		goto out;
	for (i = 0; scheme_param(sc, i) != NULL; i++)
		if (buf_printf(&doc, err, "%s\"%s\":\"" PROVIDER_PARAM "\"",
			i == 0 ? "" : ",", scheme_param(sc, i)) < 0)
			goto out;
	if (buf_puts(&doc, "}", err) < 0 ||
	    (add->events != NULL &&
		buf_printf(&doc, err, ",\"events\":\"%s\"", add->events) < 0) ||
	    buf_puts(&doc, "}", err) < 0)
		goto out;
	ep.doc = buf_span(&doc);
	if (store_tx_endpoint(tx, &ep, err) < 0)
		goto out;
	s.endpoint_id = ep.id;
	if (add->id == 0 && store_tx_secret(tx, &s,
				buf_span(&add->ps->provider.secret), err) < 0)
		goto out;
	ret = store_tx_audit(tx, "x", "x", SPAN_EMPTY, err);
out:
	buf_free(&doc);
	return ret;
}

static void
endpoint(const struct preset *ps, const char *name, const char *events)
{
	struct adding_preset add = { name, events, ps, 0 };
	const struct registry_endpoint *had = registry_get(rg, span_str(name));

	if (had != NULL) {
		add.id = had->id;
		registry_put(had);
	}
	fx_change(NULL, put_endpoint, &add, NULL);
}

struct post {
	struct receive_call call;
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

void
preset_complain(const struct preset *ps, enum property prop, const char *what,
    const char *log)
{
	failures++;
	printf("FAILED %s, %s: %s\n    %s\n", ps->sc->name,
	    property_words[prop], what, log);
}

void
preset_expect(const struct preset *ps, enum property prop, const char *what,
    enum outcome out, unsigned allowed, const char *log)
{
	if ((allowed & 1U << out) == 0)
		preset_complain(ps, prop, what, log);
}

enum outcome
preset_post(const struct preset *ps, enum property prop, const char *name,
    const struct draft *d, char log[STAND_LOG])
{
	static const char *const words[] = { [ACCEPTED] = "verdict=accepted",
		[DUPLICATE] = "verdict=duplicate",
		[HELD] = "verdict=held",
		[IGNORED] = "verdict=ignored" };
	char path[128];
	struct post one, *p = &one;
	int64_t body_max = -1;
	enum outcome out;
	int ret;

	memset(p, 0, sizeof(*p));
	pthread_mutex_init(&p->mutex, NULL);
	pthread_cond_init(&p->cond, NULL);
	snprintf(path, sizeof(path), "/hooks/%s", name);
	p->call.done = on_done;
	p->call.arg = p;
	p->call.request = d->request;
	p->call.request.path = span_str(path);
	p->call.request.peer = span_str("127.0.0.1");
	p->call.request.content_length = (int64_t)d->request.body.len;
	p->call.request.now_ms = store_now_ms(fx.st);
	ret = receive_begin(rc, &p->call, &body_max);
	if (ret == 0)
		ret = receive_body(rc, &p->call);
	pthread_mutex_lock(&p->mutex);
	while (ret == 0 && !p->done)
		pthread_cond_wait(&p->cond, &p->mutex);
	pthread_mutex_unlock(&p->mutex);
	memcpy(log, p->call.reply.log, STAND_LOG);
	for (out = ACCEPTED; out < REFUSED; out++)
		if (strstr(log, words[out]) != NULL)
			break;
	if (p->call.reply.status >= 500)
		preset_complain(ps, prop, "a fault of ours", log);
	if (!counted[prop][ps - presets])
		tally[prop][ps->class].presets++;
	counted[prop][ps - presets] = true;
	tally[prop][ps->class].requests++;
	tally[prop][ps->class].outcomes[out]++;
	return out;
}

enum outcome
preset_tell(struct preset *ps, enum property prop, const char *name,
    const struct occurrence *ev, char log[STAND_LOG])
{
	struct draft d = { .request.nheaders = 0 };
	enum outcome out;

	provider_tells(&ps->provider, ev, &d);
	out = preset_post(ps, prop, name, &d, log);
	draft_free(&d);
	return out;
}

/* --- occurrences ---------------------------------------------------------- */

int64_t
stand_now_ms(void)
{
	return store_now_ms(fx.st);
}

unsigned
stand_serial(void)
{
	return serial;
}

struct occurrence *
stand_happens(struct told *t)
{
	serial++;
	snprintf(t->id, sizeof(t->id), "id%u", serial);
	snprintf(t->other, sizeof(t->other), "other%u", serial);
	snprintf(t->data, sizeof(t->data), "data %u.x y", serial);
	t->ev = (struct occurrence){ .id = t->id,
		.type = "sel.a",
		.action = "act",
		.other = t->other,
		.data = t->data,
		.element = { "-1", "-2" },
		.ms = stand_now_ms() - 3000,
		.attempt = 1 };
	return &t->ev;
}

bool
preset_can_tell(const struct preset *ps)
{
	const struct scheme *sc = ps->sc;

	if (ps->class == CLASS_TOKEN)
		return false;
	return sc->repeats != SCHEME_REPEATS_ALWAYS || scheme_time_signed(sc);
}

/* --- all presets ---------------------------------------------------------- */

static enum preset_class
class_of(const struct scheme *sc)
{
	bool is_ambiguous = false;
	size_t i;

	for (i = 0; i < sc->nids; i++)
		is_ambiguous = is_ambiguous || sc->ids[i].is_ambiguous;
	if (sc->algorithm->kind == ALGORITHM_EQUAL)
		return CLASS_TOKEN;
	if (!scheme_covers_body(sc))
		return CLASS_BODY_UNCOVERED;
	if (sc->nids == 0)
		return CLASS_NO_ID;
	if (is_ambiguous)
		return CLASS_ID_AMBIGUOUS;
	return scheme_id_signed(sc) ? CLASS_ID_SIGNED : CLASS_ID_UNSIGNED;
}

static void
say_broken(void *arg, const struct err *err)
{
	(void)arg;
	printf("%s\n", err->text);
}

/* The presets once more, each of which reads a member that no body has. */
static void
break_schemes(void)
{
	static const char member[] = "\"required\": [\"/broken.by.test\"";
	char dir[128], path[256];
	const char *dirs[] = { dir }, *text, *at;
	FILE *f;
	size_t i;

	snprintf(dir, sizeof(dir), "%s/schemes", fx.folder);
	fx_shell("mkdir ${1%/store}/schemes");
	for (i = 0; i < scheme_set_count(schemes); i++) {
		const struct scheme *sc = scheme_set_at(schemes, i);

		snprintf(path, sizeof(path), "%s/%s.json", dir, sc->name);
		f = fopen(path, "w");
		ck_assert_ptr_nonnull(f);
		text = sc->text;
		at = strstr(text, "\"required\": [");
		if (at != NULL)
			fprintf(f, "%.*s%s, %s", (int)(at - text), text, member,
			    at + strlen("\"required\": ["));
		else
			fprintf(f, "{%s], %s%s", member,
			    sc->body_is_json ? "" : "\"body\": \"json\", ",
			    strchr(text, '{') + 1);
		fclose(f);
	}
	ck_assert_int_eq(scheme_set_load(dirs, 1, say_broken, NULL,
			     &broken_schemes, &fx.err),
	    0);
}

static void
add_preset(const struct scheme *sc)
{
	struct preset *ps = &presets[npresets++];

	ck_assert_uint_le(npresets, PRESETS_MAX);
	ps->sc = sc;
	ps->class = class_of(sc);
	ps->type_unsigned = scheme_has_type(sc) && !scheme_type_signed(sc);
	provider_open(&ps->provider, sc);
	snprintf(ps->all, 80, "a-%s", sc->name);
	snprintf(ps->selects, 80, "s-%s", sc->name);
	snprintf(ps->later, 80, "l-%s", sc->name);
	snprintf(ps->broken, 80, "b-%s", sc->name);
	endpoint(ps, ps->all, NULL);
	endpoint(ps, ps->selects, "sel.*");
	endpoint(ps, ps->later, "zzz.*");
	endpoint(ps, ps->broken, NULL);
}

void
stand_begin(void)
{
	const char *top = getenv("top_srcdir"), *dirs[1];
	char dir[512];
	size_t i;

	snprintf(dir, sizeof(dir), "%s/conf/schemes", top == NULL ? ".." : top);
	dirs[0] = dir;
	/* In memory: thousands of requests, one by one. */
	fx_setup_below(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	ck_assert_int_eq(
	    scheme_set_load(dirs, 1, NULL, NULL, &schemes, &fx.err), 0);
	ck_assert_uint_gt(scheme_set_count(schemes), 100);
	break_schemes();
	open_receive(broken_schemes);
	for (i = 0; i < scheme_set_count(schemes); i++)
		add_preset(scheme_set_at(schemes, i));
}

void
stand_mend_schemes(void)
{
	close_receive();
	open_receive(schemes);
}

void
stand_select_all(void)
{
	size_t i;

	for (i = 0; i < npresets; i++)
		endpoint(&presets[i], presets[i].later, NULL);
}

void
stand_end(void)
{
	size_t i;

	close_receive();
	for (i = 0; i < npresets; i++)
		provider_close(&presets[i].provider);
	scheme_set_free(schemes);
	scheme_set_free(broken_schemes);
	fx_teardown();
}

unsigned
stand_report(void)
{
	enum property prop;
	enum preset_class cl;

	printf("%zu presets\n", npresets);
	for (prop = 0; prop < PROPERTIES; prop++) {
		printf("%s\n", property_words[prop]);
		for (cl = 0; cl < CLASSES; cl++)
			if (tally[prop][cl].requests > 0)
				printf("  %-26s%4u presets%6u requests: "
				       "%u accepted, %u duplicate, %u held, "
				       "%u ignored, %u refused\n",
				    class_words[cl], tally[prop][cl].presets,
				    tally[prop][cl].requests,
				    tally[prop][cl].outcomes[ACCEPTED],
				    tally[prop][cl].outcomes[DUPLICATE],
				    tally[prop][cl].outcomes[HELD],
				    tally[prop][cl].outcomes[IGNORED],
				    tally[prop][cl].outcomes[REFUSED]);
	}
	return failures;
}
