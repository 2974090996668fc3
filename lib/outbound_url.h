/*
 * outbound_url.h: URLs that operators give us to post to: what is odd about
 * one is said when it is given, not when an event is lost on its way. What
 * decides in the end is the numeric address that is connected to, see
 * outbound_guard.h.
 */
#ifndef EYELET_LIB_OUTBOUND_URL_H
#define EYELET_LIB_OUTBOUND_URL_H

#include "lib/address.h"

/*
 * Judges and normalises url into out (scheme and host lower case, the host of
 * an IDN in its ASCII form, the default port left out, dot segments kept as
 * they are). ERR_INPUT with what is wrong and the way out: no http(s) (or
 * http without allow_http), credentials in it, a fragment, no host, a port
 * that is 0 or above 65535, control bytes or blanks, more than
 * DESTINATION_URL_MAX bytes, a host that is a name of this machine
 * (localhost, *.localhost, *.local, *.internal) or an address in any spelling
 * (decimal, octal, hex, short, v4-mapped, NAT64, scoped) that the guard blocks
 * and allow (may be NULL) does not hold. Asks no resolver.
 */
int outbound_url_check(struct span url, const struct address_list *allow,
    bool allow_http, struct buf *out, struct err *err);

#endif
