/*
 * url.h: URLs that operators give us to post to: what is odd about
 * one is said when it is given, not when an event is lost on its way. What
 * decides in the end is the numeric address that is connected to, see
 * outbound/guard.h.
 */
#ifndef EYELET_LIB_OUTBOUND_URL_H
#define EYELET_LIB_OUTBOUND_URL_H

#include "lib/http/address.h"

#define OUTBOUND_URL_MAX 2048 /* bytes; longer ones are refused */

/*
 * Judges and normalises url and puts it into out: scheme and host in lower
 * case, no default port, no dot behind the host, an address as it is usually
 * written, "/" for an empty path; path and query stay as they are. ERR_INPUT
 * with what is wrong and the way out: no http(s) (or http without allow_http),
 * credentials in it, a fragment, no host, a port that is 0 or above 65535,
 * control bytes or blanks, characters that must be percent-encoded, more than
 * OUTBOUND_URL_MAX bytes, a host that is not in ASCII (outbound_url_ascii
 * is the way), one that is a name of this machine or of a private network
 * (localhost, *.localhost, *.local, *.internal), or an address in any spelling
 * a resolver would take (decimal, octal, hex, short, v4-mapped, NAT64, scoped)
 * that outbound_guard_allows_any refuses. allow (may be NULL) lets such
 * addresses through, and "localhost" with 127.0.0.1 or ::1; with an allow the
 * other names pass too, and where they lead is judged at the connection. On
 * failure out is as it was. Pure.
 */
int outbound_url_check(struct span url, const struct address_list *allow,
    bool allow_http, struct buf *out, struct err *err);

/*
 * Puts url with an international host in its ASCII form ("xn--..."), and any
 * other as it is. By libcurl: for programs that post anyway; it costs others
 * more to load than they take to run. ERR_INPUT: no such host, or no URL.
 */
int outbound_url_ascii(struct span url, struct buf *out, struct err *err);

#endif
