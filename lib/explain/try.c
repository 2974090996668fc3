/* try.c: one attempt at a request: changed here, unchanged there. */
#include "lib/explain/impl.h"

#include <string.h>

#define WORK_LEAST 16384 /* what an attempt costs beside its body */

bool
inquiry_is_live(const struct explain_secret *s)
{
	return s->endpoint == NULL && s->state != SECRET_EXPIRED &&
	       s->state != SECRET_REVOKED;
}

void
inquiry_without_time(const struct scheme *sc, struct scheme *out)
{
	*out = *sc;
	out->has_time = false;
	out->past_s = out->future_s = -1;
}

void
inquiry_copy(const struct inquiry *q, struct inquiry_request *out)
{
	out->request = *q->ask->in->request;
	if (out->request.nheaders > REQUEST_HEADERS_MAX)
		out->request.nheaders = REQUEST_HEADERS_MAX;
	if (out->request.nheaders > 0)
		memcpy(out->headers, out->request.headers,
		    out->request.nheaders * sizeof(*out->headers));
	out->request.headers = out->headers;
}

int
inquiry_try(struct inquiry *q, const struct scheme *sc, struct span secret,
    const struct request *rq, const char *url)
{
	struct verify_input in = *q->ask->in;
	struct verify_result result = VERIFY_RESULT_INIT;
	struct scheme_key *key = NULL;
	struct err why = ERR_INIT;
	int ret;

	if (q->work + rq->body.len + WORK_LEAST > EXPLAIN_WORK_MAX)
		return 0;
	q->work += rq->body.len + WORK_LEAST;
	in.request = rq;
	in.body = NULL; /* it may be another */
	in.url = url;
	in.tolerance_s = in.horizon_s = -1;
	if (scheme_key_make(sc, secret, &key, &why) < 0)
		ret = -1;
	else
		ret = verify_request(sc, &key, 1, &in, &result, &why);
	scheme_key_free(key);
	if (ret == 0)
		return result.verdict == VERIFY_VALID;
	/* No key of that scheme; or it needs what the endpoint has not. */
	if (why.code == ERR_INPUT || why.code == ERR_CONFIG)
		return 0;
	*q->err = why;
	return -1;
}

int
inquiry_try_live(struct inquiry *q, const struct scheme *sc,
    const struct request *rq, const char *url,
    const struct explain_secret **match)
{
	const struct explain_secret *s;
	size_t i;
	int ret;

	*match = NULL;
	for (i = 0; i < q->ask->nsecrets; i++) {
		s = &q->ask->secrets[i];
		if (!inquiry_is_live(s))
			continue;
		ret = inquiry_try(q, sc, s->text, rq, url);
		if (ret < 0)
			return -1;
		if (ret > 0) {
			*match = s;
			return 1;
		}
	}
	return 0;
}
