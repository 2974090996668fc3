/* destination_judge.c: which destinations can be, and with what warnings.
 */
#include "lib/ops/destination.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/guard.h"
#include "lib/base/util.h"
#include "lib/model/delivery.h"
#include "lib/model/selection.h"
#include "lib/ops/scheme_find.h"

/* Is it one of the scheme's, whose value we make? */
static bool
is_scheme_header(const struct scheme *scheme, const char *name)
{
	const char *const *names;
	size_t i, len, n = scheme_headers(scheme, &names);

	for (i = 0; i < n; i++) {
		len = strlen(names[i]);
		if (len > 1 && strcmp(names[i] + len - 2, "-*") == 0
			? strncasecmp(names[i], name, len - 1) == 0
			: strcasecmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static int
judge_headers(const struct scheme *scheme, const struct destination *settings,
    struct err *err)
{
	const char *name = NULL;
	size_t i;

	for (i = 0; i < settings->nheaders; i++)
		if (is_scheme_header(scheme, settings->headers[i].name))
			name = settings->headers[i].name;
	for (i = 0; i < settings->nforward; i++)
		if (is_scheme_header(scheme, settings->forward[i]))
			name = settings->forward[i];
	if (settings->auth != NULL && is_scheme_header(scheme, "Authorization"))
		return err_set(err, ERR_INPUT,
		    "auth: scheme \"%s\" signs in the header Authorization, "
		    "which has no room for a login beside it",
		    settings->sign);
	if (name == NULL)
		return 0;
	return err_set(err, ERR_INPUT,
	    "header %s is one that scheme \"%s\" signs with: it is made anew "
	    "for each request",
	    name, settings->sign);
}

static int
judge_scheme(const struct op_call *call, const struct destination *settings,
    const struct scheme **out, struct err *err)
{
	const struct scheme *scheme;
	const char *why;

	*out = NULL;
	if (!destination_signs(settings))
		return 0;
	if (op_find_scheme(call, settings->sign, &scheme, err) < 0)
		return err_wrap(err, "sign");
	if (!scheme_can_sign(scheme, &why))
		return err_set(err, ERR_INPUT,
		    "sign: the scheme \"%s\" cannot sign: %s", settings->sign,
		    why);
	if (scheme_param(scheme, 0) != NULL)
		return err_set(err, ERR_INPUT,
		    "sign: the scheme \"%s\" signs a parameter that its "
		    "provider gives out: a destination has none",
		    settings->sign);
	*out = scheme;
	return judge_headers(scheme, settings, err);
}

int
op_destination_judge(const struct op_call *call, struct destination *settings,
    const struct scheme **scheme, struct op_warnings *warnings, struct err *err)
{
	char *given = NULL;
	int ret = -1;

	warnings->n = 0;
	if (settings->url != NULL) {
		given = span_dup(span_str(settings->url), err);
		if (given == NULL)
			return -1;
	}
	if (destination_check(settings, err) < 0 ||
	    judge_scheme(call, settings, scheme, err) < 0)
		goto out;
	if (given != NULL && strcmp(given, settings->url) != 0)
		op_warn(warnings,
		    "the URL is kept as %.128s: that is how "
		    "it is asked for",
		    settings->url);
	ret = 0;
out:
	setting_free_text(given);
	return ret;
}

/* --- what is done all the same -------------------------------------------- */

struct untyped {
	const struct op_call *call;
	const struct destination *settings;
	struct op_warnings *warnings;
};

/* What it selects by is not to be had of this one. */
static int
warn_of_types(void *arg, const struct store_endpoint *ep, struct err *err)
{
	struct untyped *un = arg;
	const struct scheme *scheme;
	struct endpoint settings;
	int ret;

	if (ep->state == STORE_ENDPOINT_REMOVED ||
	    !destination_wants_endpoint(un->settings, ep->name))
		return 0;
	endpoint_init(&settings);
	ret = endpoint_decode(ep->doc, &settings, err);
	scheme = ret < 0 ? NULL
			 : scheme_set_find(un->call->schemes, settings.scheme);
	if (scheme != NULL && !scheme_has_type(scheme))
		op_warn(un->warnings,
		    "events of endpoint \"%s\" have no types (scheme \"%s\"): "
		    "each will be a dead letter here, \"" DELIVERY_TYPE_UNKNOWN
		    "\", as long as --events asks for types",
		    ep->name, settings.scheme);
	endpoint_free(&settings);
	return ret;
}

static int
warn_of_endpoints(const struct op_call *call, struct store_tx *tx,
    const struct destination *settings, struct op_warnings *warnings,
    struct err *err)
{
	struct span list = span_str(settings->endpoints), one;
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	char name[ENDPOINT_NAME_MAX + 1];
	struct store_endpoint ep;
	bool found = true;
	int ret = 0;

	for (;;) {
		one = destination_next_name(&list);
		if (ret < 0 || one.len == 0)
			break;
		if (span_is(one, STORE_SELF_NAME))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)one.len,
		    (const char *)one.ptr);
		buf_clear(&doc);
		ret = store_endpoint_by_name(
		    call->ops->store, tx, name, &ep, &doc, &found, err);
		if (ret == 0 && !found)
			op_warn(warnings,
			    "there is no endpoint \"%s\" yet: its events come "
			    "once there is one",
			    name);
	}
	buf_wipe(&doc);
	return ret;
}

/* What others may change, or read, does what they want. */
static void
warn_of_others(const char *path, unsigned flags, struct op_warnings *warnings)
{
	struct err why = ERR_INIT;

	if (guard_above(path, &why) < 0 ||
	    guard_path(path, GUARD_LINK | flags, &why) < 0)
		op_warn(warnings, "%.250s", why.text);
}

/* The deliverer opens them, under the same user as we are. */
static void
warn_of_files(const struct destination *settings, struct op_warnings *warnings)
{
	const struct {
		const char *path;
		unsigned flags;
	} files[] = {
		{ settings->client_cert, 0 },
		{ settings->client_key, GUARD_PRIVATE },
		{ settings->ca, 0 },
	};
	size_t i;

	for (i = 0; i < NITEMS(files); i++) {
		if (files[i].path == NULL)
			continue;
		if (faccessat(AT_FDCWD, files[i].path, R_OK, AT_EACCESS) < 0)
			op_warn(warnings,
			    "%.160s cannot be read now by uid %u, which "
			    "delivers",
			    files[i].path, (unsigned)geteuid());
		else
			warn_of_others(files[i].path, files[i].flags, warnings);
	}
}

static void
warn_of_command(const char *path, struct op_warnings *warnings)
{
	struct stat sb;

	if (path == NULL)
		return;
	if (stat(path, &sb) < 0)
		op_warn(warnings,
		    "%.160s is not there now: deliveries fail until it is",
		    path);
	else if (!S_ISREG(sb.st_mode) ||
		 faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		op_warn(warnings,
		    "%.160s cannot be executed now by uid %u, which delivers",
		    path, (unsigned)geteuid());
	else
		warn_of_others(path, 0, warnings);
}

int
op_destination_warn(const struct op_call *call, struct store_tx *tx,
    const struct destination *settings, struct op_warnings *warnings,
    struct err *err)
{
	struct untyped un = { call, settings, warnings };

	if (settings->url != NULL && !destination_signs(settings))
		op_warn(warnings,
		    "nothing is signed: whoever finds the URL of the receiver "
		    "can send it events as well");
	warn_of_files(settings, warnings);
	warn_of_command(settings->command[0], warnings);
	if (selection_needs_types(settings->events) &&
	    store_endpoints(call->ops->store, tx, warn_of_types, &un, err) < 0)
		return -1;
	return warn_of_endpoints(call, tx, settings, warnings, err);
}
