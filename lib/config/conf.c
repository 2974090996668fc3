/* conf.c: the table of settings, and eyelet.conf read into it. */
#include "lib/config/conf.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/near.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/config/inifile.h"
#include "lib/http/address.h"
#include "lib/http/request.h"

#define CONF_DEFAULT EYELET_SYSCONFDIR "/eyelet/eyelet.conf"

#define KIB 1024
#define MIB (1024 * INT64_C(1024))
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)
#define HOUR 3600
#define DAY (24 * INT64_C(3600))

struct setting;

/* Puts a value, as text, into its member of the conf. ERR_INPUT. */
typedef int put_value(const struct setting *set, struct span text,
    struct conf *cf, struct err *err);

static put_value put_path, put_folders, put_mount, put_addresses, put_log,
    put_deliver, put_copied, put_duration, put_bytes, put_number;

/* Every setting: the one table; eyelet.conf(5) has the words for each. */
static const struct setting {
	const char *section, *key;
	enum conf_when when;
	put_value *put;
	size_t member; /* of struct conf */
	const char *def;
	int64_t min, max;
} settings[] = {
	{ "store", "path", CONF_RESTART, put_path, offsetof(struct conf, store),
	    EYELET_LOCALSTATEDIR "/lib/eyelet/store", 0, 0 },
	{ "store", "key_file", CONF_RESTART, put_path,
	    offsetof(struct conf, key_file),
	    EYELET_LOCALSTATEDIR "/lib/eyelet/keys/store.key", 0, 0 },
	{ "store", "horizon", CONF_RESTART, put_duration,
	    offsetof(struct conf, horizon_s), "35d", 1, 3650 * DAY },
	{ "store", "dedupe_max", CONF_RESTART, put_bytes,
	    offsetof(struct conf, dedupe_max), "4g", MIB, 16 * TIB },
	{ "store", "retain", CONF_LIVE, put_duration,
	    offsetof(struct conf, retain_s), "30d", 1, 36500 * DAY },
	{ "store", "retain_bytes", CONF_LIVE, put_bytes,
	    offsetof(struct conf, retain_bytes), "10g", MIB, 1024 * TIB },
	{ "store", "hold_max", CONF_LIVE, put_duration,
	    offsetof(struct conf, hold_s), "30d", 0, 36500 * DAY },
	{ "store", "held_max", CONF_LIVE, put_number,
	    offsetof(struct conf, held_max), "10000", 1, 10000000 },
	{ "store", "held_bytes", CONF_LIVE, put_bytes,
	    offsetof(struct conf, held_bytes), "256m", MIB, TIB },
	{ "store", "ignored_max", CONF_LIVE, put_number,
	    offsetof(struct conf, ignored_max), "100000", 1, 1000000000 },
	{ "store", "segment_max", CONF_LIVE, put_bytes,
	    offsetof(struct conf, segment_max), "256m", 64 * KIB, 64 * GIB },
	{ "store", "segment_age", CONF_LIVE, put_duration,
	    offsetof(struct conf, segment_age_s), "1d", 1, 366 * DAY },
	{ "store", "floor", CONF_LIVE, put_bytes, offsetof(struct conf, floor),
	    "64m", 0, 1024 * GIB },
	{ "store", "ballast", CONF_RESTART, put_bytes,
	    offsetof(struct conf, ballast), "48m", 0, 1024 * GIB },
	{ "store", "cache", CONF_RESTART, put_bytes,
	    offsetof(struct conf, cache), "64m", MIB, 1024 * GIB },
	{ "store", "log_keep_max", CONF_LIVE, put_bytes,
	    offsetof(struct conf, log_keep_max), "512m", MIB, 1024 * GIB },
	{ "quarantine", "count", CONF_LIVE, put_number,
	    offsetof(struct conf, quarantine_count), "100", 0, 10000 },
	{ "quarantine", "bytes", CONF_LIVE, put_bytes,
	    offsetof(struct conf, quarantine_bytes), "1m", 0, GIB },
	{ "quarantine", "total", CONF_LIVE, put_bytes,
	    offsetof(struct conf, quarantine_total), "64m", 0, 16 * GIB },
	{ "schemes", "path", CONF_LIVE, put_folders,
	    offsetof(struct conf, schemes),
	    EYELET_DATADIR "/schemes " EYELET_SYSCONFDIR "/eyelet/schemes", 0,
	    0 },
	{ "receive", "mount", CONF_LIVE, put_mount,
	    offsetof(struct conf, mount), "/hooks", 0, 0 },
	{ "receive", "body_max", CONF_LIVE, put_bytes,
	    offsetof(struct conf, body_max), "1m", 1, STORE_BODY_MAX },
	{ "receive", "bodies_max", CONF_RESTART, put_bytes,
	    offsetof(struct conf, bodies_max), "256m", 2 * STORE_BODY_MAX,
	    64 * GIB },
	{ "receive", "upload_timeout", CONF_LIVE, put_duration,
	    offsetof(struct conf, upload_s), "30s", 1, HOUR },
	{ "receive", "trusted_proxies", CONF_LIVE, put_addresses,
	    offsetof(struct conf, trusted_proxies), "", 0, 0 },
	{ "receive", "address_rate", CONF_LIVE, put_number,
	    offsetof(struct conf, address_rate), "0", 0, 1000000 },
	{ "deliver", "mode", CONF_LIVE, put_deliver,
	    offsetof(struct conf, deliver_mode), "service", 0, 0 },
	{ "deliver", "copied", CONF_RESTART, put_copied,
	    offsetof(struct conf, deliver_copied), "hold", 0, 0 },
	{ "deliver", "missing_after", CONF_LIVE, put_duration,
	    offsetof(struct conf, missing_s), "10m", 0, 366 * DAY },
	{ "deliver", "connections", CONF_LIVE, put_number,
	    offsetof(struct conf, connections), "1024", 1, 8192 },
	{ "deliver", "program", CONF_LIVE, put_path,
	    offsetof(struct conf, deliver_program),
	    EYELET_SBINDIR "/eyelet-deliver", 0, 0 },
	{ "process", "workers", CONF_LIVE, put_number,
	    offsetof(struct conf, workers), "0", 0, 256 },
	{ "process", "program", CONF_LIVE, put_path,
	    offsetof(struct conf, program), EYELET_LIBEXECDIR "/eyelet.fcgi", 0,
	    0 },
	{ "process", "log", CONF_LIVE, put_log, offsetof(struct conf, log),
	    "stderr", 0, 0 },
};

