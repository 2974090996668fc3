/* signature.c: mistakes in how the signature is written. */
#include "lib/explain/impl.h"

#include <string.h>

#include "lib/base/util.h"
#include "lib/scheme/resolve.h"

#define TEXT_MAX 512 /* bytes of a signature as text */
#define SHORT_LEAST 8 /* letters of a signature that was cut short */

/* What others put before a signature. */
static const char *const prefixes[] = { "hmac-sha256-hex=", "hmac-sha256=",
	"sha256=", "sha512=", "sha1=", "signature=", "v1a,", "v1=", "v1,",
	"v0=", "h1=", "s=" };

static const struct {
	enum encoding enc;
	const char *word;
} encodings[] = {
	{ ENCODING_HEX, "hex" },
	{ ENCODING_BASE64, "base64" },
	{ ENCODING_BASE64URL, "base64url" },
};

static const char *
encoding_word(enum encoding enc)
{
	size_t i;

	for (i = 0; i < NITEMS(encodings); i++)
		if (encodings[i].enc == enc)
			return encodings[i].word;
	return "text";
}

/* --- the signature that would be right ------------------------------------ */

struct right {
	unsigned char bytes[HASH_SIZE_MAX];
	size_t len; /* 0: there is none to be made */
};

/* Under the secret, over what the request's header says is signed. */
static int
make_right(struct inquiry *q, const struct explain_secret *s,
    struct span header, struct right *out)
{
	const struct scheme *sc = &q->timeless;
	struct resolver rs;
	struct span content[TEMPLATE_PIECES_MAX];
	struct scheme_key *key = NULL;
	const struct piece *culprit;
	enum resolve_outcome how = RESOLVE_OK;
	struct err why = ERR_INIT;
	int ret = -1;

	out->len = 0;
	if (sc->algorithm->kind != ALGORITHM_HMAC)
		return 0;
	resolver_init(&rs, sc, q->ask->in);
	rs.items = header;
	if (scheme_first_element(sc, &rs, &why) < 0 ||
	    scheme_key_make(sc, s->text, &key, &why) < 0 ||
	    resolve_template(&rs, &sc->content, content, &how, &culprit, &why) <
		0 ||
	    (how == RESOLVE_OK && hmac_parts(key->hmac, content, sc->content.n,
				      out->bytes, &why) < 0))
		goto out;
	if (how == RESOLVE_OK)
		out->len = hash_size(sc->algorithm->hash);
	ret = 0;
out:
	if (ret < 0 && (why.code == ERR_INPUT || why.code == ERR_CONFIG))
		ret = 0; /* no key, or nothing to sign: another mistake */
	else if (ret < 0)
		*q->err = why;
	resolver_free(&rs);
	scheme_key_free(key);
	return ret;
}

/* --- what was sent -------------------------------------------------------- */

static int
hex_value(unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);

	return c == '\0' || at == NULL ? -1 : (int)(at - digits);
}

/*
 * The bare signature: quotes, a prefix and blanks cut, escapes of URLs undone,
 * and a plus that became a blank.
 */
static struct span
bare(struct span item, const char *own, char text[TEXT_MAX])
{
	const unsigned char *p = item.ptr;
	size_t i, n = 0;
	int high, low;

	for (i = 0; i < item.len && n < TEXT_MAX; i++) {
		if (p[i] == '"' || p[i] == '\'')
			continue;
		high = i + 2 < item.len ? hex_value(p[i + 1]) : -1;
		low = i + 2 < item.len ? hex_value(p[i + 2]) : -1;
		if (p[i] == '%' && high >= 0 && low >= 0) {
			text[n++] = (char)(high * 16 + low);
			i += 2;
		} else {
			text[n++] = (char)(p[i] == ' ' ? '+' : p[i]);
		}
	}
	item = span_of(text, n);
	if (own != NULL && span_starts(item, own))
		return span_skip(item, strlen(own));
	for (i = 0; i < NITEMS(prefixes); i++)
		if (span_starts(item, prefixes[i]))
			return span_skip(item, strlen(prefixes[i]));
	return item;
}

/* Is text these bytes in any encoding? */
static bool
reads_as(struct span text, const struct right *want, enum encoding *enc)
{
	unsigned char bytes[TEXT_MAX];
	char padded[TEXT_MAX + 4];
	size_t i, len, n = text.len;

	if (text.len > TEXT_MAX)
		return false;
	memcpy(padded, text.ptr, text.len);
	while (n % 4 != 0)
		padded[n++] = '=';
	for (i = 0; i < NITEMS(encodings); i++) {
		*enc = encodings[i].enc;
		if ((encode_read(*enc, text, bytes, sizeof(bytes), &len) ||
			(*enc == ENCODING_BASE64 &&
			    encode_read(*enc, span_of(padded, n), bytes,
				sizeof(bytes), &len))) &&
		    len == want->len && hmac_same(bytes, want->bytes, len))
			return true;
	}
	return false;
}

