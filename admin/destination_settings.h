/*
 * destination_settings.h: the settings of a destination, from the command
 * line.
 */
#ifndef EYELET_ADMIN_DESTINATION_SETTINGS_H
#define EYELET_ADMIN_DESTINATION_SETTINGS_H

#include "admin/call.h"

/*
 * Puts "settings", an object of the options that were given (destination.h
 * has its members); the operands behind the name are the command's arguments.
 * ERR_USAGE; and of files: ERR_INPUT, ERR_NOTFOUND, ERR_IO.
 */
int destination_put_settings(struct call *c, struct err *err);

#endif
