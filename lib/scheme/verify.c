/* verify.c: holds the signatures of a request against the keys of a scheme. */
#include "lib/scheme/verify.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json/scan.h"
#include "lib/scheme/impl.h"
#include "lib/scheme/resolve.h"

/* More signatures than any sender has keys for. */
#define SIGNATURES_MAX 32
#define SIGNATURE_BYTES_MAX PUBKEY_SIGNATURE_MAX /* the longest there is */

/* A signature that was sent. */
struct candidate {
	struct span text; /* for ALGORITHM_EQUAL */
	unsigned char bytes[SIGNATURE_BYTES_MAX];
	size_t len;
};

/* One judgement under way. */
struct judge {
	const struct scheme *sc;
	struct scheme_key *const *keys;
	size_t nkeys;
	const struct verify_input *in;
	struct resolver rs;
	struct verify_result *result;
	struct err *err;
	const char *prefix; /* of the version that counts, and its content */
	const struct template *template;
	bool prefixed; /* an item that begins with prefix was met */
	size_t ncandidates;
	struct candidate candidates[SIGNATURES_MAX];
	struct span content[TEMPLATE_PIECES_MAX];
	struct buf contents; /* digests, of elements that are signed each */
};

/* Sets the verdict. Returns 1: judged. */
static int
verdict(struct judge *j, enum verify_verdict v, const char *reason)
{
	j->result->verdict = v;
	j->result->reason = reason;
	return 1;
}

/*
 * What a piece that did not resolve means. An item that is absent from a
 * header that is there makes the header wrong, not missing; and where the body
 * must be JSON and is none, nothing is missing from it.
 */
static int
unresolved(struct judge *j, const struct piece *p, enum resolve_outcome how)
{
	if (how == RESOLVE_ABSENT && p->kind == PIECE_JSON &&
	    j->sc->body_is_json && j->rs.body_is_json < 0)
		return verdict(j, VERIFY_UNREADABLE,
		    j->rs.is_json_not_taken ? RESOLVE_NOT_TAKEN
					    : RESOLVE_NOT_JSON);
	if (how == RESOLVE_UNREADABLE)
		return verdict(
		    j, VERIFY_UNREADABLE, resolver_reason(&j->rs, p, how));
	if (how == RESOLVE_ABSENT)
		return verdict(j,
		    p->kind == PIECE_ITEM || p->kind == PIECE_HEADERS
			? VERIFY_INVALID
			: VERIFY_MISSING,
		    p->absent);
	return verdict(j, VERIFY_INVALID, p->broken);
}

/* --- the signatures that were sent --------------------------------------- */

/* Takes the items of one value that are signatures. */
static int
take_items(struct judge *j, struct span value, const char *prefix)
{
	const struct scheme *sc = j->sc;
	struct candidate *c;
	struct span item;

	while (value.len > 0) {
		item = resolve_next_item(&value, sc->split);
		if (prefix != NULL) {
			if (!span_starts(item, prefix))
				continue;
			item = span_skip(item, strlen(prefix));
			j->prefixed = true;
		}
		if (item.len == 0)
			continue;
		if (j->ncandidates == SIGNATURES_MAX)
			return verdict(j, VERIFY_INVALID,
			    "more signatures than anybody sends");
		c = &j->candidates[j->ncandidates];
		c->text = item;
		/* What cannot be decoded is no signature; others may be. */
		if (sc->algorithm->kind == ALGORITHM_EQUAL ||
		    encode_read(
			sc->sig_enc, item, c->bytes, sizeof(c->bytes), &c->len))
			j->ncandidates++;
	}
	return 0;
}

static int
take_numbered(struct judge *j, const struct piece *from, size_t *found)
{
	const struct request *rq = j->in->request;
	size_t i;

	for (i = 0; i < rq->nheaders; i++)
		if (rq->headers[i].value.len > 0 &&
		    request_is_numbered(rq->headers[i].name, from->arg)) {
			(*found)++;
			if (take_items(j, rq->headers[i].value, j->prefix) != 0)
				return 1;
		}
	return 0;
}

