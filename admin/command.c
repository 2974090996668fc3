/* command.c: walks the tables of a program: usage, help, options, statuses. */
#include "admin/command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "config.h"
#include "lib/base/harden.h"
#include "lib/base/near.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/http/gateway.h"

#define USAGE_COLUMNS 78
#define SAFE_MAX 4096 /* bytes of a message */

/* An option that was given. */
struct given {
	const struct option_row *row;
	const char *value; /* NULL where the row takes none */
};

static const struct {
	enum err_code code;
	int status;
} statuses[] = {
	{ ERR_USAGE, EX_USAGE },
	{ ERR_INPUT, EX_DATAERR },
	{ ERR_CONFIG, EX_CONFIG },
	{ ERR_NOTFOUND, EX_NOINPUT },
	{ ERR_EXISTS, EX_CANTCREAT },
	{ ERR_CONFLICT, EX_TEMPFAIL },
	{ ERR_DENIED, EX_NOPERM },
	{ ERR_HELD, EX_TEMPFAIL },
	{ ERR_LIMIT, EX_UNAVAILABLE },
	{ ERR_IO, EX_IOERR },
	{ ERR_FULL, EX_IOERR },
	{ ERR_NOMEM, EX_OSERR },
	{ ERR_CRYPTO, EX_SOFTWARE },
	{ ERR_CORRUPT, EX_SOFTWARE },
	{ ERR_VERSION, EX_PROTOCOL },
	{ ERR_AWAY, EX_UNAVAILABLE },
	{ ERR_TIMEOUT, EX_TEMPFAIL },
	{ ERR_CLOCK, EX_TEMPFAIL },
};

/* Known to every verb. */
static const struct option_row json_row = { "json", NULL,
	"one JSON object a line, for scripts", false };
static const struct option_row help_row = { "help", NULL,
	"these words, and nothing else", false };

static int
status_of(enum err_code code)
{
	size_t i;

	for (i = 0; i < NITEMS(statuses); i++)
		if (statuses[i].code == code)
			return statuses[i].status;
	return EX_SOFTWARE;
}

/* --- words --------------------------------------------------------------- */

/* Whatever stands in a message, the terminal stays as it is (P11). */
static void
complain(const struct program *program, const struct command *command,
    const struct err *err)
{
	struct buf safe = BUF_INIT(SAFE_MAX);
	struct err ignored = ERR_INIT;

	if (text_put_shown(&safe, span_str(err->text), &ignored) < 0)
		buf_clear(&safe);
	fprintf(stderr, "%s: %s%s%.*s\n", program->name,
	    command == NULL ? "" : command->verb, command == NULL ? "" : ": ",
	    (int)safe.len, safe.ptr == NULL ? "" : (const char *)safe.ptr);
	buf_free(&safe);
}

/* Words with a blank between them, in lines of USAGE_COLUMNS. */
static void
put_word(FILE *f, size_t *column, const char *word)
{
	size_t len = strlen(word);

	if (*column > 0 && *column + 1 + len > USAGE_COLUMNS)
		*column = (size_t)fprintf(f, "\n           ") - 1;
	*column += (size_t)fprintf(f, "%s%s", *column > 0 ? " " : "", word);
}

static void
put_usage(FILE *f, const struct program *program, const struct command *command)
{
	const struct option_row *row;
	size_t column = 0, i;
	char word[128];

	put_word(f, &column, "usage:");
	put_word(f, &column, program->name);
	put_word(f, &column, "[-c FILE]");
	if (command == NULL) {
		put_word(f, &column, "VERB [OPERAND ...] [--OPTION ...]\n");
		return;
	}
	put_word(f, &column, command->verb);
	if (command->operands[0] != '\0')
		put_word(f, &column, command->operands);
	for (i = 0; i < command->noptions; i++) {
		row = &command->options[i];
		snprintf(word, sizeof(word), "[--%s%s%s]%s", row->name,
		    row->value == NULL ? "" : " ",
		    row->value == NULL ? "" : row->value,
		    row->many ? "..." : "");
		put_word(f, &column, word);
	}
	put_word(f, &column, "[--json]\n");
}

static void
put_option_help(const struct option_row *row)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", row->name,
	    row->value == NULL ? "" : " ",
	    row->value == NULL ? "" : row->value);
	printf("  %-26s %s%s\n", left, row->help,
	    row->many ? " (may be repeated)" : "");
}

static void
put_command_help(const struct program *program, const struct command *command)
{
	size_t i;

	put_usage(stdout, program, command);
	printf("\n%s\n\n", command->help);
	for (i = 0; i < command->noptions; i++)
		put_option_help(&command->options[i]);
	put_option_help(&json_row);
	put_option_help(&help_row);
}

static void
put_program_help(const struct program *program)
{
	size_t i;

	put_usage(stdout, program, NULL);
	printf("\n%s\n\n", program->help);
	for (i = 0; i < program->ncommands; i++)
		printf("  %-10s %s\n", program->commands[i].verb,
		    program->commands[i].help);
	printf("\n  -c FILE    read FILE instead of $EYELET_CONFIG or %s\n"
	       "  --version  say which release this is\n\n"
	       "\"%s help VERB\" says more; so does the manual page %s(8).\n",
	    EYELET_SYSCONFDIR "/eyelet/eyelet.conf", program->name,
	    program->name);
}

