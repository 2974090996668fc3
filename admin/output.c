/* output.c: columns, fields and words for people. */
#include "admin/output.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

#define CELL_MAX (64 * 1024) /* bytes of a cell */
#define NOTE_MAX 2048
#define GAP 2 /* blanks between columns */

/* Columns on the screen: a byte that begins a character counts one. */
static size_t
width_of(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		if (((unsigned char)*s & 0xc0) != 0x80)
			n++;
	return n;
}

/* Cuts an inert text to max columns, of which "..." takes three. */
static void
cut(char *text, size_t max)
{
	size_t n = 0, i;
	char *s = text;

	if (width_of(text) <= max)
		return;
	for (; n < max - 2; s++)
		if (((unsigned char)*s & 0xc0) != 0x80)
			n++;
	s--; /* at the first byte of the character that goes first */
	for (i = 1; i < 4 && s - i >= text; i++) /* no half of a \xHH */
		if (s[-(ptrdiff_t)i] == '\\')
			break;
	strcpy(i < 4 && s - i >= text ? s - i : s, "...");
}

/* An inert copy, or NULL with err. */
static char *
safe_copy(struct span s, struct err *err)
{
	struct buf b = BUF_INIT(CELL_MAX);

	if (s.len > CELL_MAX / 8)
		s.len = CELL_MAX / 8;
	if (text_put_shown(&b, s, err) < 0 || buf_putc(&b, '\0', err) < 0) {
		buf_free(&b);
		return NULL;
	}
	return (char *)b.ptr;
}

void
table_init(struct table *t, const struct table_column *columns, size_t ncolumns)
{
	assert(ncolumns <= TABLE_COLUMNS_MAX);
	memset(t, 0, sizeof(*t));
	t->columns = columns;
	t->ncolumns = ncolumns;
}

void
table_bars(struct table *t, int64_t full, size_t columns)
{
	t->bar_full = full;
	t->bar_columns = columns;
}

int
table_put(struct table *t, struct span cell, struct err *err)
{
	size_t column = t->ncells % t->ncolumns, width;
	char *copy;

	if (column == 0 && t->ncells == TABLE_PAGE * t->ncolumns)
		table_print(t);
	if (t->cells == NULL) {
		t->cells = calloc(TABLE_PAGE * t->ncolumns, sizeof(*t->cells));
		if (t->cells == NULL)
			return err_set(err, ERR_NOMEM, "no memory for rows");
	}
	copy = safe_copy(cell.len == 0 ? span_str("-") : cell, err);
	if (copy == NULL)
		return -1;
	if (t->columns[0].title != NULL && !t->whole)
		cut(copy, TABLE_CELL_MAX);
	width = width_of(copy);
	if (width > t->widths[column])
		t->widths[column] = width;
	t->cells[t->ncells++] = copy;
	return 0;
}

int
table_puts(struct table *t, const char *cell, struct err *err)
{
	return table_put(t, span_str(cell), err);
}

/* The text of a member, as a cell has it. */
static int
put_plain(struct buf *b, const struct json *value, struct err *err)
{
	if (value == NULL || json_kind(value) == JSON_NULL)
		return 0;
	if (json_kind(value) == JSON_STRING)
		return buf_puts(b, json_text(value), err);
	if (json_kind(value) == JSON_BOOL)
		return buf_puts(b, json_true(value) ? "yes" : "no", err);
	return json_print(value, b, err);
}

int
table_put_json(struct table *t, const struct json *value, struct err *err)
{
	struct buf text = BUF_INIT(CELL_MAX);
	int ret;

	ret = put_plain(&text, value, err);
	if (ret == 0)
		ret = table_put(t, buf_span(&text), err);
	buf_wipe(&text);
	return ret;
}

int
table_put_row(void *arg, const struct json *row, struct err *err)
{
	struct table *t = arg;
	size_t i;

	for (i = 0; i < t->ncolumns; i++)
		if (table_put_json(
			t, json_get(row, t->columns[i].member), err) < 0)
			return -1;
	return 0;
}

/* In what the other columns leave of the line. */
static void
print_bar(const struct table *t, const char *cell)
{
	size_t room = t->bar_columns, used = 1, i;
	int64_t n = strtoll(cell, NULL, 10), length;

	for (i = 0; i + 1 < t->ncolumns; i++)
		used += t->widths[i] + GAP;
	room = room < used + TABLE_BAR_MIN ? TABLE_BAR_MIN : room - used;
	length = (int64_t)((double)n / (double)t->bar_full * (double)room);
	for (length = n > 0 && length < 1 ? 1 : length; length > 0; length--)
		putchar('#');
	putchar('\n');
}

static void
print_cell(const struct table *t, size_t column, const char *cell)
{
	size_t pad = t->widths[column] - width_of(cell);
	bool last = column + 1 == t->ncolumns;

	if (last && t->begun && t->bar_full > 0) {
		print_bar(t, cell);
		return;
	}

	if (t->columns[column].right)
		printf("%*s%s", (int)pad, "", cell);
	else
		printf("%s%*s", cell, last ? 0 : (int)pad, "");
	printf("%*s", last ? 0 : GAP, "");
	if (last)
		putchar('\n');
}

