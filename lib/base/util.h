/* util.h: the few macros that C lacks. */
#ifndef EYELET_LIB_BASE_UTIL_H
#define EYELET_LIB_BASE_UTIL_H

#include <stddef.h>

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

/* The struct that ptr is a member of. */
#define CONTAINER_OF(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
