/*
 * words.h: short texts for reports and headers.
 */
#ifndef EYELET_LIB_DELIVER_WORDS_H
#define EYELET_LIB_DELIVER_WORDS_H

#include "lib/model/delivery.h"
#include "lib/model/event.h"

/* "WORD: TEXT" (word may be NULL), inert and cut, in out. */
struct span
deliver_words(char out[DELIVERY_WORDS_MAX], const char *word, const char *text);

/* The id that goes out with an event: its own, or "evt_SEQ"; room 32. */
struct span deliver_event_id(const struct event *ev, char room[32]);

#endif