/* 0 when there is something to compare, 1 judged, -1 failed. */
static int
take_version(struct judge *j)
{
	const struct scheme *sc = j->sc;
	bool bare, equal = sc->algorithm->kind == ALGORITHM_EQUAL;
	enum resolve_outcome how;
	const char *reason;
	struct span value;
	size_t i, found = 0;

	for (i = 0; i < sc->nsig_from; i++) {
		if (sc->sig_from[i].numbered) {
			if (take_numbered(j, &sc->sig_from[i], &found) != 0)
				return 1;
			continue;
		}
		if (resolve_piece(&j->rs, &sc->sig_from[i], &how, &value,
			&reason, j->err) < 0)
			return -1;
		if (how != RESOLVE_OK && how != RESOLVE_ABSENT)
			return unresolved(j, &sc->sig_from[i], how);
		if (how == RESOLVE_ABSENT)
			continue;
		found++;
		j->rs.items = value;
		/* "Bearer " and its like stand in headers alone. */
		bare = equal && sc->sig_from[i].kind != PIECE_HEADER;
		if (take_items(j, value, bare ? NULL : j->prefix) != 0)
			return 1;
	}
	if (found == 0)
		return unresolved(j, &sc->sig_from[0], RESOLVE_ABSENT);
	return 0;
}

/* The older version counts where the newer is not even tried. */
static int
take_signatures(struct judge *j)
{
	const struct scheme *sc = j->sc;
	int judged;

	j->prefix = sc->prefix;
	j->template = &sc->content;
	judged = take_version(j);
	if (judged != 0 || j->prefixed || sc->older.prefix == NULL)
		return judged;
	j->prefix = sc->older.prefix;
	j->template = &sc->older.content;
	return take_version(j);
}

/* --- what must be there -------------------------------------------------- */

/* Gives the required value: the scheme's, or the endpoint's param. */
static int
required_value(struct judge *j, const struct requirement *rq, struct span *want)
{
	const struct piece param = { .kind = PIECE_PARAM, .arg = rq->value };
	enum resolve_outcome how;
	const char *ignored;

	*want = span_str(rq->value);
	if (!rq->is_param)
		return 0;
	return resolve_piece(&j->rs, &param, &how, want, &ignored, j->err);
}

/* Does it stand in the body? */
static bool
is_in_body(const struct piece *p)
{
	return p->kind == PIECE_JSON || p->kind == PIECE_FORM;
}

/*
 * A packed body is unpacked for nobody who has not signed it, where that can
 * be: what it must hold is looked at behind the signature then.
 */
static int
check_required(struct judge *j, bool behind)
{
	bool packed = body_coding(j->in->request).len > 0;
	const struct requirement *rq;
	enum resolve_outcome how;
	const char *reason;
	struct span value, want;
	size_t i;

	for (i = 0; i < j->sc->nrequire; i++) {
		rq = &j->sc->require[i];
		if ((packed && is_in_body(&rq->from)) != behind)
			continue;
		if (resolve_piece(
			&j->rs, &rq->from, &how, &value, &reason, j->err) < 0)
			return -1;
		if (how != RESOLVE_OK)
			return unresolved(j, &rq->from, how);
		if (required_value(j, rq, &want) < 0)
			return -1;
		if (!span_eq(value, want))
			return verdict(j, VERIFY_INVALID,
			    rq->is_param
				? "a value is not that of the endpoint's param"
				: "a value that the scheme requires is "
				  "another");
	}
	return 0;
}

