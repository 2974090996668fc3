/* log.c: gathers log lines and writes them from a thread of its own. */
#include "cgi/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log_file.h"
#include "lib/base/text.h"

/* Bytes of a note that are shown: each may become four ("\xHH"). */
#define NOTE_MAX (LOG_LINE_MAX / 4 - 16)
#define TOOK_MAX 32 /* bytes of " ms=", any number of them, and ".000" */

/* Lines, each with its '\n'. */
struct batch {
	bool to_syslog; /* as its first line found it */
	size_t len;
	char text[LOG_ROOM];
};

struct log {
	struct log_file *file; /* NULL: it is none that is rotated */
	pthread_t thread;
	pthread_mutex_t lock; /* all below but what "writing" points at */
	pthread_cond_t wake, ended;
	bool to_syslog;
	struct batch *gathering, *writing;
	uint64_t dropped;
	bool ending, has_ended;
};

/* --- the writing thread -------------------------------------------------- */

static void
write_stderr(const char *at, size_t len)
{
	struct pollfd p = { STDERR_FILENO, POLLOUT, 0 };
	ssize_t n;

	while (len > 0) {
		n = write(STDERR_FILENO, at, len);
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			/* Whoever shares the pipe made it non-blocking. */
			if (poll(&p, 1, -1) < 0 && errno != EINTR)
				return;
		} else if (n < 0 && errno != EINTR)
			return; /* nobody reads it any more */
	}
}

static void
write_syslog(const char *at, size_t len)
{
	const char *end;
	size_t n;

	for (; len > 0; at += n, len -= n) {
		end = memchr(at, '\n', len);
		n = end == NULL ? len : (size_t)(end - at) + 1;
		syslog(LOG_INFO, "%.*s", (int)(end == NULL ? n : n - 1), at);
	}
}

static void
write_batch(struct batch *b)
{
	if (b->to_syslog)
		write_syslog(b->text, b->len);
	else
		write_stderr(b->text, b->len);
	b->len = 0;
}

/* Waits until there is something to write; false when that will never be. */
static bool
wait_for_lines(struct log *lg)
{
	struct timespec until;

	while (lg->gathering->len == 0 && !lg->ending)
		pthread_cond_wait(&lg->wake, &lg->lock);
	until = clock_in_ms(LOG_WRITE_MS);
	while (lg->gathering->len < LOG_WRITE_AT && !lg->ending)
		if (pthread_cond_timedwait(&lg->wake, &lg->lock, &until) ==
		    ETIMEDOUT)
			break;
	return lg->gathering->len > 0;
}

static void *
writer(void *arg)
{
	struct log *lg = arg;
	struct batch *full;
	uint64_t dropped;

	pthread_setname_np(pthread_self(), "log");
	pthread_mutex_lock(&lg->lock);
	while (wait_for_lines(lg)) {
		full = lg->gathering;
		lg->gathering = lg->writing;
		lg->writing = full;
		dropped = lg->dropped;
		lg->dropped = 0;
		pthread_mutex_unlock(&lg->lock);
		write_batch(full);
		if (dropped > 0)
			log_note(lg,
			    "%llu log lines were dropped: they came faster "
			    "than the log took them",
			    (unsigned long long)dropped);
		pthread_mutex_lock(&lg->lock);
	}
	lg->has_ended = true;
	pthread_cond_signal(&lg->ended);
	pthread_mutex_unlock(&lg->lock);
	return NULL;
}

/* --- the others ---------------------------------------------------------- */

static void
destroy(struct log *lg)
{
	pthread_cond_destroy(&lg->wake);
	pthread_cond_destroy(&lg->ended);
	pthread_mutex_destroy(&lg->lock);
	log_file_free(lg->file);
	free(lg->gathering);
	free(lg->writing);
	free(lg);
}