_Static_assert(
    NITEMS(settings) <= CONF_SETTINGS_MAX, "raise CONF_SETTINGS_MAX");

static void *
member(const struct setting *set, struct conf *cf)
{
	return (char *)cf + set->member;
}

static int
put_string(const struct setting *set, struct span text, struct conf *cf,
    struct err *err)
{
	char **at = member(set, cf), *copy = span_dup(text, err);

	if (copy == NULL)
		return -1;
	free(*at);
	*at = copy;
	return 0;
}

static int
put_path(const struct setting *set, struct span text, struct conf *cf,
    struct err *err)
{
	/* A web server starts its children in a folder of its own choice. */
	if (!span_starts(text, "/"))
		return err_set(err, ERR_INPUT,
		    "a path must be absolute: begin with \"/\"");
	return put_string(set, text, cf, err);
}

static void
free_folders(struct conf *cf)
{
	while (cf->nschemes > 0)
		free(cf->schemes[--cf->nschemes]);
}

static int
put_folders(const struct setting *set, struct span text, struct conf *cf,
    struct err *err)
{
	struct span rest = span_trim(text), item;
	char *copy;

	(void)set;
	free_folders(cf);
	while (rest.len > 0) {
		item = span_of(rest.ptr, span_find(rest, ' '));
		rest = span_trim(span_skip(rest, item.len));
		if (!span_starts(item, "/"))
			return err_set(err, ERR_INPUT,
			    "a folder must be absolute: begin with \"/\"");
		if (cf->nschemes == CONF_PATHS_MAX)
			return err_set(err, ERR_INPUT,
			    "at most %d folders can be named", CONF_PATHS_MAX);
		copy = span_dup(item, err);
		if (copy == NULL)
			return -1;
		cf->schemes[cf->nschemes++] = copy;
	}
	if (cf->nschemes == 0)
		return err_set(err, ERR_INPUT, "it names no folder");
	return 0;
}