/* --- reading a command line ---------------------------------------------- */

static const struct command *
find_command(const struct program *program, const char *verb, struct err *err)
{
	struct near near = NEAR_INIT;
	size_t i;

	for (i = 0; i < program->ncommands; i++) {
		if (strcmp(program->commands[i].verb, verb) == 0)
			return &program->commands[i];
		near_try(&near, span_str(verb), program->commands[i].verb);
	}
	if (near.word != NULL)
		err_set(err, ERR_USAGE,
		    "there is no verb \"%s\": did you mean \"%s\"?", verb,
		    near.word);
	else
		err_set(err, ERR_USAGE, "there is no verb \"%s\"", verb);
	return NULL;
}

static const struct option_row *
find_option(const struct command *command, struct span name, struct err *err)
{
	struct near near = NEAR_INIT;
	size_t i;

	for (i = 0; i < command->noptions; i++) {
		if (span_is(name, command->options[i].name))
			return &command->options[i];
		near_try(&near, name, command->options[i].name);
	}
	if (span_is(name, json_row.name))
		return &json_row;
	if (span_is(name, help_row.name))
		return &help_row;
	if (near.word != NULL)
		err_set(err, ERR_USAGE,
		    "there is no option \"--%.*s\": did you mean \"--%s\"?",
		    (int)name.len, (const char *)name.ptr, near.word);
	else
		err_set(err, ERR_USAGE, "there is no option \"--%.*s\"",
		    (int)name.len, (const char *)name.ptr);
	return NULL;
}

static bool
is_number(const char *s)
{
	return s[0] != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/*
 * Takes the option at argv[*i], and its value from behind the "=" or from the
 * next argument. *help is set when it asks for help.
 */
static int
take_option(struct command_line *line, char **argv, int argc, int *i,
    bool *help, struct err *err)
{
	const char *text = argv[*i] + 2, *value = NULL;
	struct span name = span_of(text, strcspn(text, "="));
	const struct option_row *row = find_option(line->command, name, err);

	if (row == NULL)
		return -1;
	if (text[name.len] == '=')
		value = text + name.len + 1;
	if (row->value == NULL && value != NULL)
		return err_set(
		    err, ERR_USAGE, "--%s takes no value", row->name);
	/* "[NUMBER]": may be left out, so that no operand is taken for it. */
	if (row->value != NULL && row->value[0] == '[' && value == NULL)
		value =
		    *i + 1 < argc && is_number(argv[*i + 1]) ? argv[++*i] : "";
	if (row->value != NULL && value == NULL) {
		if (*i + 1 == argc)
			return err_set(err, ERR_USAGE, "--%s needs a value: %s",
			    row->name, row->value);
		value = argv[++*i];
	}
	if (row == &json_row)
		line->json = true;
	else if (row == &help_row)
		*help = true;
	else if (!row->many && command_has(line, row->name))
		return err_set(
		    err, ERR_USAGE, "--%s is given twice", row->name);
	else
		line->given[line->ngiven++] = (struct given){ row, value };
	return 0;
}

/* Everything behind the verb. */
static int
take_arguments(struct command_line *line, char **argv, int argc, bool *help,
    struct err *err)
{
	bool options = true;
	size_t max;
	int i;

	for (i = 0; i < argc; i++) {
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (options && strcmp(argv[i], "-h") == 0) {
			*help = true;
		} else if (options && strncmp(argv[i], "--", 2) == 0) {
			if (take_option(line, argv, argc, &i, help, err) < 0)
				return -1;
		} else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
			return err_set(err, ERR_USAGE,
			    "there is no option \"%s\"", argv[i]);
		} else {
			line->operands[line->noperands++] = argv[i];
		}
	}
	if (*help)
		return 0;
	if (line->noperands < (size_t)line->command->min)
		return err_set(
		    err, ERR_USAGE, "%s is missing", line->command->operands);
	max = (size_t)line->command->max;
	if (line->command->max >= 0 && line->noperands > max)
		return err_set(err, ERR_USAGE, "\"%s\" is one word too many",
		    line->operands[max]);
	return 0;
}

const char *
command_option(const struct command_line *line, const char *name, size_t i)
{
	size_t at;

	for (at = 0; at < line->ngiven; at++)
		if (strcmp(line->given[at].row->name, name) == 0 && i-- == 0)
			return line->given[at].value;
	return NULL;
}

bool
command_has(const struct command_line *line, const char *name)
{
	size_t at;

	for (at = 0; at < line->ngiven; at++)
		if (strcmp(line->given[at].row->name, name) == 0)
			return true;
	return false;
}

/* --- running ------------------------------------------------------------- */

