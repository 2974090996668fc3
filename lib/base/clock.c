/* clock.c: reads the clocks. */
#include "lib/base/clock.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BOOT_FILE "/proc/sys/kernel/random/boot_id"
#define PAUSE_MS 100 /* two calls, one after another, take less */
#define TRIES 10

int64_t
clock_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_ms(void)
{
	return clock_us() / 1000;
}

static int64_t
read_ms(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_boot_ms(void)
{
	return read_ms(CLOCK_BOOTTIME);
}

int64_t
clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

struct timespec
clock_in_ms(int64_t ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += (time_t)(ms / 1000);
	ts.tv_nsec += (long)(ms % 1000) * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return ts;
}

void
clock_boot(char boot[CLOCK_BOOT_MAX])
{
	int fd = open(BOOT_FILE, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, boot, CLOCK_BOOT_MAX - 1);
		close(fd);
	}
	boot[n < 0 ? 0 : n] = '\0';
	boot[strcspn(boot, " \n")] = '\0';
}

void
clock_read(const char *boot, struct clock_reading *out)
{
	int64_t began;
	int tries = 0;

	/* A process stopped between the two calls would measure a step. */
	do {
		began = clock_boot_ms();
		out->wall_ms = clock_wall_ms();
		out->boot_ms = clock_boot_ms();
	} while (out->boot_ms - began > PAUSE_MS && ++tries < TRIES);
	snprintf(out->boot, sizeof(out->boot), "%s", boot);
}

bool
clock_same_boot(
    const struct clock_reading *before, const struct clock_reading *now)
{
	return strcmp(before->boot, now->boot) == 0 &&
	       now->boot_ms >= before->boot_ms;
}
