/* clock_fixture.c: clocks that a unit test sets. */
#include "tests/stand/clock_fixture.h"

#include <pthread.h>
#include <stdio.h>

#define BOOTED_MS (30 * CF_DAY_MS) /* it has run for so long */
#define STARTED_MS 20000 /* a new boot has */

/* Read by the store's threads, too. */
static struct {
	pthread_mutex_t mutex;
	struct clock_reading now;
	unsigned boots;
} machine = { .mutex = PTHREAD_MUTEX_INITIALIZER };

void __wrap_clock_read(const char *boot, struct clock_reading *out);

void
__wrap_clock_read(const char *boot, struct clock_reading *out)
{
	(void)boot;
	pthread_mutex_lock(&machine.mutex);
	*out = machine.now;
	pthread_mutex_unlock(&machine.mutex);
}

static void
set(int64_t wall_ms, int64_t boot_ms, unsigned boots)
{
	machine.now.wall_ms = wall_ms;
	machine.now.boot_ms = boot_ms;
	machine.boots = boots;
	snprintf(machine.now.boot, sizeof(machine.now.boot), "boot-%u", boots);
}

void
cf_begin(int64_t wall_ms)
{
	pthread_mutex_lock(&machine.mutex);
	set(wall_ms, BOOTED_MS, 1);
	pthread_mutex_unlock(&machine.mutex);
}

void
cf_pass(int64_t ms, int64_t set_ms)
{
	pthread_mutex_lock(&machine.mutex);
	machine.now.wall_ms += ms + set_ms;
	machine.now.boot_ms += ms;
	pthread_mutex_unlock(&machine.mutex);
}

void
cf_reboot(int64_t away_ms)
{
	pthread_mutex_lock(&machine.mutex);
	set(machine.now.wall_ms + away_ms, STARTED_MS, machine.boots + 1);
	pthread_mutex_unlock(&machine.mutex);
}

void
cf_go_back(int64_t ms)
{
	pthread_mutex_lock(&machine.mutex);
	machine.now.boot_ms -= ms;
	pthread_mutex_unlock(&machine.mutex);
}

int64_t
cf_wall_ms(void)
{
	int64_t ms;

	pthread_mutex_lock(&machine.mutex);
	ms = machine.now.wall_ms;
	pthread_mutex_unlock(&machine.mutex);
	return ms;
}