static int
put_mount(const struct setting *set, struct span text, struct conf *cf,
    struct err *err)
{
	const char *p = text.ptr;

	if (!span_starts(text, "/") || (text.len > 1 && p[text.len - 1] == '/'))
		return err_set(err, ERR_INPUT,
		    "a mount begins with \"/\" and does not end with one, "
		    "such as /hooks");
	return put_string(set, text, cf, err);
}

static int
put_addresses(const struct setting *set, struct span text, struct conf *cf,
    struct err *err)
{
	struct address_list *list = NULL;

	if (address_list_parse(text, &list, err) < 0)
		return -1;
	address_list_free(list);
	return put_string(set, text, cf, err);
}

static int
put_log(const struct setting *set, struct span text, struct conf *cf,
    struct err *err)
{
	if (!span_is(text, "stderr") && !span_is(text, "syslog"))
		return err_set(
		    err, ERR_INPUT, "it must be \"stderr\" or \"syslog\"");
	return put_string(set, text, cf, err);
}

static int
put_deliver(const struct setting *set, struct span text, struct conf *cf,
    struct err *err)
{
	if (!span_is(text, CONF_DELIVER_SERVICE) &&
	    !span_is(text, CONF_DELIVER_CHILD) &&
	    !span_is(text, CONF_DELIVER_OFF))
		return err_set(err, ERR_INPUT,
		    "it must be \"" CONF_DELIVER_SERVICE
		    "\", \"" CONF_DELIVER_CHILD "\" or \"" CONF_DELIVER_OFF
		    "\"");
	return put_string(set, text, cf, err);
}

static int
put_copied(const struct setting *set, struct span text, struct conf *cf,
    struct err *err)
{
	if (!span_is(text, CONF_COPIED_HOLD) &&
	    !span_is(text, CONF_COPIED_DELIVER))
		return err_set(err, ERR_INPUT,
		    "it must be \"" CONF_COPIED_HOLD
		    "\" or \"" CONF_COPIED_DELIVER "\"");
	return put_string(set, text, cf, err);
}

static int
put_duration(const struct setting *set, struct span text, struct conf *cf,
    struct err *err)
{
	char min[TEXT_TIME_MAX], max[TEXT_TIME_MAX];
	int64_t *at = member(set, cf), v;

	if (text_to_duration_s(text, &v, err) < 0)
		return -1;
	if (v < set->min || v > set->max) {
		text_duration(min, set->min);
		text_duration(max, set->max);
		return err_set(
		    err, ERR_INPUT, "it must be from %s to %s", min, max);
	}
	*at = v;
	return 0;
}

static int
put_bytes(const struct setting *set, struct span text, struct conf *cf,
    struct err *err)
{
	char min[TEXT_TIME_MAX], max[TEXT_TIME_MAX];
	uint64_t *at = member(set, cf), v;

	if (text_to_bytes(text, &v, err) < 0)
		return -1;
	if (v < (uint64_t)set->min || v > (uint64_t)set->max) {
		text_size(min, (uint64_t)set->min);
		text_size(max, (uint64_t)set->max);
		return err_set(
		    err, ERR_INPUT, "it must be from %s to %s", min, max);
	}
	*at = v;
	return 0;
}

static int
put_number(const struct setting *set, struct span text, struct conf *cf,
    struct err *err)
{
	int64_t *at = member(set, cf);
	uint64_t v;

	if (text_to_u64(text, (uint64_t)set->max, &v, err) < 0)
		return -1;
	if (v < (uint64_t)set->min)
		return err_set(err, ERR_INPUT, "it must be at least %lld",
		    (long long)set->min);
	*at = (int64_t)v;
	return 0;
}

/* --- the file ------------------------------------------------------------ */

struct reading {
	struct conf *cf;
	const struct setting *last; /* whose value an indented line goes on */
};

