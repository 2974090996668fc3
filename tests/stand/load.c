/*
 * load.c: a sender of signed webhooks: kept connections to one port, new
 * events as fast as answers come, and a journal of what was acknowledged.
 * Like a provider it sends an event again, signed anew, until it is taken.
 *
 *	load --port N --path /hooks/NAME --secret-file F [--connections 64]
 *	    [--body 1024] [--seconds S | --count N] [--rate N]
 *	    [--timeout-ms 10000]
 *	    [--again N] [--prefix P] [--journal F [--journal-each]] [--board F]
 *
 * An id is in the journal, and fsynced, before its connection sends on.
 */
#include "tests/stand/load.h"

#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#define HEAD_MAX 1024
#define ID_MAX 96
#define REPLY_MAX 16384
#define AGAIN_LATER_MS 20 /* after a refusal or a lost connection */
#define TICK_MS 10
#define TICK_RATE_MS 1 /* where a rate is to be kept */
#define DRAIN_S 15 /* for answers that are under way at the end */

enum state {
	IDLE, /* zero: has no event, or waits until wake_ns */
	CONNECTING,
	SENDING,
	WAITING
};

struct connection {
	int fd; /* -1: none */
	enum state state;
	char id[ID_MAX]; /* of the event in hand; "" none */
	uint64_t number;
	bool acked; /* the event in hand was acknowledged: it goes again */
	char *out; /* head and body */
	size_t out_len, out_sent;
	char in[REPLY_MAX];
	size_t in_len;
	uint64_t since_ns; /* when the request began */
	uint64_t wake_ns; /* IDLE: not before */
};

struct load {
	const struct load_options *opt;
	int epoll_fd, journal_fd;
	struct connection *connections;
	struct load_board *board;
	struct load_count count;
	uint64_t numbers; /* events begun */
	uint64_t began_ns;
	char *journal; /* lines of this round */
	size_t journal_len, journal_room;
	bool stopping; /* no new events */
};

static volatile sig_atomic_t stop;

static void
on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000U + (uint64_t)ts.tv_nsec;
}

/* --- the journal --------------------------------------------------------- */

static void
journal_sync(struct load *ld)
{
	size_t at = 0;

	while (at < ld->journal_len) {
		ssize_t n = write(
		    ld->journal_fd, ld->journal + at, ld->journal_len - at);

		if (n < 0)
			err(EX_IOERR, "%s", ld->opt->journal);
		at += (size_t)n;
	}
	if (at > 0 && fdatasync(ld->journal_fd) < 0)
		err(EX_IOERR, "%s", ld->opt->journal);
	ld->journal_len = 0;
}

static void
journal_put(struct load *ld, const char *id, const char *word)
{
	if (ld->journal_fd < 0)
		return;
	if (ld->journal_room - ld->journal_len < ID_MAX + 32) {
		ld->journal_room = ld->journal_room * 2 + 65536;
		ld->journal = realloc(ld->journal, ld->journal_room);
		if (ld->journal == NULL)
			err(EX_OSERR, "journal");
	}
	ld->journal_len +=
	    (size_t)sprintf(ld->journal + ld->journal_len, "%s %s\n", id, word);
	if (ld->opt->journal_each)
		journal_sync(ld);
}

/* --- one event ----------------------------------------------------------- */

/*
 * X-Nomos-Signature: t=SECONDS,v1=HEX of HMAC-SHA256 over "SECONDS.BODY".
 * The body stands at the end of out already; the head goes before it.
 */
