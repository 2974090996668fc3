/* age.c: how long a store has lived from one reading of the clocks on. */
#include "lib/base/age.h"

int64_t
age_passed_ms(
    const struct clock_reading *before, const struct clock_reading *now)
{
	int64_t passed = now->wall_ms - before->wall_ms;

	if (clock_same_boot(before, now))
		return now->boot_ms - before->boot_ms;
	if (passed < 0)
		return 0;
	return passed > AGE_AWAY_MS ? AGE_AWAY_MS : passed;
}
