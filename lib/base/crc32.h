/*
 * crc32.h: the CRC-32 of ISO 3309 (as in gzip and PNG), which some providers
 * sign in place of a body. It keeps nobody from choosing another body with
 * the same sum.
 */
#ifndef EYELET_LIB_BASE_CRC32_H
#define EYELET_LIB_BASE_CRC32_H

#include <stdint.h>

#include "lib/base/bytes.h"

uint32_t crc32_of(struct span bytes);

#endif