static void
sign_event(struct load *ld, struct connection *c)
{
	const struct load_options *opt = ld->opt;
	char *body = c->out + HEAD_MAX, head[HEAD_MAX], stamp[32];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned mac_len = 0, i;
	size_t stamp_len;
	int head_len;

	stamp_len = (size_t)snprintf(
	    stamp, sizeof(stamp), "%lld.", (long long)time(NULL));
	/* The head's room before the body serves for the signed text first. */
	memcpy(body - stamp_len, stamp, stamp_len);
	if (HMAC(EVP_sha256(), opt->secret, (int)opt->secret_len,
		(const unsigned char *)body - stamp_len, stamp_len + opt->body,
		mac, &mac_len) == NULL)
		errx(EX_SOFTWARE, "HMAC failed");
	for (i = 0; i < mac_len; i++)
		sprintf(hex + 2 * i, "%02x", mac[i]);
	head_len = snprintf(head, sizeof(head),
	    "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n"
	    "X-Nomos-Signature: t=%.*s,v1=%s\r\n\r\n",
	    opt->path, opt->body, (int)stamp_len - 1, stamp, hex);
	if (head_len < 0 || (size_t)head_len >= sizeof(head))
		errx(EX_USAGE, "--path is too long");
	memcpy(body - head_len, head, (size_t)head_len);
	c->out_sent = HEAD_MAX - (size_t)head_len;
	c->out_len = HEAD_MAX + opt->body;
}

/* A new event: its id is the prefix and a number, so that none is missed. */
static void
make_event(struct load *ld, struct connection *c)
{
	char *body = c->out + HEAD_MAX;
	size_t len = ld->opt->body;
	int n;

	c->number = ld->numbers++;
	c->acked = false;
	snprintf(c->id, sizeof(c->id), "evt_%s_%" PRIu64, ld->opt->prefix,
	    c->number);
	memset(body, 'x', len);
	n = snprintf(body, len,
	    "{\"id\":\"%s\",\"topic\":\"order.paid\","
	    "\"created_at\":\"2026-01-15T10:30:00Z\",\"data\":{\"pad\":\"",
	    c->id);
	if (n < 0 || (size_t)n + 3 >= len)
		errx(EX_USAGE, "--body or --prefix has the wrong size");
	body[n] = 'x';
	memcpy(body + len - 3, "\"}}", 3);
}

/* --- a connection -------------------------------------------------------- */

static void
watch(struct load *ld, struct connection *c, int op, unsigned events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (epoll_ctl(ld->epoll_fd, op, c->fd, &ev) < 0)
		err(EX_OSERR, "epoll_ctl");
}

static void
hang_up(struct load *ld, struct connection *c)
{
	if (c->state == SENDING || c->state == WAITING)
		ld->board->in_flight--;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->state = IDLE;
	c->in_len = 0;
	c->wake_ns = now_ns() + AGAIN_LATER_MS * 1000000ULL;
}

static void
lose(struct load *ld, struct connection *c)
{
	ld->board->broken++;
	hang_up(ld, c);
}

static void
send_more(struct load *ld, struct connection *c)
{
	ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent,
	    MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		lose(ld, c);
		return;
	}
	if (n > 0)
		c->out_sent += (size_t)n;
	if (c->out_sent == c->out_len) {
		c->state = WAITING;
		watch(ld, c, EPOLL_CTL_MOD, EPOLLIN);
	} else {
		watch(ld, c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
	}
}

static void
open_connection(struct load *ld, struct connection *c)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	int one = 1;

	to.sin_port = htons((uint16_t)ld->opt->port);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		err(EX_OSERR, "socket");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	c->state = CONNECTING;
	c->since_ns = now_ns();
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
	    errno != EINPROGRESS) {
		ld->count.refused++;
		hang_up(ld, c);
		return;
	}
	watch(ld, c, EPOLL_CTL_ADD, EPOLLOUT);
}

/* No new events are made. */
static bool
is_over(const struct load *ld)
{
	return ld->stopping ||
	       (ld->opt->count != 0 && ld->numbers >= ld->opt->count);
}

/* Would one more now be above the rate that was asked for? */
static bool
is_early(const struct load *ld)
{
	double s = (double)(now_ns() - ld->began_ns) / 1e9;

	return ld->opt->rate != 0 &&
	       (double)ld->numbers > s * (double)ld->opt->rate;
}