/* NULL, with the nearest in err, when there is no such setting. */
static const struct setting *
find_setting(const char *section, const char *key, struct err *err)
{
	struct near key_near = NEAR_INIT, section_near = NEAR_INIT;
	bool section_known = false;
	const char *elsewhere = NULL;
	size_t i;

	for (i = 0; i < NITEMS(settings); i++) {
		near_try(&section_near, span_str(section), settings[i].section);
		if (strcmp(settings[i].section, section) != 0) {
			if (strcmp(settings[i].key, key) == 0)
				elsewhere = settings[i].section;
			continue;
		}
		section_known = true;
		if (strcmp(settings[i].key, key) == 0)
			return &settings[i];
		near_try(&key_near, span_str(key), settings[i].key);
	}
	if (section[0] == '\0')
		err_set(err, ERR_CONFIG,
		    "\"%s\" stands before the first section, such as [store]",
		    key);
	else if (!section_known && section_near.word != NULL)
		err_set(err, ERR_CONFIG,
		    "unknown section [%s]: did you mean [%s]?", section,
		    section_near.word);
	else if (!section_known)
		err_set(err, ERR_CONFIG, "unknown section [%s]", section);
	else if (elsewhere != NULL)
		err_set(err, ERR_CONFIG,
		    "unknown key \"%s\" in [%s]: it belongs in [%s]", key,
		    section, elsewhere);
	else if (key_near.word != NULL)
		err_set(err, ERR_CONFIG,
		    "unknown key \"%s\" in [%s]: did you mean \"%s\"?", key,
		    section, key_near.word);
	else
		err_set(err, ERR_CONFIG, "unknown key \"%s\" in [%s]", key,
		    section);
	return NULL;
}

static bool
is_list(const struct setting *set)
{
	return set->put == put_folders || set->put == put_addresses;
}

