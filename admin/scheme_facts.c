/* scheme_facts.c: says how a scheme tells events apart. */
#include "admin/scheme_facts.h"

#include "lib/base/util.h"

#define CELL_MAX 4096 /* bytes of a list of templates or sources */

/* A list as "a, b"; nothing for an empty one. */
static int
put_texts(struct buf *out, const char *const *texts, struct err *err)
{
	size_t i;

	for (i = 0; texts[i] != NULL; i++)
		if (buf_printf(out, err, "%s%s", i == 0 ? "" : ", ",
			texts[i][0] == '\0' ? "/" : texts[i]) < 0)
			return -1;
	return 0;
}

/* How far an id can be trusted, in a word. */
static const char *
trust_word(const struct scheme_id *id)
{
	if (!id->is_signed)
		return "no";
	if (id->is_ambiguous)
		return "ambiguous";
	if (id->is_composed)
		return "composed";
	return "yes";
}

/* "{json:/id}, {header:I}", or what is to be said of each of them. */
static int
put_ids(struct buf *out, const struct scheme *sc, bool trust, struct err *err)
{
	const struct scheme_id *ids;
	size_t i, n = scheme_ids(sc, &ids);

	for (i = 0; i < n; i++)
		if (buf_printf(out, err, "%s%s", i == 0 ? "" : ", ",
			trust ? trust_word(&ids[i]) : ids[i].text) < 0)
			return -1;
	return 0;
}

/* "same but /n", "types, ping each time". */
static int
put_retry(struct buf *out, const struct scheme *sc, struct err *err)
{
	const char *const *changes = scheme_retry_changes(sc);

	if (buf_puts(out, scheme_retry_word(scheme_retry_body(sc)), err) < 0)
		return -1;
	if (changes[0] == NULL)
		return 0;
	if (buf_puts(out, ", but ", err) < 0)
		return -1;
	return put_texts(out, changes, err);
}

static int
put_repeats(struct buf *out, const struct scheme *sc, struct err *err)
{
	const char *const *types = scheme_repeat_types(sc);

	if (buf_puts(out, scheme_repeats_word(scheme_repeats(sc)), err) < 0)
		return -1;
	if (types[0] == NULL)
		return 0;
	if (buf_puts(out, ", but ", err) < 0)
		return -1;
	return put_texts(out, types, err);
}

static int
put_each(struct buf *out, const struct scheme *sc, struct err *err)
{
	if (put_texts(out, scheme_each_at(sc), err) < 0)
		return -1;
	return scheme_each_signed(sc) ? buf_puts(out, ", signed", err) : 0;
}

/* The facts in their order, as cells of one line or as two cells each. */
static const struct {
	const char *name;
	int (*put)(struct buf *out, const struct scheme *sc, struct err *err);
} facts[] = {
	{ "retry body", put_retry },
	{ "repeats", put_repeats },
	{ "each of", put_each },
};

static int
put_cell(struct table *t, struct buf *cell, struct err *err)
{
	int ret = table_put(t, buf_span(cell), err);

	buf_clear(cell);
	return ret;
}

static int
list_scheme(struct table *t, const struct scheme *sc, struct err *err)
{
	struct buf cell = BUF_INIT(CELL_MAX);
	int ret = -1;
	size_t i;

	if (table_puts(t, scheme_name(sc), err) < 0 ||
	    put_ids(&cell, sc, false, err) < 0 || put_cell(t, &cell, err) < 0 ||
	    put_ids(&cell, sc, true, err) < 0 || put_cell(t, &cell, err) < 0)
		goto out;
	for (i = 0; i < NITEMS(facts); i++)
		if (facts[i].put(&cell, sc, err) < 0 ||
		    put_cell(t, &cell, err) < 0)
			goto out;
	if (put_texts(&cell, scheme_sources(sc), err) < 0 ||
	    put_cell(t, &cell, err) < 0)
		goto out;
	ret = 0;
out:
	buf_free(&cell);
	return ret;
}

