/*
 * report.h: tells the owner what came of deliveries.
 */
#ifndef EYELET_LIB_DELIVER_REPORT_H
#define EYELET_LIB_DELIVER_REPORT_H

#include "lib/deliver/core.h"

/* Takes the answer to a report, and makes the next one when it is time. */
int deliver_report(struct deliver *dv, struct err *err);

#endif
