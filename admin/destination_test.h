/* destination_test.h: sends a test event to a destination, and says how it
 * was taken. */
#ifndef EYELET_ADMIN_DESTINATION_TEST_H
#define EYELET_ADMIN_DESTINATION_TEST_H

#include "admin/call.h"

/* A run function of struct command: NAME; 1 when it was not taken. */
int destination_test(struct command_line *line, struct err *err);

/* --- its two ways (destination_post.c, destination_run.c) ----------------- */

#define TEST_WORDS_MAX 256
#define TEST_ADDRESS_MAX 64
#define TEST_REPLY_MAX 2048

/* What is sent: the owner's row. */
struct destination_trial {
	const struct json *row;
	struct buf headers; /* "Name: value\n" lines; may be confidential */
	struct buf body;
	int64_t timeout_ms;
};

struct destination_outcome {
	bool taken;
	const char *how; /* "answered", "timeout", "exit", ... */
	int status; /* HTTP, or a command's; -1: none */
	int64_t took_us;
	char address[TEST_ADDRESS_MAX]; /* in digits, or empty */
	char words[TEST_WORDS_MAX]; /* inert; may be empty */
	size_t reply_len;
	unsigned char reply[TEST_REPLY_MAX];
	bool cut; /* there was more */
};

/*
 * As the deliverer would: guarded, with the destination's certificates, by its
 * proxy. That it was not taken is an outcome. ERR_NOMEM, ERR_IO, ERR_INPUT.
 */
int destination_post(const struct destination_trial *t,
    struct destination_outcome *out, struct err *err);

/* Runs the command once. The same errors, and ERR_DENIED. */
int destination_run(const struct destination_trial *t,
    struct destination_outcome *out, struct err *err);

/* In main(), before all else: is this the process that becomes the command? */
bool destination_is_command(int argc, char **argv);
int destination_become_command(char **argv); /* an exit status, on failure */

#endif
