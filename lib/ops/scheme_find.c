/* scheme_find.c: finds the scheme that a call names; reads its file if new. */
#include "lib/ops/scheme_find.h"

#include <string.h>

#include "lib/base/near.h"
#include "lib/base/util.h"
#include "lib/model/destination.h"
#include "lib/scheme/conf_schemes.h"

int
op_find_scheme(const struct op_call *call, const char *name,
    const struct scheme **out, struct err *err)
{
	const struct scheme_set *set = call->schemes;
	const struct scheme *sc = scheme_set_find(set, name);
	struct near near = NEAR_INIT;
	size_t i;

	if (sc != NULL) {
		*out = sc;
		return 0;
	}
	for (i = 0; i < scheme_set_count(set); i++)
		near_try(
		    &near, span_str(name), scheme_name(scheme_set_at(set, i)));
	if (near.word != NULL)
		return err_set(err, ERR_INPUT,
		    "there is no scheme \"%s\": did you mean \"%s\"?", name,
		    near.word);
	return err_set(err, ERR_INPUT,
	    "there is no scheme \"%s\"; eyelet-scheme list names them", name);
}

/* The scheme that a call's settings name and nobody knows yet, or NULL. */
static const char *
find_unknown(const struct op_call *call)
{
	static const char *const members[] = { "scheme", "sign" };
	const struct json *settings = json_get(call->in, "settings");
	const char *name;
	size_t i;

	for (i = 0; i < NITEMS(members) && settings != NULL; i++) {
		name = json_text(json_get(settings, members[i]));
		if (name != NULL && strcmp(name, DESTINATION_SIGN_NONE) != 0 &&
		    scheme_set_find(call->schemes, name) == NULL)
			return name;
	}
	return NULL;
}

int
op_learn_schemes(struct op_call *call, struct err *err)
{
	const char *name = find_unknown(call);
	struct scheme_set *more = NULL;
	int ret;

	if (name == NULL)
		return 0;
	if (conf_schemes_learn(call->conf, call->schemes, name, &more, err) < 0)
		return -1;
	if (more == NULL)
		return 0; /* there is none: the op says so */
	ret = registry_take_schemes(
	    call->ops->registry, call->schemes, more, err);
	scheme_set_free(more);
	if (ret < 0 && err->code != ERR_CONFLICT)
		return -1;
	scheme_set_free(call->schemes);
	call->schemes = registry_hold_schemes(call->ops->registry);
	return 0;
}
