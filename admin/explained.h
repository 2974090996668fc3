/* explained.h: what the owner found out about a request, for people. */
#ifndef EYELET_ADMIN_EXPLAINED_H
#define EYELET_ADMIN_EXPLAINED_H

#include "lib/json/json.h"

/* Prints the steps of a row, numbered, then the diagnosis. */
void explained_print(const struct json *row);

/* The verdict of a program: 0 when the row says "valid", else 1. */
int explained_status(const struct json *row);

#endif
