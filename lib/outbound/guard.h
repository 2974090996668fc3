/*
 * guard.h: may a socket be connected to this numeric address (P8)?
 * Blocked, unless the operator allowed the block for the destination:
 * loopback, private (RFC 1918, ULA), link-local, CGNAT 100.64/10, 0/8,
 * 192.0.0/24, 192.0.2/24, 192.88.99/24, 198.18/15, 198.51.100/24,
 * 203.0.113/24, multicast, 240/4, broadcast, all of IPv6 that is no global
 * unicast (::, ::1, fe80::/10, fec0::/10, fc00::/7, ff00::/8, ...), site
 * metadata addresses (169.254/16, fd00:ec2::254, 168.63.129.16), documentation
 * 2001:db8::/32 and 3fff::/20, and every address that carries one of these
 * inside: v4-mapped, v4-compatible, NAT64 64:ff9b::/96 (64:ff9b:1::/48 as a
 * whole: where in it the address stands is the site's choice), 6to4
 * 2002::/16, Teredo 2001::/32; any with a scope id; and this machine's own
 * addresses, whatever they are.
 */
#ifndef EYELET_LIB_OUTBOUND_GUARD_H
#define EYELET_LIB_OUTBOUND_GUARD_H

#include <sys/socket.h>

#include "lib/http/address.h"

/*
 * allow may be NULL. Whether the address is an own one is asked of the kernel
 * by netlink, which costs a few microseconds; where it cannot be asked
 * (AF_NETLINK is forbidden) nothing is allowed but what allow holds; errno
 * then says why, and is 0 when the answer was had.
 */
bool outbound_guard_allows(
    const struct sockaddr *sa, const struct address_list *allow);

/* The same without the own addresses. Pure. */
bool outbound_guard_allows_any(
    const struct sockaddr *sa, const struct address_list *allow);

/* sa is to be told in digits; text has OUTBOUND_GUARD_TEXT bytes. */
#define OUTBOUND_GUARD_TEXT 64
void outbound_guard_text(const struct sockaddr *sa, char *text);

/* The other way round, without a port; false: it is no address in digits. */
bool outbound_guard_read(const char *text, struct sockaddr_storage *out);

#endif