bool
table_is_empty(const struct table *t)
{
	return t->ncells == 0 && !t->begun;
}

void
table_print(struct table *t)
{
	size_t i;

	if (t->ncells > 0 && !t->begun && t->columns[0].title != NULL) {
		for (i = 0; i < t->ncolumns; i++)
			if (width_of(t->columns[i].title) > t->widths[i])
				t->widths[i] = width_of(t->columns[i].title);
		for (i = 0; i < t->ncolumns; i++)
			print_cell(t, i, t->columns[i].title);
	}
	if (t->ncells > 0)
		t->begun = true;
	for (i = 0; i < t->ncells; i++) {
		print_cell(t, i % t->ncolumns, t->cells[i]);
		bytes_wipe(t->cells[i], strlen(t->cells[i]));
		free(t->cells[i]);
	}
	t->ncells = 0;
}

void
table_free(struct table *t)
{
	while (t->ncells > 0)
		free(t->cells[--t->ncells]);
	free(t->cells);
	t->cells = NULL;
}

int
table_print_rows(const char *before, const struct table_column *columns,
    size_t ncolumns, const struct json *rows, struct err *err)
{
	const struct json *one = json_first(rows);
	struct table t;
	int ret = 0;

	if (one == NULL)
		return 0;
	fputs(before, stdout);
	table_init(&t, columns, ncolumns);
	for (; one != NULL && ret == 0; one = json_next(one))
		ret = table_put_row(&t, one, err);
	if (ret == 0)
		table_print(&t);
	table_free(&t);
	return ret;
}

/* --- fields --------------------------------------------------------------- */

static int
put_pairs(struct buf *b, const struct json *object, struct err *err)
{
	const struct json *one;

	for (one = json_first(object); one != NULL; one = json_next(one)) {
		if (one != json_first(object) && buf_putc(b, ' ', err) < 0)
			return -1;
		if (json_kind(object) == JSON_OBJECT &&
		    buf_printf(b, err, "%s=", json_name(one)) < 0)
			return -1;
		if (put_plain(b, one, err) < 0)
			return -1;
	}
	return 0;
}

int
excerpt_put(struct buf *b, const char *text, struct err *err)
{
	char *copy = safe_copy(span_str(text), err);
	int ret;

	if (copy == NULL)
		return -1;
	cut(copy, EXCERPT_COLUMNS);
	ret = buf_puts(b, copy, err);
	free(copy);
	return ret;
}

static int
put_field(struct buf *b, const struct field *f, const struct json *value,
    struct err *err)
{
	char text[TEXT_TIME_MAX];
	int64_t v;

	switch (f->form) {
	case FIELD_PLAIN:
	case FIELD_GIVEN:
		return put_plain(b, value, err);
	case FIELD_SIZE:
	case FIELD_DURATION:
		if (value == NULL || json_kind(value) == JSON_NULL)
			return 0;
		if (json_int(value, &v, err) < 0)
			return err_wrap(err, "%s", f->member);
		if (f->form == FIELD_SIZE)
			text_size(text, (uint64_t)v);
		else
			text_duration(text, v);
		return buf_puts(b, text, err);
	case FIELD_EXCERPT:
		if (json_text(value) == NULL)
			return 0;
		return excerpt_put(b, json_text(value), err);
	case FIELD_PAIRS:
	case FIELD_LIST:
		return put_pairs(b, value, err);
	}
	return 0;
}

int
fields_print(const struct json *row, const struct field *fields, size_t nfields,
    struct err *err)
{
	static const struct table_column columns[] = { { NULL, false, NULL },
		{ NULL, false, NULL } };
	struct buf text = BUF_INIT(CELL_MAX);
	const struct json *member;
	struct table t;
	size_t i;
	int ret = -1;

	table_init(&t, columns, 2);
	for (i = 0; i < nfields; i++) {
		buf_clear(&text);
		member = json_get(row, fields[i].member);
		if (put_field(&text, &fields[i], member, err) < 0)
			goto out;
		if (text.len == 0 &&
		    (fields[i].none == NULL ||
			(fields[i].form == FIELD_GIVEN && member == NULL)))
			continue;
		if (table_puts(&t, fields[i].title, err) < 0 ||
		    table_put(&t,
			text.len > 0 ? buf_span(&text)
				     : span_str(fields[i].none),
			err) < 0)
			goto out;
	}
	table_print(&t);
	ret = 0;
out:
	table_free(&t);
	buf_wipe(&text);
	return ret;
}

/* --- words ---------------------------------------------------------------- */

void
note(const char *program, const char *fmt, ...)
{
	struct err ignored = ERR_INIT;
	char words[NOTE_MAX], *safe;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	safe = safe_copy(span_str(words), &ignored);
	if (safe != NULL)
		fprintf(stderr, "%s: %s\n", program, safe);
	free(safe);
}

void
warnings_print(const char *program, const struct json *row)
{
	const struct json *one;

	for (one = json_first(json_get(row, "warnings")); one != NULL;
	     one = json_next(one))
		if (json_text(one) != NULL)
			note(program, "warning: %s", json_text(one));
}
