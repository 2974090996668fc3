/*
 * address.h: IPv4 and IPv6 addresses and blocks, for allow-lists and
 * trusted proxies. An IPv4-mapped IPv6 address is its IPv4 address.
 */
#ifndef EYELET_LIB_HTTP_ADDRESS_H
#define EYELET_LIB_HTTP_ADDRESS_H

#include "lib/base/bytes.h"

struct address_list;

/* "10.0.0.0/8, 192.0.2.7, 2001:db8::/32"; ERR_INPUT names the wrong item. */
int address_list_parse(
    struct span text, struct address_list **out, struct err *err);
void address_list_free(struct address_list *list);

/* False too when text is no address. A NULL list holds none. */
bool address_list_has(const struct address_list *list, struct span text);

bool address_is_valid(struct span text);
bool address_is_loopback(struct span text);

/*
 * Whom an address belongs to, for counting: itself when it is IPv4, its /64
 * when it is IPv6, and one value for all that is no address.
 */
#define ADDRESS_CLIENT 16
void address_client(struct span text, unsigned char out[ADDRESS_CLIENT]);

#endif
