/* fake_clock.c: what fake_clock.so puts before the system's clocks. */
#include "tests/stand/fake_clock.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BOOT_FILE "/proc/sys/kernel/random/boot_id"

/* A preloaded library has no main() to hold its state. */
static struct {
	int (*clock_gettime)(clockid_t, struct timespec *);
	int (*open)(const char *, int, ...);
	const struct fake_clock *clock;
} fake;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
die(const char *what)
{
	dprintf(2, "fake_clock.so: %s: %s\n", what, strerror(errno));
	abort();
}

static void
find(const char *name, void *to)
{
	void *at = dlsym(RTLD_NEXT, name);

	if (at == NULL)
		die(name);
	memcpy(to, &at, sizeof(at));
}

static void
set_up(void)
{
	char path[PATH_MAX];
	Dl_info self;
	char *slash;
	void *at;
	int fd;

	find("clock_gettime", &fake.clock_gettime);
	find("open", &fake.open);
	if (dladdr(&once, &self) == 0)
		die("dladdr");
	snprintf(path, sizeof(path), "%.4000s", self.dli_fname);
	slash = strrchr(path, '/');
	strcpy(slash == NULL ? path : slash + 1, "clock");
	fd = fake.open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	at =
	    mmap(NULL, sizeof(struct fake_clock), PROT_READ, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		die(path);
	close(fd);
	fake.clock = at;
}

static int64_t
offset_ms(clockid_t clock)
{
	const int64_t *at = NULL;

	if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
		at = &fake.clock->wall_ms;
	else if (clock == CLOCK_BOOTTIME)
		at = &fake.clock->boot_ms;
	return at == NULL ? 0 : __atomic_load_n(at, __ATOMIC_RELAXED);
}

static void
move(struct timespec *ts, int64_t ms)
{
	int64_t ns = ts->tv_nsec + ms % 1000 * 1000000;

	ts->tv_sec += (time_t)(ms / 1000);
	if (ns < 0) {
		ts->tv_sec--;
		ns += 1000000000;
	} else if (ns >= 1000000000) {
		ts->tv_sec++;
		ns -= 1000000000;
	}
	ts->tv_nsec = (long)ns;
}

int
clock_gettime(clockid_t clock, struct timespec *ts)
{
	int ret;

	pthread_once(&once, set_up);
	ret = fake.clock_gettime(clock, ts);
	if (ret == 0)
		move(ts, offset_ms(clock));
	return ret;
}

time_t
time(time_t *out)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(CLOCK_REALTIME, &ts);
	if (out != NULL)
		*out = ts.tv_sec;
	return ts.tv_sec;
}

int
gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	struct timespec ts = { 0, 0 };

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &ts);
	tv->tv_sec = ts.tv_sec;
	tv->tv_usec = ts.tv_nsec / 1000;
	return 0;
}

static int
open_boot(void)
{
	size_t len = strnlen(fake.clock->boot, sizeof(fake.clock->boot));
	int fd = memfd_create("boot_id", MFD_CLOEXEC);

	if (fd < 0 || write(fd, fake.clock->boot, len) != (ssize_t)len ||
	    lseek(fd, 0, SEEK_SET) != 0)
		die("boot id");
	return fd;
}

int
open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	pthread_once(&once, set_up);
	if (strcmp(path, BOOT_FILE) == 0 && fake.clock->boot[0] != '\0')
		return open_boot();
	if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return fake.open(path, flags, mode);
}