/* Wrong use names the right use. */
static int
misused(const struct program *program, const struct command *command,
    const struct err *err)
{
	complain(program, command, err);
	put_usage(stderr, program, command);
	if (command == NULL)
		fprintf(
		    stderr, "\"%s help\" lists the verbs.\n", program->name);
	else
		fprintf(stderr, "\"%s help %s\" says more.\n", program->name,
		    command->verb);
	return EX_USAGE;
}

/* What a full disk or a closed pipe kept from us must not look like success. */
static int
finish_output(const struct program *program, int status)
{
	struct err err = ERR_INIT;

	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	err_errno(&err, errno, "write the output");
	complain(program, NULL, &err);
	return EX_IOERR;
}

static int
run(struct command_line *line, char **argv, int argc)
{
	struct err err = ERR_INIT;
	bool help = false;
	int verdict;

	if (take_arguments(line, argv, argc, &help, &err) < 0)
		return misused(line->program, line->command, &err);
	if (help) {
		put_command_help(line->program, line->command);
		return finish_output(line->program, 0);
	}
	verdict = line->command->run(line, &err);
	if (verdict >= 0)
		return finish_output(line->program, verdict);
	/* Rows that came before the failure stay; its words follow them. */
	(void)finish_output(line->program, 0);
	if (err.code == ERR_USAGE)
		return misused(line->program, line->command, &err);
	complain(line->program, line->command, &err);
	return status_of(err.code);
}

/* "help [VERB]", once the word help was read. */
static int
help_verb(const struct program *program, const char *verb)
{
	const struct command *command;
	struct err err = ERR_INIT;

	if (verb == NULL) {
		put_program_help(program);
		return finish_output(program, 0);
	}
	command = find_command(program, verb, &err);
	if (command == NULL)
		return misused(program, NULL, &err);
	put_command_help(program, command);
	return finish_output(program, 0);
}

/*
 * The tables, for programs that complete command lines: "VERB", a tab and its
 * operands; "VERB --OPTION", a tab and what it takes.
 */
static int
complete(const struct program *program)
{
	const struct command *command;
	const struct option_row *row;
	size_t i, j;

	for (i = 0; i < program->ncommands; i++) {
		command = &program->commands[i];
		printf("%s\t%s\n", command->verb, command->operands);
		for (j = 0; j < command->noptions; j++) {
			row = &command->options[j];
			printf("%s --%s\t%s\n", command->verb, row->name,
			    row->value == NULL ? "" : row->value);
		}
		printf("%s --%s\t\n", command->verb, json_row.name);
		printf("%s --%s\t\n", command->verb, help_row.name);
	}
	printf("help\t[VERB]\n");
	return finish_output(program, 0);
}

/* The options before the verb. Returns the verb's index, or -1 when done. */
static int
take_front(const struct program *program, int argc, char **argv,
    const char **config, int *status)
{
	struct err err = ERR_INIT;
	int i;

	*status = 0;
	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "-h") == 0 ||
		    strcmp(argv[i], "--help") == 0) {
			*status = help_verb(program, NULL);
			return -1;
		}
		if (strcmp(argv[i], "--version") == 0) {
			printf("%s %s\n", program->name, PACKAGE_VERSION);
			*status = finish_output(program, 0);
			return -1;
		}
		if (strcmp(argv[i], "--complete") == 0) {
			*status = complete(program);
			return -1;
		}
		if (strcmp(argv[i], "-c") != 0) {
			err_set(&err, ERR_USAGE,
			    "there is no option \"%s\" before the verb",
			    argv[i]);
			*status = misused(program, NULL, &err);
			return -1;
		}
		if (++i == argc) {
			err_set(&err, ERR_USAGE, "-c needs a file");
			*status = misused(program, NULL, &err);
			return -1;
		}
		*config = argv[i];
	}
	if (i < argc)
		return i;
	err_set(&err, ERR_USAGE, "a verb is missing");
	*status = misused(program, NULL, &err);
	return -1;
}

int
command_main(const struct program *program, int argc, char **argv)
{
	struct command_line line = { .program = program };
	struct err err = ERR_INIT;
	int at, status, rest;

	if (harden_process(&err) < 0 || gateway_refuse(&err) < 0) {
		complain(program, NULL, &err);
		return status_of(err.code);
	}
	at = take_front(program, argc, argv, &line.config, &status);
	if (at < 0)
		return status;
	if (strcmp(argv[at], "help") == 0)
		return help_verb(program, argv[at + 1]);
	line.command = find_command(program, argv[at], &err);
	if (line.command == NULL)
		return misused(program, NULL, &err);
	rest = argc - at - 1;
	line.operands = calloc((size_t)rest + 1, sizeof(*line.operands));
	line.given = calloc((size_t)rest + 1, sizeof(*line.given));
	if (line.operands == NULL || line.given == NULL) {
		err_set(&err, ERR_NOMEM, "no memory for %d words", rest);
		complain(program, line.command, &err);
		status = EX_OSERR;
	} else {
		status = run(&line, argv + at + 1, rest);
	}
	free(line.operands);
	free(line.given);
	return status;
}
