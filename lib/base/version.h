/* version.h: which release this is, and which of two is newer. */
#ifndef EYELET_LIB_BASE_VERSION_H
#define EYELET_LIB_BASE_VERSION_H

const char *version_release(void); /* "0.1.0" */
const char *version_build(void); /* what configure called this build */
long long version_made_ms(void); /* the day it was made, since 1970 */

/*
 * Below, at or above 0 as a is older than, as new as or newer than b: numbers
 * between dots count as numbers ("0.10.0" is newer than "0.9"), what stands
 * behind "-" or "~" is older than nothing there ("1.0-rc1" before "1.0").
 */
int version_compare(const char *a, const char *b);

#endif
