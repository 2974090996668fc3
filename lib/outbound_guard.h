/*
 * outbound_guard.h: may a socket be connected to this numeric address (P8)?
 * Blocked, unless the operator allowed the block for the destination:
 * loopback, private (RFC 1918, ULA), link-local, CGNAT 100.64/10, 0/8,
 * 192.0.0/24, 192.0.2/24, 198.18/15, 198.51.100/24, 203.0.113/24, multicast,
 * 240/4, broadcast, ::, ::1, fe80::/10, fec0::/10, site metadata addresses
 * (169.254/16, fd00:ec2::254), documentation 2001:db8::/32, and every address
 * that carries one of these inside: v4-mapped, v4-compatible, NAT64
 * 64:ff9b::/96 and 64:ff9b:1::/48, 6to4 2002::/16, Teredo 2001::/32; any with
 * a scope id; and this machine's own addresses, whatever they are.
 */
#ifndef EYELET_LIB_OUTBOUND_GUARD_H
#define EYELET_LIB_OUTBOUND_GUARD_H

#include <sys/socket.h>

#include "lib/address.h"

/* Pure, but for own addresses (asked of the kernel). allow may be NULL. */
bool outbound_guard_allows(
    const struct sockaddr *sa, const struct address_list *allow);

#endif
