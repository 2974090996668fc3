/*
 * owner_stand.h: a store folder of its own for a test of owners, and other
 * processes that own it. What does not go as it must fails the test.
 */
#ifndef EYELET_TESTS_OWNER_STAND_H
#define EYELET_TESTS_OWNER_STAND_H

#include "lib/owner/owner.h"

#define FOREIGN_UID 64321 /* in nobody's passwd */
#define FOREIGN_GID 64322

/* The fixture: dir stands in top. */
extern char top[], dir[64];
void make_dir(void);
void remove_dir(void);

void sleep_ms(long ms);

/* The lock, or NULL; never a failure. */
struct owner_lock *try_lock(struct owner_info *holder);

/* A child that takes the lock, listens, does act, and waits to be killed. */
pid_t start_holder(enum owner_role role, void (*act)(void));
void kill_and_reap(pid_t pid);

/* Writes who into the lock file, as the folder's owner could. */
void forge(pid_t pid, unsigned long long started);

void give_away(const char *path); /* to FOREIGN_UID; needs root */

/* Runs act in a child; what it returns is the child's exit status. */
int in_child(int (*act)(void));

#endif