int
scheme_facts_list(const struct scheme_set *set, struct err *err)
{
	static const struct table_column columns[] = {
		{ "NAME", false, NULL },
		{ "ID", false, NULL },
		{ "SIGNED", false, NULL },
		{ "RETRY BODY", false, NULL },
		{ "REPEATS", false, NULL },
		{ "EACH OF", false, NULL },
		{ "SOURCE", false, NULL },
	};
	size_t i, n = scheme_set_count(set);
	struct table t;
	int ret = 0;

	table_init(&t, columns, NITEMS(columns));
	for (i = 0; i < n && ret == 0; i++)
		ret = list_scheme(&t, scheme_set_at(set, i), err);
	if (ret == 0)
		table_print(&t);
	table_free(&t);
	return ret;
}

/* A fact's name and value; nothing where there is no value. */
static int
put_fact(struct table *t, const char *name, struct buf *cell, struct err *err)
{
	if (cell->len == 0)
		return 0;
	return table_puts(t, name, err) < 0 ? -1 : put_cell(t, cell, err);
}

int
scheme_facts_put(struct table *t, const struct scheme *sc, struct err *err)
{
	struct buf cell = BUF_INIT(CELL_MAX);
	const struct scheme_id *ids;
	size_t i, n = scheme_ids(sc, &ids);
	int ret = -1;

	if (n == 0 && buf_puts(&cell, "none", err) < 0)
		goto out;
	if (put_fact(t, "event id", &cell, err) < 0)
		goto out;
	for (i = 0; i < n; i++)
		if (buf_printf(&cell, err, "%s, signed: %s", ids[i].text,
			trust_word(&ids[i])) < 0 ||
		    put_fact(t, "event id", &cell, err) < 0)
			goto out;
	for (i = 0; i < NITEMS(facts); i++)
		if (facts[i].put(&cell, sc, err) < 0 ||
		    put_fact(t, facts[i].name, &cell, err) < 0)
			goto out;
	for (i = 0; scheme_param(sc, i) != NULL; i++)
		if (buf_puts(&cell, scheme_param(sc, i), err) < 0 ||
		    put_fact(t, "param", &cell, err) < 0)
			goto out;
	for (i = 0; scheme_sources(sc)[i] != NULL; i++)
		if (buf_puts(&cell, scheme_sources(sc)[i], err) < 0 ||
		    put_fact(t, "source", &cell, err) < 0)
			goto out;
	ret = 0;
out:
	buf_free(&cell);
	return ret;
}

/* --- for scripts ---------------------------------------------------------- */

static void
write_texts(struct json_write *w, const char *name, const char *const *texts)
{
	size_t i;

	json_write_array(w, name);
	for (i = 0; texts[i] != NULL; i++)
		json_write_str(w, NULL, texts[i]);
	json_write_close(w);
}

void
scheme_facts_write(struct json_write *w, const struct scheme *sc)
{
	const struct scheme_id *ids;
	size_t i, n = scheme_ids(sc, &ids);

	json_write_array(w, "ids");
	for (i = 0; i < n; i++) {
		json_write_object(w, NULL);
		json_write_str(w, "id", ids[i].text);
		json_write_bool(w, "signed", ids[i].is_signed);
		json_write_bool(w, "composed", ids[i].is_composed);
		json_write_bool(w, "ambiguous", ids[i].is_ambiguous);
		json_write_bool(w, "suffices", ids[i].suffices);
		json_write_close(w);
	}
	json_write_close(w);
	json_write_bool(w, "covers_body", scheme_covers_body(sc));
	json_write_bool(w, "time_signed", scheme_time_signed(sc));
	json_write_str(
	    w, "retry_body", scheme_retry_word(scheme_retry_body(sc)));
	write_texts(w, "retry_changes", scheme_retry_changes(sc));
	json_write_str(w, "repeats", scheme_repeats_word(scheme_repeats(sc)));
	write_texts(w, "repeat_types", scheme_repeat_types(sc));
	write_texts(w, "each", scheme_each_at(sc));
	json_write_bool(w, "each_signed", scheme_each_signed(sc));
	json_write_array(w, "params");
	for (i = 0; scheme_param(sc, i) != NULL; i++)
		json_write_str(w, NULL, scheme_param(sc, i));
	json_write_close(w);
	json_write_str(w, "notes", scheme_notes(sc));
	write_texts(w, "source", scheme_sources(sc));
}
