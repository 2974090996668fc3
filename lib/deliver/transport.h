/*
 * transport.h: sends one delivery, as a request (http.c) or to a command
 * (command.c), and judges the result. Neither knows the deliverer's state.
 */
#ifndef EYELET_LIB_DELIVER_TRANSPORT_H
#define EYELET_LIB_DELIVER_TRANSPORT_H

#include "lib/command/run.h"
#include "lib/deliver/cache.h"
#include "lib/deliver/config.h"
#include "lib/deliver/schedule.h"
#include "lib/outbound/outbound.h"

#define DELIVER_HEADERS_MAX (256 * 1024) /* bytes that one request carries */

/* One delivery, from its start to its end. */
struct deliver_send {
	struct deliver_send *prev, *next; /* of all under way, or waiting */
	struct deliver_config *config; /* held */
	struct deliver_event *event; /* held; NULL: it is being fetched */
	struct schedule_start start;
	bool asked; /* for its event, by the call that is out */
	int64_t at_ms; /* wall clock */
	struct buf headers; /* of a request; wiped */
};

/*
 * Starts it; its event is there. endpoint is the name of the event's, or NULL.
 * False: it did not begin, and *end says why, in words.
 */
bool deliver_http_start(struct outbound *ob, struct deliver_send *se,
    const char *endpoint, char words[DELIVERY_WORDS_MAX],
    struct schedule_end *end);
bool deliver_command_start(struct command_runs *runs, struct deliver_send *se,
    const char *endpoint, char words[DELIVERY_WORDS_MAX],
    struct schedule_end *end);

/*
 * Judges the result of one try. *end borrows from res (and words); its
 * names and the time when it began are not in it.
 */
void deliver_http_judge(const struct outbound_result *res,
    char words[DELIVERY_WORDS_MAX], struct schedule_end *end);
void deliver_command_judge(
    const struct command_result *res, struct schedule_end *end);

#endif