/* The signed bytes, for one form of the URL. */
static int
read_content(struct judge *j, enum url_port port)
{
	const struct piece *culprit;
	enum resolve_outcome how;

	j->rs.port = port;
	if (resolve_template(
		&j->rs, j->template, j->content, &how, &culprit, j->err) < 0)
		return -1;
	if (how != RESOLVE_OK)
		return unresolved(j, culprit, how);
	if (!scheme_join_holds(j->template, j->content))
		return verdict(j, VERIFY_INVALID,
		    "a signed value holds what divides it from the next");
	return 0;
}

/* --- comparing ----------------------------------------------------------- */

/* Remembers the first key that matched, and goes on all the same. */
static void
note_match(struct judge *j, size_t key, bool same)
{
	if (same && j->result->key < 0)
		j->result->key = (int)key;
}

/* MACs and plain digests: one computation a key, held against all. */
static int
compare_hashes(struct judge *j, size_t key)
{
	const struct scheme *sc = j->sc;
	const struct scheme_key *k = j->keys[key];
	unsigned char want[HASH_SIZE_MAX];
	size_t i, size = hash_size(sc->algorithm->hash);
	const struct candidate *c;
	int done;

	if (sc->algorithm->kind == ALGORITHM_HMAC) {
		done = hmac_parts(
		    k->hmac, j->content, j->template->n, want, j->err);
	} else {
		for (i = 0; i < j->template->n; i++)
			if (j->template->pieces[i].kind == PIECE_KEY)
				j->content[i] = span_of(k->bytes, k->len);
		done = hash_parts(sc->algorithm->hash, j->content,
		    j->template->n, want, j->err);
	}
	for (i = 0; done == 0 && i < j->ncandidates; i++) {
		c = &j->candidates[i];
		note_match(
		    j, key, c->len == size && hmac_same(c->bytes, want, size));
	}
	bytes_wipe(want, sizeof(want));
	return done;
}

static int
compare_signatures(struct judge *j, size_t key)
{
	const struct candidate *c;
	bool good;
	size_t i;

	/* Each costs a public-key operation, and a stranger sends them. */
	for (i = 0; i < j->ncandidates && i <= j->nkeys; i++) {
		c = &j->candidates[i];
		if (pubkey_check(j->keys[key]->pubkey,
			span_of(c->bytes, c->len), j->content, j->template->n,
			&good, j->err) < 0)
			return -1;
		note_match(j, key, good);
	}
	return 0;
}

static int
compare_tokens(struct judge *j, size_t key)
{
	const struct scheme_key *k = j->keys[key];
	const struct candidate *c;
	size_t i;

	for (i = 0; i < j->ncandidates; i++) {
		c = &j->candidates[i];
		note_match(j, key,
		    c->text.len == k->len &&
			hmac_same(c->text.ptr, k->bytes, k->len));
	}
	return 0;
}

/* Every key against every signature, whatever matches. */
static int
compare(struct judge *j)
{
	size_t key;
	int done = 0;

	for (key = 0; done == 0 && key < j->nkeys; key++) {
		switch (j->sc->algorithm->kind) {
		case ALGORITHM_HMAC:
		case ALGORITHM_DIGEST:
			done = compare_hashes(j, key);
			break;
		case ALGORITHM_PUBKEY:
			done = compare_signatures(j, key);
			break;
		case ALGORITHM_EQUAL:
			done = compare_tokens(j, key);
			break;
		}
	}
	return done;
}

/* The content that has been read, without {key}. */
static int
digest_parts(struct judge *j, unsigned char out[DIGEST_SHA256])
{
	size_t i;

	for (i = 0; i < j->template->n; i++)
		if (j->template->pieces[i].kind == PIECE_KEY)
			j->content[i] = SPAN_EMPTY;
	return digest_sha256(j->content, j->template->n, out, j->err);
}

/*
 * Of the version that did not verify, but would if the newer signatures were
 * taken away. A request that cannot have such a content cannot come so.
 */
static int
digest_older(struct judge *j)
{
	int judged;

	j->template = &j->sc->older.content;
	judged = read_content(j, URL_PORT_GIVEN);
	if (judged == 0)
		judged = digest_parts(j, j->result->older);
	j->result->has_older = judged == 0;
	return judged < 0 ? -1 : 0;
}

