/* util.h: the few macros that C lacks. */
#ifndef EYELET_LIB_UTIL_H
#define EYELET_LIB_UTIL_H

#define NITEMS(a) (sizeof(a) / sizeof((a)[0]))

#endif
