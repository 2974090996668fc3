/* version.c: the release's name, and which of two is newer. */
#include "lib/base/version.h"

#include <string.h>

#include "config.h"

const char *
version_release(void)
{
	return PACKAGE_VERSION;
}

const char *
version_build(void)
{
	return EYELET_BUILD;
}

long long
version_made_ms(void)
{
	return EYELET_MADE * 1000LL;
}

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The length of a number without its leading zeros, which are passed over. */
static size_t
number_at(const char **p)
{
	while (**p == '0')
		(*p)++;
	return strspn(*p, "0123456789");
}

/* What a release candidate has is older than what ends here. */
static int
rank(char c)
{
	if (c == '-' || c == '~')
		return -1;
	return (unsigned char)c;
}

int
version_compare(const char *a, const char *b)
{
	size_t la, lb;
	int diff;

	for (;;) {
		if (is_digit(*a) && is_digit(*b)) {
			la = number_at(&a);
			lb = number_at(&b);
			if (la != lb)
				return la < lb ? -1 : 1;
			diff = strncmp(a, b, la);
			if (diff != 0)
				return diff;
			a += la;
			b += lb;
			continue;
		}
		diff = rank(*a) - rank(*b);
		if (diff != 0 || *a == '\0')
			return diff;
		a++;
		b++;
	}
}