/* Once a signature matched: what the event is known by. */
static int
digest_content(struct judge *j)
{
	bool newest = j->template == &j->sc->content;

	if (!j->in->digests_content || j->template->n == 0)
		return 0;
	/* One form of the URL for both, or two signatures make two events. */
	if (j->sc->ports_both && read_content(j, URL_PORT_GIVEN) != 0)
		return -1;
	if (digest_parts(j, j->result->content) < 0)
		return -1;
	j->result->has_content = true;
	return newest && j->sc->older.prefix != NULL ? digest_older(j) : 0;
}

static int
check_signatures(struct judge *j)
{
	int judged;

	if (j->ncandidates == 0)
		return verdict(j, VERIFY_INVALID,
		    "no signature in the form that the scheme has");
	if (j->nkeys == 0)
		return verdict(j, VERIFY_INVALID, "no secret to compare with");
	if (compare(j) < 0)
		return -1;
	if (j->sc->ports_both) {
		judged = read_content(j, URL_PORT_OTHER);
		if (judged != 0)
			return judged;
		if (compare(j) < 0)
			return -1;
	}
	if (j->result->key < 0)
		return verdict(
		    j, VERIFY_INVALID, "no signature matches a secret");
	return digest_content(j);
}

/* --- what an authentic request must hold besides ------------------------- */

static int
check_digest(struct judge *j)
{
	const struct scheme *sc = j->sc;
	unsigned char want[HASH_SIZE_MAX], sent[HASH_SIZE_MAX];
	enum resolve_outcome how;
	const char *reason;
	struct span value, body;
	size_t len = 0, size = hash_size(sc->digest_hash);

	if (!sc->has_digest)
		return 0;
	if (resolve_piece(
		&j->rs, &sc->digest_from, &how, &value, &reason, j->err) < 0)
		return -1;
	if (how != RESOLVE_OK)
		return unresolved(j, &sc->digest_from, how);
	if (resolver_signed_body(&j->rs, &how, &body, j->err) < 0)
		return -1;
	if (how != RESOLVE_OK)
		return unresolved(j, &sc->digest_from, how);
	if (hash_parts(sc->digest_hash, &body, 1, want, j->err) < 0)
		return -1;
	if (!encode_read(sc->digest_enc, value, sent, sizeof(sent), &len) ||
	    len != size || !hmac_same(sent, want, size))
		return verdict(j, VERIFY_INVALID,
		    "the signed digest is not that of the body");
	return 0;
}

static int
check_time(struct judge *j)
{
	const struct scheme *sc = j->sc;
	int64_t now = j->in->request->now_ms, sent;
	int64_t past_s = sc->past_s, future_s = sc->future_s;
	enum resolve_outcome how;
	const char *reason;
	struct span value;

	if (!sc->has_time)
		return 0;
	if (j->in->tolerance_s >= 0) {
		past_s = j->in->tolerance_s;
		if (future_s >= 0)
			future_s = j->in->tolerance_s;
	}
	if (resolve_piece(
		&j->rs, &sc->time_from, &how, &value, &reason, j->err) < 0)
		return -1;
	/* Without a window, an authentic body may do without its time. */
	if (how == RESOLVE_ABSENT && past_s < 0 && future_s < 0)
		return 0;
	if (how != RESOLVE_OK)
		return unresolved(j, &sc->time_from, how);
	if (!scheme_read_time(sc->time_unit, value, &sent))
		return verdict(j, VERIFY_INVALID,
		    "the time is not in the form that the scheme has");
	/* Seconds are held against seconds: at 300.9 s the age is 300. */
	if (sc->time_unit == TIME_S)
		now -= now % 1000;
	reason =
	    scheme_time_outside(now - sent, past_s, future_s, j->in->horizon_s);
	if (reason == NULL)
		return 0;
	j->result->ahead = sent > now;
	return verdict(j, VERIFY_EXPIRED, reason);
}

