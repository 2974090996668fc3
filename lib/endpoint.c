/* endpoint.c: an endpoint's settings as JSON, one table for both ways. */
#include "lib/endpoint.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/util.h"

#define TEXT(member)                                        \
	{                                                   \
		.name = #member, .take = setting_take_text, \
		.put = setting_put_text,                    \
		.at = offsetof(struct endpoint, member)     \
	}
#define PAIRS(member)                                             \
	{                                                         \
		.name = #member, .take = setting_take_pairs,      \
		.put = setting_put_pairs,                         \
		.at = offsetof(struct endpoint, member),          \
		.count_at = offsetof(struct endpoint, n##member), \
		.max = ENDPOINT_PAIRS_MAX                         \
	}
#define INT(text, member, none)                                      \
	{                                                            \
		.name = text, .take = setting_take_int,              \
		.put = setting_put_int,                              \
		.at = offsetof(struct endpoint, member), .def = none \
	}
#define BOOL(member)                                        \
	{                                                   \
		.name = #member, .take = setting_take_bool, \
		.put = setting_put_bool,                    \
		.at = offsetof(struct endpoint, member)     \
	}

static const struct setting_row settings[] = {
	TEXT(scheme),
	TEXT(title),
	TEXT(events),
	TEXT(public_url),
	TEXT(allow_from),
	PAIRS(labels),
	PAIRS(params),
	INT("body_max", body_max, -1),
	INT("tolerance", tolerance_s, -1),
	INT("rate", rate, 0),
	INT("expect_every", expect_every_s, 0),
	BOOL(allow_http),
	BOOL(same_body),
};

void
endpoint_init(struct endpoint *ep)
{
	memset(ep, 0, sizeof(*ep));
	ep->body_max = -1;
	ep->tolerance_s = -1;
}

void
endpoint_free(struct endpoint *ep)
{
	setting_free_pairs(ep->labels, &ep->nlabels);
	setting_free_pairs(ep->params, &ep->nparams);
	free(ep->scheme);
	free(ep->title);
	free(ep->events);
	free(ep->public_url);
	free(ep->allow_from);
	endpoint_init(ep);
}

int
endpoint_patch(struct endpoint *ep, struct span patch, struct err *err)
{
	return settings_patch(settings, NITEMS(settings), ep, patch, err);
}

int
endpoint_decode(struct span doc, struct endpoint *ep, struct err *err)
{
	struct endpoint made;

	endpoint_init(&made);
	if (endpoint_patch(&made, doc, err) < 0)
		goto corrupt;
	if (made.scheme == NULL) {
		err_set(err, ERR_CORRUPT, "it names no scheme");
		goto corrupt;
	}
	*ep = made;
	return 0;
corrupt:
	endpoint_free(&made);
	if (err->code != ERR_NOMEM)
		err->code = ERR_CORRUPT;
	return err_wrap(err, "stored endpoint");
}

int
endpoint_encode(const struct endpoint *ep, struct buf *doc, struct err *err)
{
	return settings_encode(settings, NITEMS(settings), ep, doc, err);
}
