/* load.h: what the load sender was asked to do, and what it counted. */
#ifndef EYELET_TESTS_LOAD_H
#define EYELET_TESTS_LOAD_H

#include <stdint.h>

#include "tests/stand/load_reply.h"

struct load_options {
	int port; /* of 127.0.0.1 */
	const char *path; /* "/hooks/shop" */
	char *secret; /* Nomos: the text itself is the key */
	size_t secret_len;
	int connections;
	size_t body; /* bytes */
	double seconds; /* 0: until count is reached, or a signal */
	uint64_t count; /* events; 0: no limit */
	uint64_t rate; /* events a second; 0: as many as go */
	int timeout_ms; /* of one request, reply included */
	uint64_t again; /* every so many-th event is sent twice; 0: none */
	const char *prefix; /* of the event ids */
	const char *journal; /* file of acknowledged ids, or NULL */
	bool journal_each; /* one fsync an id instead of one a round */
	const char *board; /* file in which others see struct load_board */
};

#define LOAD_CONNECTIONS_MAX 4096

/* Reads the command line over defaults that are set; leaves when it is wrong.
 */
void load_options_read(int argc, char **argv, struct load_options *opt);

/*
 * Counters as they stand, in a file that others map: how a campaign knows
 * how many requests were under way as it struck, and when service came back.
 * Little-endian, 8 bytes each, in this order.
 */
struct load_board {
	uint64_t sent, acked, in_flight;
	uint64_t broken, timed_out; /* connections lost, requests unanswered */
	uint64_t last_ack_ns; /* CLOCK_MONOTONIC */
	uint64_t twice; /* "accepted" for what was acknowledged before */
};

#define LOAD_BUCKETS 512

struct load_count {
	uint64_t words[LOAD_WORDS]; /* of 2xx replies */
	uint64_t status[600]; /* of all replies */
	uint64_t refused; /* connections that could not be made */
	uint64_t latency[LOAD_BUCKETS]; /* see load_latency_bucket */
	uint64_t latency_max_ns;
};

/* Latency buckets: 16 to each power of two, from 1 us: at most 6 % off. */
unsigned load_latency_bucket(uint64_t ns);
uint64_t load_latency_ns(unsigned bucket);

/* Prints what came of it; returns the exit status. */
int load_report(const struct load_options *opt, const struct load_board *board,
    const struct load_count *count, double seconds);

#endif
