/* endpoint_settings.h: the settings of an endpoint, from the command line. */
#ifndef EYELET_ADMIN_ENDPOINT_SETTINGS_H
#define EYELET_ADMIN_ENDPOINT_SETTINGS_H

#include "admin/call.h"

/*
 * Puts "settings", an object of the options that were given (endpoint.h has
 * its members). ERR_USAGE; and of files: ERR_INPUT, ERR_NOTFOUND, ERR_IO.
 */
int endpoint_put_settings(struct call *c, struct err *err);

/* --expect-secret [MINUTES], beside the settings. */
int endpoint_put_expected(struct call *c, struct err *err);

#endif