int
log_open(const char *to, struct log **out, struct err *err)
{
	pthread_condattr_t monotonic;
	struct log *lg;
	int failed;

	if (strcmp(to, "stderr") != 0 && strcmp(to, "syslog") != 0)
		return err_set(
		    err, ERR_USAGE, "log \"%s\": must be stderr or syslog", to);
	lg = calloc(1, sizeof(*lg));
	if (lg == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the log");
	pthread_mutex_init(&lg->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&lg->wake, &monotonic);
	pthread_cond_init(&lg->ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
	lg->gathering = malloc(sizeof(*lg->gathering));
	lg->writing = malloc(sizeof(*lg->writing));
	if (lg->gathering == NULL || lg->writing == NULL) {
		destroy(lg);
		return err_set(err, ERR_NOMEM, "no memory for the log");
	}
	if (log_file_new(STDERR_FILENO, &lg->file, err) < 0) {
		destroy(lg);
		return -1;
	}
	lg->gathering->len = lg->writing->len = 0;
	log_set(lg, to);
	failed = pthread_create(&lg->thread, NULL, writer, lg);
	if (failed != 0) {
		destroy(lg);
		return err_limit(err, failed, "start the log's thread");
	}
	*out = lg;
	return 0;
}

void
log_set(struct log *lg, const char *to)
{
	bool to_syslog = strcmp(to, "syslog") == 0;

	pthread_mutex_lock(&lg->lock);
	if (to_syslog && !lg->to_syslog)
		openlog("eyelet.fcgi", LOG_PID | LOG_NDELAY, LOG_DAEMON);
	lg->to_syslog = to_syslog;
	pthread_mutex_unlock(&lg->lock);
}

void
log_look(struct log *lg, bool now)
{
	struct err err = ERR_INIT;

	if (log_file_look(lg->file, now, &err) < 0)
		log_note(lg, "%s", err.text);
}

bool
log_end(struct log *lg)
{
	struct timespec until = clock_in_ms(LOG_END_MS);
	bool ended;

	pthread_mutex_lock(&lg->lock);
	lg->ending = true;
	pthread_cond_signal(&lg->wake);
	while (!lg->has_ended)
		if (pthread_cond_timedwait(&lg->ended, &lg->lock, &until) ==
		    ETIMEDOUT)
			break;
	ended = lg->has_ended;
	pthread_mutex_unlock(&lg->lock);
	return ended;
}

void
log_close(struct log *lg)
{
	if (lg == NULL)
		return;
	if (!log_end(lg)) {
		/* It hangs in a write; it keeps lg until the process ends. */
		pthread_detach(lg->thread);
		return;
	}
	pthread_join(lg->thread, NULL);
	destroy(lg);
}

static void
put_line(struct log *lg, const char *line, size_t len)
{
	char stamp[TEXT_TIME_MAX];
	size_t stamp_len = 0;
	struct batch *b;

	text_time(stamp, clock_wall_ms());
	pthread_mutex_lock(&lg->lock);
	b = lg->gathering;
	if (b->len == 0)
		b->to_syslog = lg->to_syslog;
	if (!b->to_syslog) {
		stamp_len = strlen(stamp);
		stamp[stamp_len++] = ' ';
	}
	if (stamp_len + len + 1 > sizeof(b->text) - b->len)
		lg->dropped++;
	else {
		if (b->len == 0 ||
		    (b->len < LOG_WRITE_AT &&
			b->len + stamp_len + len + 1 >= LOG_WRITE_AT))
			pthread_cond_signal(&lg->wake);
		memcpy(b->text + b->len, stamp, stamp_len);
		memcpy(b->text + b->len + stamp_len, line, len);
		b->len += stamp_len + len;
		b->text[b->len++] = '\n';
	}
	pthread_mutex_unlock(&lg->lock);
}

void
log_request(struct log *lg, const struct receive_reply *reply, int64_t took_us)
{
	size_t len = strlen(reply->log);
	char line[sizeof(reply->log) + TOOK_MAX];

	memcpy(line, reply->log, len);
	len += (size_t)snprintf(line + len, TOOK_MAX, " ms=%lld.%03d",
	    (long long)(took_us / 1000), (int)(took_us % 1000));
	put_line(lg, line, len);
}

void
log_words(void *arg, const char *words)
{
	struct buf line = BUF_INIT(LOG_LINE_MAX);
	struct err ignored = ERR_INIT;

	/* Without memory there is nothing that a log could say. */
	if (buf_puts(&line, "note=", &ignored) == 0 &&
	    text_put_value(&line, span_str(words), NOTE_MAX, &ignored) == 0)
		put_line(arg, (const char *)line.ptr, line.len);
	buf_free(&line);
}

void
log_note(struct log *lg, const char *fmt, ...)
{
	char words[NOTE_MAX + 2]; /* one more, so that a cut one shows it */
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	log_words(lg, words);
}
