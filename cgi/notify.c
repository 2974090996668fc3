/* notify.c: datagrams to systemd, and requests to ourselves. */
#include "cgi/notify.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/bytes.h"
#include "lib/base/text.h"
#include "lib/base/util.h"

#define ANSWER_S 20 /* above what any request may take */
#define ASKS 3 /* times within the watchdog's time */
#define STACK (128 * 1024)

/* FastCGI specification, section 8. */
#define TYPE_BEGIN 1
#define TYPE_PARAMS 4
#define TYPE_STDIN 5
#define TYPE_STDOUT 6
#define ROLE_RESPONDER 1

struct notify {
	struct sockaddr_un to; /* systemd */
	socklen_t to_len;
	struct sockaddr_storage us; /* the listening socket */
	socklen_t us_len;
	struct conf_live *settings;
	uint64_t watchdog_us; /* 0: none is wanted */
	bool runs; /* its thread */
	atomic_bool ready; /* requests are answered, so it asks */
};

static void
tell(const struct notify *nt, const char *words)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	/* A message that is lost is followed by the next one. */
	(void)sendto(fd, words, strlen(words), MSG_NOSIGNAL,
	    (const struct sockaddr *)&nt->to, nt->to_len);
	close(fd);
}

/* --- a request of our own ------------------------------------------------ */

static int
put_record(struct buf *out, unsigned type, struct span content, struct err *err)
{
	unsigned char head[8] = { 1, (unsigned char)type, 0, 1, 0, 0, 0, 0 };

	be16_put(head + 4, (unsigned)content.len);
	return buf_put(out, head, sizeof(head), err) < 0 ||
		       buf_put_span(out, content, err) < 0
		   ? -1
		   : 0;
}

static int
put_pair(struct buf *out, const char *name, const char *value, struct err *err)
{
	unsigned char lengths[2] = { (unsigned char)strlen(name),
		(unsigned char)strlen(value) };

	return buf_put(out, lengths, sizeof(lengths), err) < 0 ||
		       buf_puts(out, name, err) < 0 ||
		       buf_puts(out, value, err) < 0
		   ? -1
		   : 0;
}

static int
write_request(const struct notify *nt, struct buf *out, struct err *err)
{
	const unsigned char begin[8] = { 0, ROLE_RESPONDER };
	const struct conf *cf = conf_live_get(nt->settings);
	struct buf params = BUF_INIT(512);
	char path[128]; /* the length of a pair's value is one byte */
	int ret = -1;

	snprintf(path, sizeof(path), "%.100s/healthz", cf->mount);
	conf_live_put(cf);
	if (put_pair(&params, "REQUEST_METHOD", "GET", err) == 0 &&
	    put_pair(&params, "REMOTE_ADDR", "127.0.0.1", err) == 0 &&
	    put_pair(&params, "REQUEST_URI", path, err) == 0 &&
	    put_pair(&params, NOTIFY_MARK, "1", err) == 0 &&
	    put_record(out, TYPE_BEGIN, span_of(begin, sizeof(begin)), err) ==
		0 &&
	    put_record(out, TYPE_PARAMS, buf_span(&params), err) == 0 &&
	    put_record(out, TYPE_PARAMS, SPAN_EMPTY, err) == 0)
		ret = put_record(out, TYPE_STDIN, SPAN_EMPTY, err);
	buf_free(&params);
	return ret;
}

/* Does what listens there answer, as a web server would see it? */
static bool
is_answered(const struct notify *nt)
{
	const struct timeval patience = { .tv_sec = ANSWER_S };
	struct buf request = BUF_INIT(1024);
	struct err ignored = ERR_INIT;
	unsigned char head[8];
	bool answered = false;
	int fd;

	fd = socket(nt->us.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || write_request(nt, &request, &ignored) < 0)
		goto out;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&nt->us, nt->us_len) < 0 ||
	    send(fd, request.ptr, request.len, MSG_NOSIGNAL) !=
		(ssize_t)request.len)
		goto out;
	answered = recv(fd, head, sizeof(head), MSG_WAITALL) ==
		       (ssize_t)sizeof(head) &&
		   head[1] == TYPE_STDOUT;
out:
	if (fd >= 0)
		close(fd);
	buf_free(&request);
	return answered;
}

static void *
watch(void *arg)
{
	struct notify *nt = arg;
	const uint64_t pause_us = nt->watchdog_us / ASKS;
	const struct timespec pause = { (time_t)(pause_us / 1000000),
		(long)(pause_us % 1000000) * 1000 };

	pthread_setname_np(pthread_self(), "notify");
	for (;;) {
		/* Opening a store takes its time, and is no hang. */
		if (!atomic_load(&nt->ready) || is_answered(nt))
			tell(nt, "WATCHDOG=1");
		nanosleep(&pause, NULL);
	}
	return NULL;
}

/* --- all ----------------------------------------------------------------- */

/* In microseconds; 0 where none is wanted of this process. */
static uint64_t
wanted_watchdog(void)
{
	const char *value = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	struct err ignored = ERR_INIT;
	uint64_t us = 0, who = (uint64_t)getpid();

	if (value == NULL ||
	    text_to_u64(span_str(value), INT64_MAX, &us, &ignored) < 0 ||
	    (pid != NULL &&
		text_to_u64(span_str(pid), UINT32_MAX, &who, &ignored) < 0) ||
	    who != (uint64_t)getpid())
		return 0;
	return us;
}

/* Where requests come. A socket file has another name until it is in place. */
static bool
find_us(const struct listening *ls, struct notify *nt)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	if (ls->path[0] != '\0') {
		memcpy(sun.sun_path, ls->path, sizeof(sun.sun_path));
		memcpy(&nt->us, &sun, sizeof(sun));
		nt->us_len = sizeof(sun);
		return true;
	}
	nt->us_len = sizeof(nt->us);
	return ls->fd >= 0 && getsockname(ls->fd, (struct sockaddr *)&nt->us,
				  &nt->us_len) == 0;
}

static void
start_watch(struct notify *nt)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (nt->watchdog_us == 0)
		return;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK);
	nt->runs = pthread_create(&thread, &attr, watch, nt) == 0;
	pthread_attr_destroy(&attr);
}

int
notify_open(const struct listening *ls, struct conf_live *settings,
    struct notify **out, struct err *err)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct notify *nt;
	size_t len = path == NULL ? 0 : strlen(path);

	*out = NULL;
	if (len < 2 || (path[0] != '/' && path[0] != '@') ||
	    len >= sizeof(nt->to.sun_path))
		return 0;
	nt = calloc(1, sizeof(*nt));
	if (nt == NULL)
		return err_set(err, ERR_NOMEM, "no memory to notify systemd");
	nt->to.sun_family = AF_UNIX;
	memcpy(nt->to.sun_path, path, len);
	if (path[0] == '@')
		nt->to.sun_path[0] = '\0';
	nt->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (find_us(ls, nt))
		nt->watchdog_us = wanted_watchdog();
	nt->settings = settings;
	atomic_init(&nt->ready, false);
	start_watch(nt);
	*out = nt;
	return 0;
}

void
notify_ready(struct notify *nt)
{
	if (nt == NULL)
		return;
	tell(nt, "READY=1");
	atomic_store(&nt->ready, true);
}

void
notify_stopping(struct notify *nt)
{
	if (nt != NULL)
		tell(nt, "STOPPING=1");
}

bool
notify_close(struct notify *nt)
{
	if (nt != NULL && nt->runs)
		return false;
	free(nt);
	return true;
}
