/*
 * store_rate.c: how many events a second the store makes durable, with N of
 * them in flight, and what each takes on disk. No web server, no signatures.
 *
 *	store_rate FOLDER [IN-FLIGHT [SECONDS [BODY-BYTES]]]
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/crypto/digest.h"
#include "lib/crypto/seal.h"
#include "lib/store/store.h"

#define FLIGHT_MAX 4096
#define SAMPLES_MAX 2000000

struct flight {
	struct store_item item;
	char id[40];
	int64_t began_ns;
};

static struct {
	struct store *st;
	uint64_t endpoint_id;
	char *body;
	atomic_bool stop;
	atomic_uint landed;
	_Atomic uint64_t next, done, failed;
	char why[200]; /* the first of those that failed */
	uint32_t *samples_us;
	_Atomic size_t nsamples;
} run;

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
take_off(struct flight *f)
{
	unsigned long long n = atomic_fetch_add(&run.next, 1);

	snprintf(f->id, sizeof(f->id), "evt_%016llx%08x", n, 0xabcdefU);
	f->item.event.id = span_str(f->id);
	f->began_ns = now_ns();
	f->item.until_ms = 0; /* of the round before */
	if (dedupe_identify_own(
		f->item.event.body, true, &f->item.identity, &f->item.err) < 0)
		abort();
	store_submit(run.st, &f->item);
}

static void
on_done(struct store_item *item)
{
	struct flight *f = item->arg;
	size_t at;

	if (item->outcome != STORE_ACCEPTED &&
	    atomic_fetch_add(&run.failed, 1) == 0)
		snprintf(run.why, sizeof(run.why), "outcome %d%s%.150s",
		    (int)item->outcome, item->err.code == ERR_NONE ? "" : ": ",
		    item->err.code == ERR_NONE ? "" : item->err.text);
	atomic_fetch_add(&run.done, 1);
	at = atomic_fetch_add(&run.nsamples, 1);
	if (at < SAMPLES_MAX)
		run.samples_us[at] =
		    (uint32_t)((now_ns() - f->began_ns) / 1000);
	if (atomic_load(&run.stop))
		atomic_fetch_add(&run.landed, 1);
	else
		take_off(f);
}

static int
add_endpoint(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct store_endpoint ep = { .state = STORE_ENDPOINT_ENABLED,
		.name = "bench" };

	(void)arg;
	(void)result;
	ep.doc = span_str("{\"scheme\":\"nimbus\"}");
	if (store_tx_endpoint(tx, &ep, err) < 0)
		return -1;
	run.endpoint_id = ep.id;
	return store_tx_audit(tx, "bench", "bench", SPAN_EMPTY, err);
}

static int
by_value(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
report(unsigned flight, double seconds, const struct rusage *before)
{
	struct store_status status;
	struct rusage after;
	struct err err = ERR_INIT;
	size_t n = atomic_load(&run.nsamples);
	double cpu;

	getrusage(RUSAGE_SELF, &after);
	cpu = (double)(after.ru_utime.tv_sec - before->ru_utime.tv_sec +
		       after.ru_stime.tv_sec - before->ru_stime.tv_sec) +
	      (double)(after.ru_utime.tv_usec - before->ru_utime.tv_usec +
		       after.ru_stime.tv_usec - before->ru_stime.tv_usec) /
		  1e6;
	if (n > SAMPLES_MAX)
		n = SAMPLES_MAX;
	qsort(run.samples_us, n, sizeof(run.samples_us[0]), by_value);
	printf("in flight %u: %.0f events/s, p50 %.2f ms, p99 %.2f ms, "
	       "%.1f us CPU each, %llu failed\n",
	    flight, (double)n / seconds, run.samples_us[n / 2] / 1e3,
	    run.samples_us[n * 99 / 100] / 1e3, cpu * 1e6 / (double)n,
	    (unsigned long long)atomic_load(&run.failed));
	if (run.why[0] != '\0')
		printf("the first that failed: %s\n", run.why);
	if (store_status(run.st, &status, &err) == 0)
		printf("%llu events in %llu bytes: %.0f bytes each; "
		       "remembered ids %.0f bytes each\n",
		    (unsigned long long)status.events,
		    (unsigned long long)status.bytes_events,
		    (double)status.bytes_events / (double)status.events,
		    (double)status.bytes_dedupe / (double)status.events);
}

int
main(int argc, char **argv)
{
	static struct flight flights[FLIGHT_MAX];
	static const struct store_actor actor = { .program = "bench" };
	unsigned flight = argc > 2 ? (unsigned)atoi(argv[2]) : 64, i;
	unsigned seconds = argc > 3 ? (unsigned)atoi(argv[3]) : 5;
	size_t bytes = argc > 4 ? (size_t)atoi(argv[4]) : 1024;
	unsigned char request_id[STORE_REQUEST_ID];
	struct buf result = BUF_INIT(1024);
	struct store_options opt;
	struct err err = ERR_INIT;
	struct rusage before;
	char dir[512], key[512];
	int64_t began;

	if (argc < 2 || flight < 1 || flight > FLIGHT_MAX) {
		fprintf(stderr, "usage: store_rate FOLDER [IN-FLIGHT [SECONDS "
				"[BODY-BYTES]]]\n");
		return 64;
	}
	snprintf(dir, sizeof(dir), "%s/store", argv[1]);
	snprintf(key, sizeof(key), "%s/key", argv[1]);
	store_options_init(&opt);
	opt.dir = dir;
	opt.key_file = key;
	run.samples_us = calloc(SAMPLES_MAX, sizeof(run.samples_us[0]));
	run.body = malloc(bytes + 1);
	if (run.samples_us == NULL || run.body == NULL)
		return 71;
	memset(run.body, 'x', bytes);
	if ((access(key, F_OK) != 0 && (seal_key_create(key, &err) < 0 ||
					   store_create(dir, &err) < 0)) ||
	    store_open(&opt, &run.st, &err) < 0 ||
	    digest_random(request_id, sizeof(request_id), &err) < 0 ||
	    store_change(run.st, &actor, request_id, add_endpoint, NULL,
		&result, &err) < 0) {
		fprintf(stderr, "store_rate: %s\n", err.text);
		return 70;
	}
	getrusage(RUSAGE_SELF, &before);
	began = now_ns();
	for (i = 0; i < flight; i++) {
		flights[i].item.event.endpoint_id = run.endpoint_id;
		flights[i].item.event.type = span_str("order.created");
		flights[i].item.event.content_type =
		    span_str("application/json");
		flights[i].item.event.body = span_of(run.body, bytes);
		flights[i].item.generation = 1;
		flights[i].item.done = on_done;
		flights[i].item.arg = &flights[i];
		take_off(&flights[i]);
	}
	sleep(seconds);
	atomic_store(&run.stop, true);
	while (atomic_load(&run.landed) < flight)
		usleep(1000);
	report(flight, (double)(now_ns() - began) / 1e9, &before);
	store_close(run.st);
	return atomic_load(&run.failed) == 0 ? 0 : 1;
}
