/*
 * copy.h: is this store a copy of another one? A copy must not deliver
 * the backlog of the original a second time.
 *
 * The file store.id of the store folder records its own birth time, which no
 * program that copies files can set: chown, chmod, mv within a file system, a
 * new mount, container or host leave it as it is; cp, rsync, tar and mv to
 * another file system make a file with another one, and so does an overlay
 * when it copies a file of its lower layer up. Only store_create and
 * store_adopt write the file. A store without a readable store.id is a copy:
 * what restores or copies a store need not do more than leave it out.
 *
 * Deliveries of a copy are held: the owner hands none out (feed.h). All else
 * goes on: requests are accepted, changes are made, readers that fetch read.
 */
#ifndef EYELET_LIB_STORE_COPY_H
#define EYELET_LIB_STORE_COPY_H

#include "lib/store/store.h"

enum store_copy_state {
	STORE_COPY_YES, /* zero: also when store.id is missing or damaged */
	STORE_COPY_LINKED, /* another folder has the same files: hard links */
	STORE_COPY_UNSURE, /* the file system has no birth times */
	STORE_COPY_NO
};

#define STORE_COPY_WHY_MAX 256

struct store_copy {
	enum store_copy_state state;
	bool held; /* deliveries are */
	char why[STORE_COPY_WHY_MAX]; /* inert; "" where it is NO */
	uint64_t mark; /* another one in each copy */
};

/* "yes", "linked", "unsure", "no" */
const char *store_copy_word(enum store_copy_state state);

/* As it was when the store was opened, or looked at last; memory only. */
void store_copy(struct store *st, struct store_copy *out);

/* Are deliveries held? Memory only. */
bool store_holds_deliveries(struct store *st);

/* ERR_HELD with the words for that, the cure among them. Returns -1. */
int store_refuse_held(struct store *st, struct err *err);

/*
 * Looks again. That can end a hold (the other folder of hard links was
 * removed) and never begins one: a store does not become a copy while it is
 * open.
 */
void store_copy_look(struct store *st);

/*
 * Makes a copy a store of its own, and lets its deliveries go: a new store.id.
 * May be repeated. ERR_CONFLICT for hard links; ERR_IO, ERR_FULL.
 */
int store_adopt(struct store *st, struct err *err);

#endif
