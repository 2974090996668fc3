/* explained.c: the steps of a check and its diagnosis as lines. */
#include "admin/explained.h"

#include <stdio.h>
#include <string.h>

/* The owner made them inert. */
static const char *
words(const struct json *row, const char *name)
{
	const char *text = json_text(json_get(row, name));

	return text == NULL ? "" : text;
}

void
explained_print(const struct json *row)
{
	const struct json *step = json_first(json_get(row, "steps"));
	unsigned n = 1;

	for (; step != NULL; step = json_next(step))
		printf("%2u. %s\n", n++, json_text(step));
	printf("\nverdict    %s\n", words(row, "verdict"));
	printf("diagnosis  %s\n", words(row, "diagnosis"));
	printf("           %s\n", words(row, "words"));
	printf("advice     %s\n", words(row, "advice"));
}

int
explained_status(const struct json *row)
{
	return strcmp(words(row, "diagnosis"), "valid") == 0 ? 0 : 1;
}
