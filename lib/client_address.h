/*
 * client_address.h: who sent this, and over what, when proxies stand between:
 * only what a trusted proxy added is believed.
 */
#ifndef EYELET_LIB_CLIENT_ADDRESS_H
#define EYELET_LIB_CLIENT_ADDRESS_H

#include "lib/address.h"
#include "lib/request.h"

/*
 * *client is the rightmost address of X-Forwarded-For that is not in trusted,
 * and *https what X-Forwarded-Proto says; both only when the peer is in
 * trusted. Otherwise the peer itself and how the web server took it.
 * False when a trusted proxy's header holds no address where one must be.
 */
bool client_address(const struct request *rq,
    const struct address_list *trusted, struct span *client, bool *https);

#endif
