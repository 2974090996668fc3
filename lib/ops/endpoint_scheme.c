/* endpoint_scheme.c: what another scheme means to an endpoint in use. */
#include "lib/ops/endpoint.h"

#include <string.h>

#include "lib/ops/scheme_find.h"

/* Members of a scheme file in which two schemes may differ. */
static const char *const sign_members[] = { "alg", "key", "sig", "content",
	"separator_in", "older", "require", "digest", "url", NULL };
static const char *const key_members[] = { "alg", "key", NULL };
static const char *const id_members[] = { "id", "each", NULL };
static const char *const type_members[] = { "type", "each", NULL };

/* Do both files say the same in these members? 1, 0 or -1. */
static int
say_same(const struct json *a, const struct json *b, const char *const *members,
    struct err *err)
{
	struct buf as = BUF_INIT(2 * SCHEME_FILE_MAX),
		   bs = BUF_INIT(2 * SCHEME_FILE_MAX);
	const struct json *left, *right;
	int ret = 1;

	for (; *members != NULL && ret == 1; members++) {
		left = json_get(a, *members);
		right = json_get(b, *members);
		buf_clear(&as);
		buf_clear(&bs);
		if ((left != NULL && json_print(left, &as, err) < 0) ||
		    (right != NULL && json_print(right, &bs, err) < 0))
			ret = -1;
		else
			ret = span_eq(buf_span(&as), buf_span(&bs));
	}
	buf_free(&as);
	buf_free(&bs);
	return ret;
}

static void
warn_of_the_old(const char *before, struct op_warnings *warnings)
{
	op_warn(warnings,
	    "requests signed by scheme \"%s\" are refused from now on; if the "
	    "provider still sends them, add a second endpoint with that "
	    "scheme",
	    before);
}

static int
warn_of_differences(const char *name, const char *old,
    const struct json *before, const struct json *now,
    struct op_warnings *warnings, struct err *err)
{
	int signs = say_same(before, now, sign_members, err);
	int keys = say_same(before, now, key_members, err);
	int ids = say_same(before, now, id_members, err);
	int types = say_same(before, now, type_members, err);

	if (signs < 0 || keys < 0 || ids < 0 || types < 0)
		return -1;
	if (signs == 0)
		warn_of_the_old(old, warnings);
	if (keys == 0)
		op_warn(warnings,
		    "\"%s\" makes its key of a secret in another way: the "
		    "secrets may not fit any more; eyelet-secret stage takes "
		    "the one that the provider has for it",
		    name);
	if (ids == 0)
		op_warn(warnings,
		    "the id of an event is read in another place: what was "
		    "accepted before and is sent once more counts as new, and "
		    "is delivered again");
	if (types == 0)
		op_warn(warnings,
		    "the type of an event is read in another place: see with "
		    "eyelet-endpoint match what --events takes, here and at "
		    "destinations");
	return 0;
}

int
op_endpoint_warn_scheme(const struct op_call *call, const char *before,
    const struct scheme *now, size_t live, struct op_warnings *warnings,
    struct err *err)
{
	struct json *old_file = NULL, *new_file = NULL;
	struct err ignored = ERR_INIT;
	const struct scheme *old;
	int ret = -1;

	if (live == 0 || strcmp(before, scheme_name(now)) == 0)
		return 0;
	/* The file of the one before may be gone. */
	if (op_find_scheme(call, before, &old, &ignored) < 0) {
		warn_of_the_old(before, warnings);
		return 0;
	}
	if (json_parse(scheme_text(old), &old_file, err) == 0 &&
	    json_parse(scheme_text(now), &new_file, err) == 0)
		ret = warn_of_differences(scheme_name(now), before, old_file,
		    new_file, warnings, err);
	json_free(old_file);
	json_free(new_file);
	return ret;
}