/* Of a request, or of one element of a batch. 1 judged, -1 failed. */
static int
judge_one(struct judge *j)
{
	int judged;

	judged = take_signatures(j);
	if (judged == 0)
		judged = check_required(j, false);
	if (judged == 0)
		judged = read_content(j, URL_PORT_GIVEN);
	if (judged == 0)
		judged = check_signatures(j);
	if (judged == 0)
		judged = check_required(j, true);
	if (judged == 0)
		judged = check_digest(j);
	if (judged == 0)
		judged = check_time(j);
	if (judged == 0)
		judged = verdict(j, VERIFY_VALID, "signature matches");
	return judged;
}

/* 0: this one is valid, go on; 1 judged, -1 failed. */
static int
judge_element(void *arg, struct span element, struct err *err)
{
	struct judge *j = arg;
	struct verify_result *result = j->result;
	int first = result->key, judged;

	(void)err; /* the same as j->err */
	j->rs.element = element;
	j->prefixed = false;
	j->ncandidates = 0;
	result->key = -1;
	result->has_content = result->has_older = false;
	judged = judge_one(j);
	resolver_forget(&j->rs);
	if (judged == 1 && result->verdict == VERIFY_VALID)
		judged = 0;
	if (judged == 0 && result->has_content &&
	    buf_put(&j->contents, result->content, sizeof(result->content),
		j->err) < 0)
		return -1;
	if (first >= 0)
		result->key = first;
	return judged;
}

/* The digest of the elements' contents, in whatever order they came. */
static int
digest_elements(struct judge *j)
{
	if (!j->result->has_content)
		return 0;
	if (digest_of_set(&j->contents, j->result->content, j->err) < 0)
		return -1;
	return j->in->element_contents == NULL
		   ? 0
		   : buf_put_span(j->in->element_contents,
			 buf_span(&j->contents), j->err);
}

/* Where each element is signed by itself, all of them must be. */
static int
judge(struct judge *j)
{
	const struct scheme *sc = j->sc;
	int judged;
	size_t i;

	if (!sc->each_signed)
		return judge_one(j);
	judged = resolver_scan(&j->rs, j->err);
	if (judged < 0)
		return -1;
	for (i = 0; j->rs.body_is_json > 0 && judged == 0 && i < sc->neach_at;
	     i++)
		judged = json_each(
		    j->rs.text, sc->each_at[i], judge_element, j, j->err);
	if (judged != 0)
		return judged;
	if (j->result->key < 0)
		return unresolved(j, &sc->sig_from[0], RESOLVE_ABSENT);
	return digest_elements(j) < 0 ? -1 : 1;
}

int
verify_request(const struct scheme *sc, struct scheme_key *const *keys,
    size_t nkeys, const struct verify_input *in, struct verify_result *result,
    struct err *err)
{
	struct verify_result found = VERIFY_RESULT_INIT;
	struct judge j;
	int judged;

	/* Not the candidates: zeroing them costs more than most judging. */
	j.sc = sc;
	j.keys = keys;
	j.nkeys = nkeys;
	j.in = in;
	resolver_init(&j.rs, sc, in);
	j.result = &found;
	j.err = err;
	j.prefixed = false;
	j.ncandidates = 0;
	memset(&j.contents, 0, sizeof(j.contents));
	j.contents.max = (size_t)JSON_TOKENS_MAX * DIGEST_SHA256;
	judged = judge(&j);
	resolver_free(&j.rs);
	buf_free(&j.contents);
	if (judged < 0)
		return -1;
	if (found.verdict != VERIFY_VALID && found.verdict != VERIFY_EXPIRED) {
		found.key = -1;
		found.has_content = found.has_older = false;
	}
	*result = found;
	return 0;
}