/* Gives an idle connection its next request. */
static void
begin(struct load *ld, struct connection *c)
{
	if (c->id[0] == '\0') {
		if (is_over(ld) || is_early(ld))
			return;
		make_event(ld, c);
	}
	if (c->fd < 0) {
		open_connection(ld, c);
		return;
	}
	sign_event(ld, c);
	c->state = SENDING;
	c->since_ns = now_ns();
	ld->board->sent++;
	ld->board->in_flight++;
	send_more(ld, c);
}

/* The event in hand is taken: on to the next, or to the same once more. */
static void
acknowledged(struct load *ld, struct connection *c, enum load_word word)
{
	struct load_board *board = ld->board;

	if (c->acked && word == LOAD_ACCEPTED)
		board->twice++;
	if (word == LOAD_ACCEPTED || word == LOAD_DUPLICATE)
		journal_put(ld, c->id, load_words[word]);
	board->acked++;
	board->last_ack_ns = now_ns();
	if (!c->acked && ld->opt->again != 0 && c->number % ld->opt->again == 0)
		c->acked = true;
	else
		c->id[0] = '\0';
}

static void
answered(struct load *ld, struct connection *c, const struct load_reply *r)
{
	uint64_t now = now_ns(), took = now - c->since_ns;

	ld->board->in_flight--;
	c->state = IDLE;
	ld->count.status[r->status]++;
	c->wake_ns = now;
	if (r->status >= 200 && r->status < 300) {
		ld->count.words[r->word]++;
		ld->count.latency[load_latency_bucket(took)]++;
		if (took > ld->count.latency_max_ns)
			ld->count.latency_max_ns = took;
		acknowledged(ld, c, r->word);
	} else {
		c->wake_ns += AGAIN_LATER_MS * 1000000ULL;
	}
	c->in_len = 0;
	if (r->close)
		hang_up(ld, c);
}

static void
receive(struct load *ld, struct connection *c)
{
	struct load_reply reply;
	ssize_t n =
	    recv(c->fd, c->in + c->in_len, sizeof(c->in) - c->in_len, 0);
	int got;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		/* A server may end an idle connection; only then no loss. */
		if (c->state == IDLE)
			hang_up(ld, c);
		else
			lose(ld, c);
		return;
	}
	c->in_len += (size_t)n;
	got = c->state == IDLE ? -1 : load_reply_read(c->in, c->in_len, &reply);
	if (got < 0 || (got == 0 && c->in_len == sizeof(c->in)))
		lose(ld, c);
	else if (got > 0)
		answered(ld, c, &reply);
}

static void
handle(struct load *ld, struct connection *c, unsigned events)
{
	int error = 0;
	socklen_t len = sizeof(error);

	if (c->state == CONNECTING) {
		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error != 0 || (events & (EPOLLERR | EPOLLHUP)) != 0) {
			ld->count.refused++;
			hang_up(ld, c);
			return;
		}
		c->state = IDLE;
		begin(ld, c);
		return;
	}
	if ((events & EPOLLOUT) != 0 && c->state == SENDING)
		send_more(ld, c);
	if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 && c->fd >= 0)
		receive(ld, c);
}

/* --- the whole ----------------------------------------------------------- */

/* Wakes what waits and ends what took too long; how many have work still. */
static size_t
tick(struct load *ld)
{
	uint64_t now = now_ns();
	size_t busy = 0;
	int i;

	for (i = 0; i < ld->opt->connections; i++) {
		struct connection *c = &ld->connections[i];

		if (c->state == IDLE && now >= c->wake_ns)
			begin(ld, c);
		else if (c->state != IDLE &&
			 now - c->since_ns >
			     (uint64_t)ld->opt->timeout_ms * 1000000U) {
			ld->board->timed_out++;
			hang_up(ld, c);
		}
		busy += c->state != IDLE || c->id[0] != '\0' || !is_over(ld);
	}
	return busy;
}

