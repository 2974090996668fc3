/* near.c: distances between words (Damerau-Levenshtein, adjacent swaps). */
#include "lib/base/near.h"

#include <stdio.h>
#include <string.h>

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

static size_t
distance(struct span wrong, const char *known, size_t len)
{
	/* Row i holds the distances of wrong's first i bytes; three suffice. */
	size_t rows[3][NEAR_WORD_MAX + 1], *prior, *above, *row, i, j, cost;
	const char *w = wrong.ptr;

	for (j = 0; j <= len; j++)
		rows[0][j] = j;
	for (i = 1; i <= wrong.len; i++) {
		row = rows[i % 3];
		above = rows[(i + 2) % 3];
		prior = rows[(i + 1) % 3];
		row[0] = i;
		for (j = 1; j <= len; j++) {
			cost = w[i - 1] == known[j - 1] ? 0 : 1;
			row[j] = least(least(above[j], row[j - 1]) + 1,
			    above[j - 1] + cost);
			if (i > 1 && j > 1 && w[i - 1] == known[j - 2] &&
			    w[i - 2] == known[j - 1])
				row[j] = least(row[j], prior[j - 2] + 1);
		}
	}
	return rows[wrong.len % 3][len];
}

void
near_try(struct near *near, struct span wrong, const char *known)
{
	size_t len = strlen(known), d;

	if (wrong.len == 0 || wrong.len > NEAR_WORD_MAX || len > NEAR_WORD_MAX)
		return;
	d = distance(wrong, known, len);
	if (d > (len + 2) / 3)
		return;
	if (near->word == NULL || d < near->distance) {
		near->word = known;
		near->distance = d;
	}
}

void
near_try_copy(struct near *near, struct span wrong, const char *known)
{
	near_try(near, wrong, known);
	if (near->word != known)
		return;
	snprintf(near->copy, sizeof(near->copy), "%s", known);
	near->word = near->copy;
}
