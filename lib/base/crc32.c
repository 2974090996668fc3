/* crc32.c: a checksum, four bits at a time. */
#include "lib/base/crc32.h"

/* The remainders of the sixteen nibbles by the reversed 0x04c11db7. */
static const uint32_t nibbles[16] = { 0x00000000, 0x1db71064, 0x3b6e20c8,
	0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320,
	0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278,
	0xbdbdf21c };

uint32_t
crc32_of(struct span bytes)
{
	const unsigned char *p = bytes.ptr;
	uint32_t crc = 0xffffffff;
	size_t i;

	for (i = 0; i < bytes.len; i++) {
		crc ^= p[i];
		crc = nibbles[crc & 15] ^ crc >> 4;
		crc = nibbles[crc & 15] ^ crc >> 4;
	}
	return ~crc;
}
