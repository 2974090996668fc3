/*
 * client_address.h: who sent this, and over what, when proxies stand between:
 * only what a trusted proxy added is believed.
 */
#ifndef EYELET_LIB_HTTP_CLIENT_ADDRESS_H
#define EYELET_LIB_HTTP_CLIENT_ADDRESS_H

#include "lib/http/address.h"
#include "lib/http/request.h"

/*
 * *client is the rightmost address of X-Forwarded-For that is not in trusted
 * (a port behind it is left out), and *https what the rightmost item of
 * X-Forwarded-Proto says; both only when the peer is in trusted. Otherwise the
 * peer itself and how the web server took it.
 * Where a header stands in the request more than once, *client is what all of
 * them agree on, and *https is true when all say so.
 * False when a trusted proxy's header holds no address where one must be, or
 * two of them name two clients.
 */
bool client_address(const struct request *rq,
    const struct address_list *trusted, struct span *client, bool *https);

#endif