static void
run(struct load *ld)
{
	struct epoll_event events[LOAD_CONNECTIONS_MAX];
	uint64_t began = now_ns(), ticked = 0, ended = 0, now;
	int tick_ms = ld->opt->rate != 0 ? TICK_RATE_MS : TICK_MS;
	size_t busy = 1;
	int i, n;

	ld->began_ns = began;
	while (busy > 0) {
		n = epoll_wait(
		    ld->epoll_fd, events, LOAD_CONNECTIONS_MAX, tick_ms);
		if (n < 0 && errno != EINTR)
			err(EX_OSERR, "epoll_wait");
		for (i = 0; i < n; i++)
			handle(ld, events[i].data.ptr, events[i].events);
		/* What was acknowledged is on disk before the next request. */
		journal_sync(ld);
		for (i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (c->state == IDLE && c->fd >= 0 &&
			    c->wake_ns <= now_ns())
				begin(ld, c);
		}
		now = now_ns();
		if (!ld->stopping &&
		    (stop ||
			(ld->opt->seconds > 0 &&
			    (double)(now - began) >= ld->opt->seconds * 1e9))) {
			ld->stopping = true;
			ended = now;
		}
		if (ld->stopping && now - ended > DRAIN_S * 1000000000ULL)
			break;
		if (now - ticked > (uint64_t)tick_ms * 1000000U) {
			busy = tick(ld);
			ticked = now;
		}
	}
}

/* --- beginning and end -------------------------------------------------- */

/* Opens the journal and the board; both are named, or unused. */
static void
open_files(struct load *ld)
{
	const struct load_options *opt = ld->opt;
	int fd = -1, flags = MAP_SHARED;

	ld->journal_fd = -1;
	if (opt->journal != NULL) {
		ld->journal_fd = open(opt->journal,
		    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
		if (ld->journal_fd < 0)
			err(EX_CANTCREAT, "%s", opt->journal);
	}
	if (opt->board == NULL) {
		flags |= MAP_ANONYMOUS;
	} else {
		fd = open(opt->board, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
		if (fd < 0 || ftruncate(fd, sizeof(struct load_board)) < 0)
			err(EX_CANTCREAT, "%s", opt->board);
	}
	ld->board = mmap(NULL, sizeof(struct load_board),
	    PROT_READ | PROT_WRITE, flags, fd, 0);
	if (ld->board == MAP_FAILED)
		err(EX_OSERR, "mmap");
	if (fd >= 0)
		close(fd);
}

int
main(int argc, char **argv)
{
	struct load_options opt = {
		.connections = 64, .body = 1024, .timeout_ms = 10000
	};
	struct load ld = { .opt = &opt };
	struct sigaction sa = { .sa_handler = on_signal };
	char prefix[17];
	unsigned char random[8];
	uint64_t began;
	int i;

	load_options_read(argc, argv, &opt);
	if (opt.prefix == NULL) {
		if (RAND_bytes(random, sizeof(random)) != 1)
			errx(EX_SOFTWARE, "no random bytes");
		for (i = 0; i < (int)sizeof(random); i++)
			sprintf(prefix + 2 * i, "%02x", random[i]);
		opt.prefix = prefix;
	}
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	open_files(&ld);
	ld.connections =
	    calloc((size_t)opt.connections, sizeof(*ld.connections));
	ld.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (ld.connections == NULL || ld.epoll_fd < 0)
		err(EX_OSERR, "cannot begin");
	for (i = 0; i < opt.connections; i++) {
		ld.connections[i].fd = -1;
		ld.connections[i].out = malloc(HEAD_MAX + opt.body);
		if (ld.connections[i].out == NULL)
			err(EX_OSERR, "cannot begin");
	}
	began = now_ns();
	run(&ld);
	journal_sync(&ld);
	i = load_report(
	    &opt, ld.board, &ld.count, (double)(now_ns() - began) / 1e9);
	for (int c = 0; c < opt.connections; c++)
		free(ld.connections[c].out);
	free(ld.connections);
	free(ld.journal);
	free(opt.secret);
	return i;
}
