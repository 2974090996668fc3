/*
 * output.h: what people read: aligned columns, "name  value" fields, warnings.
 * Every cell is made inert (P11). Scripts get the rows as they are, --json.
 */
#ifndef EYELET_ADMIN_OUTPUT_H
#define EYELET_ADMIN_OUTPUT_H

#include "lib/json/json.h"

#define TABLE_COLUMNS_MAX 12
#define TABLE_PAGE 1000 /* rows that are aligned together */
#define TABLE_CELL_MAX 80 /* columns; longer ones are cut: --json has all */
#define EXCERPT_COLUMNS 240 /* of what others answered; --json has all */
#define TABLE_BAR_MIN 8 /* columns of the longest bar */

struct table_column {
	const char *title; /* all NULL: a table without a first line */
	bool right; /* numbers */
	const char *member; /* of a row, for table_put_row; or NULL */
};

/* Cells are put from left to right, row by row. */
struct table {
	const struct table_column *columns;
	size_t ncolumns;
	size_t widths[TABLE_COLUMNS_MAX];
	char **cells; /* owned; of the rows not printed yet */
	size_t ncells;
	bool whole; /* no cell is cut */
	bool begun; /* the titles are out */
	int64_t bar_full; /* what the longest bar stands for; 0: no bars */
	size_t bar_columns; /* of a line with a bar in it */
};

void table_init(
    struct table *t, const struct table_column *columns, size_t ncolumns);

/*
 * The numbers of the last column become bars, in lines of so many columns;
 * full is what the longest stands for.
 */
void table_bars(struct table *t, int64_t full, size_t columns);

/* Foreign bytes; "-" stands for nothing. ERR_NOMEM. */
int table_put(struct table *t, struct span cell, struct err *err);
int table_puts(struct table *t, const char *cell, struct err *err);
/* A member of a row, whatever its kind; null and absent ones give "-". */
int table_put_json(struct table *t, const struct json *value, struct err *err);

/*
 * All of a row's cells by the columns' members; arg is the struct table, so
 * that it can be what a call does with its rows.
 */
int table_put_row(void *arg, const struct json *row, struct err *err);

/*
 * Prints the rows of an array as a table of its own, behind the text before.
 * Prints nothing when there are none. ERR_NOMEM.
 */
int table_print_rows(const char *before, const struct table_column *columns,
    size_t ncolumns, const struct json *rows, struct err *err);

/* Was no row put at all? */
bool table_is_empty(const struct table *t);

/* Prints to stdout what is there. The titles come once, and with a row. */
void table_print(struct table *t);
void table_free(struct table *t);

/* --- one thing at a time: "name  value" lines ----------------------------- */

/* How a member is shown. */
enum field_form {
	FIELD_PLAIN,
	FIELD_GIVEN, /* plain; no line where the member is absent */
	FIELD_EXCERPT, /* text of others, cut to EXCERPT_COLUMNS */
	FIELD_SIZE, /* bytes, as "1.3 KiB" */
	FIELD_DURATION, /* seconds, as "3d 4h" */
	FIELD_PAIRS, /* an object: "a=1 b=2" */
	FIELD_LIST /* an array: "a b" */
};

struct field {
	const char *member;
	const char *title;
	enum field_form form;
	const char *none; /* shown for null; NULL: the line is left out */
};

/* Prints the fields of row that it has. */
int fields_print(const struct json *row, const struct field *fields,
    size_t nfields, struct err *err);

/* Puts an answer's excerpt, inert, cut to EXCERPT_COLUMNS. ERR_NOMEM. */
int excerpt_put(struct buf *b, const char *text, struct err *err);

/* "program: warning: ..." to stderr, for each of the row's warnings. */
void warnings_print(const char *program, const struct json *row);

/* A line of words to stderr, made inert. */
void note(const char *program, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
