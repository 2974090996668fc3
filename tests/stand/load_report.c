/* load_report.c: latency buckets, and the figures of a run in words. */
#include "tests/stand/load.h"

#include <inttypes.h>
#include <stdio.h>

#define SUB_BITS 4 /* 16 buckets to a power of two */
#define SUB (1U << SUB_BITS)

unsigned
load_latency_bucket(uint64_t ns)
{
	uint64_t us = ns / 1000;
	unsigned power = 0, bucket;

	if (us < SUB)
		return (unsigned)us;
	while (us >> (power + 1) != 0)
		power++;
	bucket = (power - SUB_BITS + 1) * SUB +
		 (unsigned)(us >> (power - SUB_BITS) & (SUB - 1));
	return bucket < LOAD_BUCKETS ? bucket : LOAD_BUCKETS - 1;
}

uint64_t
load_latency_ns(unsigned bucket)
{
	unsigned power;

	if (bucket < SUB)
		return (uint64_t)bucket * 1000;
	power = bucket / SUB + SUB_BITS - 1;
	return ((uint64_t)(SUB + bucket % SUB) << (power - SUB_BITS)) * 1000;
}

static double
percentile_ms(const struct load_count *count, double share)
{
	uint64_t total = 0, below = 0;
	unsigned i;

	for (i = 0; i < LOAD_BUCKETS; i++)
		total += count->latency[i];
	for (i = 0; i < LOAD_BUCKETS && total > 0; i++) {
		below += count->latency[i];
		if ((double)below >= share * (double)total)
			break;
	}
	return (double)load_latency_ns(i) / 1e6;
}

int
load_report(const struct load_options *opt, const struct load_board *board,
    const struct load_count *count, double seconds)
{
	uint64_t good = 0;
	size_t i;

	for (i = 0; i < LOAD_WORDS; i++)
		good += count->words[i];
	printf("%.0f good replies/s: %" PRIu64
	       " in %.2f s, %d connections, %zu byte bodies\n",
	    seconds > 0 ? (double)good / seconds : 0, good, seconds,
	    opt->connections, opt->body);
	printf("latency p50 %.2f ms, p99 %.2f ms, max %.2f ms\n",
	    percentile_ms(count, 0.50), percentile_ms(count, 0.99),
	    (double)count->latency_max_ns / 1e6);
	for (i = 0; i < LOAD_WORDS; i++)
		if (count->words[i] > 0)
			printf(
			    "%s %" PRIu64 "\n", load_words[i], count->words[i]);
	for (i = 0; i < sizeof(count->status) / sizeof(count->status[0]); i++)
		if (count->status[i] > 0)
			printf("status-%zu %" PRIu64 "\n", i, count->status[i]);
	printf("broken %" PRIu64 "\nrefused %" PRIu64 "\ntimed-out %" PRIu64
	       "\ntwice %" PRIu64 "\n",
	    board->broken, count->refused, board->timed_out, board->twice);
	if (board->twice > 0) {
		printf("FAIL: an acknowledged event was accepted again\n");
		return 1;
	}
	return good > 0 ? 0 : 1;
}