/* Keeps the text of a value; one more line of a list goes behind it. */
static int
keep_text(struct conf_origin *at, const char *value, struct err *err)
{
	size_t had = at->text == NULL ? 0 : strlen(at->text) + 1;
	char *grown = realloc(at->text, had + strlen(value) + 1);

	if (grown == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a value");
	if (had > 0)
		grown[had - 1] = ' ';
	memcpy(grown + had, value, strlen(value) + 1);
	at->text = grown;
	return 0;
}

static int
take_value(void *arg, const struct inifile_value *v, struct err *err)
{
	struct reading *rd = arg;
	const struct setting *set = find_setting(v->section, v->key, err);
	struct conf_origin *at;
	bool more;

	if (set == NULL)
		return -1;
	at = &rd->cf->origins[set - settings];
	more = v->goes_on && set == rd->last;
	if (more && !is_list(set))
		err_set(err, ERR_CONFIG,
		    "only a list may go on in an indented line");
	else if (at->line != 0 && !more)
		err_set(err, ERR_CONFIG, "given already in line %d", at->line);
	else {
		if (at->line == 0) {
			free(at->text);
			at->text = NULL;
			at->line = v->line;
		}
		rd->last = set;
		if (keep_text(at, v->value, err) == 0 &&
		    set->put(set, span_str(at->text), rd->cf, err) == 0)
			return 0;
	}
	return err_wrap(err, "%s.%s", set->section, set->key);
}

static int
set_defaults(struct conf *cf, struct err *err)
{
	size_t i;

	for (i = 0; i < NITEMS(settings); i++)
		if (keep_text(&cf->origins[i], settings[i].def, err) < 0 ||
		    settings[i].put(
			&settings[i], span_str(settings[i].def), cf, err) < 0)
			return err_wrap(err, "default of %s.%s",
			    settings[i].section, settings[i].key);
	return 0;
}

/* Of the file alone where the store is; a fault behind that does not count. */
static int
take_place(void *arg, const struct inifile_value *v, struct err *err)
{
	if (strcmp(v->section, "store") != 0 || strcmp(v->key, "path") != 0)
		return 0;
	return take_value(arg, v, err);
}

static int
read_file(const char *path, bool place_only, struct conf *out, struct err *err)
{
	struct buf text = BUF_INIT(CONF_FILE_MAX + BUFSIZ);
	struct conf cf;
	struct reading rd = { &cf, NULL };
	bool found, must = true;
	int ret = -1;

	memset(&cf, 0, sizeof(cf));
	if (path == NULL)
		path = getenv(CONF_ENV);
	if (path == NULL || path[0] == '\0') {
		path = CONF_DEFAULT;
		must = false;
	}
	if (set_defaults(&cf, err) < 0 ||
	    inifile_read(path, CONF_FILE_MAX, &text, &found, err) < 0)
		goto out;
	if (!found && must) {
		err_set(err, ERR_NOTFOUND,
		    "%s: there is no such configuration file", path);
		goto out;
	}
	if (found) {
		cf.file = span_dup(span_str(path), err);
		if (cf.file == NULL)
			goto out;
		if (inifile_parse(buf_span(&text), path,
			place_only ? take_place : take_value, &rd, err) < 0 &&
		    (!place_only || rd.last == NULL))
			goto out;
	}
	*out = cf;
	memset(&cf, 0, sizeof(cf));
	ret = 0;
out:
	conf_free(&cf);
	buf_free(&text);
	return ret;
}

int
conf_read(const char *path, struct conf *out, struct err *err)
{
	return read_file(path, false, out, err);
}

int
conf_read_place(const char *path, struct conf *out, struct err *err)
{
	return read_file(path, true, out, err);
}

void
conf_free(struct conf *cf)
{
	size_t i;

	for (i = 0; i < NITEMS(cf->origins); i++) {
		free(cf->origins[i].text);
		free(cf->origins[i].waits);
	}
	free_folders(cf);
	free(cf->file);
	free(cf->store);
	free(cf->key_file);
	free(cf->mount);
	free(cf->trusted_proxies);
	free(cf->deliver_mode);
	free(cf->deliver_copied);
	free(cf->deliver_program);
	free(cf->program);
	free(cf->log);
	memset(cf, 0, sizeof(*cf));
}

static void
name_setting(const struct setting *set, char name[CONF_NAME_MAX])
{
	snprintf(name, CONF_NAME_MAX, "%s.%s", set->section, set->key);
}

int
conf_visit(
    const struct conf *cf, conf_visitor *visit, void *arg, struct err *err)
{
	char name[CONF_NAME_MAX], from[PATH_MAX + 16];
	struct conf_value v = { .name = name, .from = from };
	const struct conf_origin *at;
	size_t i;

	for (i = 0; i < NITEMS(settings); i++) {
		at = &cf->origins[i];
		name_setting(&settings[i], name);
		if (at->line == 0)
			snprintf(from, sizeof(from), "default");
		else
			snprintf(
			    from, sizeof(from), "%s:%d", cf->file, at->line);
		v.text = at->text;
		v.when = settings[i].when;
		v.waits = at->waits;
		if (visit(arg, &v, err) < 0)
			return -1;
	}
	return 0;
}

/* --- another one in its place --------------------------------------------- */

bool
conf_differs(const struct conf *a, const struct conf *b, const char *name)
{
	char other[CONF_NAME_MAX];
	size_t i;

	for (i = 0; i < NITEMS(settings); i++) {
		name_setting(&settings[i], other);
		if (strcmp(name, other) == 0)
			return strcmp(a->origins[i].text, b->origins[i].text) !=
			       0;
	}
	return false;
}

int
conf_keep(struct conf *cf, const struct conf *old, struct err *err)
{
	size_t i;

	for (i = 0; i < NITEMS(settings); i++) {
		if (settings[i].when != CONF_RESTART ||
		    strcmp(cf->origins[i].text, old->origins[i].text) == 0)
			continue;
		cf->origins[i].waits = cf->origins[i].text;
		cf->origins[i].text = NULL;
		if (keep_text(&cf->origins[i], old->origins[i].text, err) < 0 ||
		    settings[i].put(&settings[i], span_str(cf->origins[i].text),
			cf, err) < 0)
			return -1;
		cf->origins[i].line = old->origins[i].line;
	}
	return 0;
}