/* Is text the beginning of these bytes as the scheme writes them? */
static bool
begins(struct span text, const struct right *want, enum encoding enc,
    size_t *full, struct err *err)
{
	struct buf whole = BUF_INIT(TEXT_MAX);
	bool same = false;
	size_t i;

	if (encode_put(enc, span_of(want->bytes, want->len), &whole, err) < 0)
		goto out;
	*full = whole.len;
	same = text.len >= SHORT_LEAST && text.len < whole.len;
	for (i = 0; same && i < text.len; i++)
		same = whole.ptr[i] == ((const unsigned char *)text.ptr)[i] ||
		       (enc == ENCODING_HEX &&
			   hex_value(whole.ptr[i]) ==
			       hex_value(((const unsigned char *)text.ptr)[i]));
out:
	buf_wipe(&whole);
	return same;
}

static int
judge_item(struct inquiry *q, struct span item, const struct right *want)
{
	const struct scheme *sc = q->ask->scheme;
	char text[TEXT_MAX];
	struct span sent = bare(item, sc->prefix, text);
	enum encoding enc;
	size_t i, full = 0;

	if (reads_as(sent, want, &enc))
		return inquiry_found(q, EXPLAIN_ENCODING,
		    "the signature is right, but written otherwise: it came "
		    "as %s%s, and the scheme has %s%s%s",
		    encoding_word(enc),
		    enc == sc->sig_enc ? " with another prefix or in escapes"
				       : "",
		    encoding_word(sc->sig_enc),
		    sc->prefix == NULL ? "" : " behind ",
		    sc->prefix == NULL ? "" : sc->prefix);
	for (i = 0; i < NITEMS(encodings); i++)
		if (begins(sent, want, encodings[i].enc, &full, q->err))
			return inquiry_found(q, EXPLAIN_TRUNCATED,
			    "the signature is right as far as it goes, but "
			    "only %zu of its %zu letters came",
			    sent.len, full);
	return 0;
}

/* --- all of it ------------------------------------------------------------ */

static int
judge_header(struct inquiry *q, struct span header)
{
	const struct explain_secret *s;
	struct right want;
	struct span rest;
	size_t i;
	int ret = 0;

	for (i = 0; i < q->ask->nsecrets && ret == 0; i++) {
		s = &q->ask->secrets[i];
		if (!inquiry_is_live(s))
			continue;
		ret = make_right(q, s, header, &want);
		rest = header;
		while (ret == 0 && want.len > 0 && rest.len > 0)
			ret = judge_item(q,
			    resolve_next_item(&rest, q->timeless.split), &want);
		/* A list of one that the scheme has no list for. */
		if (ret == 0 && want.len > 0 && q->timeless.split != '\0')
			ret = judge_item(q, header, &want);
		bytes_wipe(&want, sizeof(want));
	}
	return ret;
}

int
try_encoding(struct inquiry *q)
{
	const struct scheme *sc = q->ask->scheme;
	struct span value;
	size_t i;
	int ret = 0;

	for (i = 0; i < sc->nsig_from && ret == 0; i++)
		if (sc->sig_from[i].kind == PIECE_HEADER &&
		    request_header(q->ask->in->request, sc->sig_from[i].arg,
			&value) == 1 &&
		    value.len > 0)
			ret = judge_header(q, value);
	return ret;
}

int
try_secret_sent(struct inquiry *q)
{
	const struct scheme *sc = q->ask->scheme;
	char name[INQUIRY_NAME_MAX];
	struct span value;
	size_t i;
	int at;

	if (sc->algorithm->kind == ALGORITHM_EQUAL ||
	    sc->algorithm->kind == ALGORITHM_PUBKEY)
		return 0;
	for (i = 0; i < sc->nsig_from; i++) {
		if (sc->sig_from[i].kind != PIECE_HEADER ||
		    request_header(
			q->ask->in->request, sc->sig_from[i].arg, &value) != 1)
			continue;
		at = explain_finds_secret(q->ask, value);
		if (at < 0)
			continue;
		inquiry_name(&q->ask->secrets[at], name);
		return inquiry_found(q, EXPLAIN_SECRET_SENT,
		    "in place of a signature came %s itself", name);
	}
	return 0;
}
