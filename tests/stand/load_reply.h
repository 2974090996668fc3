/*
 * load_reply.h: reads one HTTP/1.1 reply off a kept connection, as far as
 * the load sender needs it.
 */
#ifndef EYELET_TESTS_LOAD_REPLY_H
#define EYELET_TESTS_LOAD_REPLY_H

#include <stdbool.h>
#include <stddef.h>

/* What eyelet said in the body of a 2xx. */
enum load_word {
	LOAD_OTHER, /* zero: a 2xx of something that is not eyelet */
	LOAD_ACCEPTED,
	LOAD_DUPLICATE,
	LOAD_IGNORED,
	LOAD_TEST,
	LOAD_WORDS
};

struct load_reply {
	int status;
	enum load_word word;
	bool close; /* the server ends the connection after it */
	size_t used; /* bytes of the input that the reply took */
};

extern const char *const load_words[LOAD_WORDS];

/*
 * Returns 1 when a whole reply stands at the start of text, 0 when more bytes
 * are needed, -1 when it is no reply.
 */
int load_reply_read(const char *text, size_t len, struct load_reply *out);

#endif
