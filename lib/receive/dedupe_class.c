/* dedupe_class.c: from scheme, endpoint and request to the rules' words. */
#include "lib/receive/dedupe_class.h"

#include <string.h>

#include "lib/scheme/repeats.h"

/* Is each template by which an id could have been read signed? */
static bool
all_ids_signed(const struct scheme *sc)
{
	const struct scheme_id *ids;
	size_t i, n = scheme_ids(sc, &ids);

	for (i = 0; i < n; i++)
		if (!ids[i].is_signed)
			return false;
	return true;
}

static void
class_of(const struct scheme *sc, const struct endpoint *ep,
    const struct identity *who, bool by_get, struct dedupe_class *cl)
{
	const struct scheme_id *facts = who->id_facts;

	cl->covers_body = scheme_covers_payload(sc, by_get);
	cl->id_signed = facts != NULL ? facts->is_signed : all_ids_signed(sc);
	cl->id_ambiguous = facts != NULL && facts->is_ambiguous;
	cl->id_suffices = facts != NULL && facts->suffices && !who->by_header;
	cl->type_signed = who->type_signed;
	cl->time_signed = scheme_time_signed(sc);
	cl->body_varies = scheme_retry_body(sc) == SCHEME_RETRY_VARIES;
	cl->type_repeats = who->has_type && repeats_type(sc, ep, who->type);
	cl->repeats = repeats_of(sc, ep);
	cl->within_ms = repeats_within_ms(ep);
}

int
dedupe_identify(const struct scheme *sc, const struct endpoint *ep,
    const struct verify_input *in, const struct verify_result *result,
    const struct identity *who, struct buf *scratch,
    struct dedupe_identity *out, struct err *err)
{
	struct identity unread = { .id_complete = true };
	struct span payload;

	if (who->outcome != IDENTIFY_OK)
		who = &unread;
	memset(out, 0, sizeof(*out));
	class_of(sc, ep, who, span_is(in->request->method, "GET"), &out->class);
	out->class.signs = result->has_content;
	out->class.has_older = result->has_older;
	out->has_id = who->has_id;
	out->id_complete = who->id_complete;
	out->has_type = who->has_type;
	out->type_unreadable = who->type_unreadable;
	out->has_content = result->has_content;
	memcpy(out->content, result->content, sizeof(out->content));
	memcpy(out->older, result->older, sizeof(out->older));
	buf_clear(scratch);
	if (verify_payload(sc, in, scratch, &payload, err) < 0)
		return -1;
	return digest_sha256(&payload, 1, out->payload, err);
}
