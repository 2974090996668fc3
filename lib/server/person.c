/*
 * person.c: which people are behind a peer, for the audit trail.
 *
 * The user who logged in is read from /proc by the owner, and never taken from
 * the peer's words. SUDO_UID comes with its greeting: only of one whose real
 * uid is root's or the store's owner's, and it stays a claim.
 */
#include "lib/server/parts.h"

#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/process.h"

#ifndef SO_PEERPIDFD /* since Linux 6.5; other numbers on two machines */
#if defined(__sparc__) || defined(__hppa__)
#define SO_PEERPIDFD (-1) /* none */
#else
#define SO_PEERPIDFD 77
#endif
#endif

#define NAMES_ROOM 4096 /* bytes of a passwd entry */

/* The name of the moment: later the number may be another's. */
static void
name_person(struct store_person *p, uid_t uid)
{
	char room[NAMES_ROOM];
	struct passwd pw, *found = NULL;

	memset(p, 0, sizeof(*p));
	p->known = true;
	p->uid = uid;
	if (getpwuid_r(uid, &pw, room, sizeof(room), &found) == 0 &&
	    found != NULL)
		snprintf(p->name, sizeof(p->name), "%s", pw.pw_name);
}

/*
 * Did the process that has the peer's pid connect, and not a later one? It has
 * to be asked after facts of it were read: a pid is used again only when its
 * process has ended. The kernel's own handle says so; without one, a process
 * that began after the connection is another (to a tick, 10 ms).
 */
static bool
is_the_peer(const struct server_peer *peer)
{
	struct pollfd p = { .fd = -1, .events = POLLIN };
	socklen_t len = sizeof(p.fd);
	unsigned long long started;
	struct err ignored = ERR_INIT;
	long ticks = sysconf(_SC_CLK_TCK);
	bool runs;

	if (getsockopt(peer->fd, SOL_SOCKET, SO_PEERPIDFD, &p.fd, &len) == 0) {
		runs = poll(&p, 1, 0) == 0;
		close(p.fd);
		return runs;
	}
	if (ticks <= 0 || process_started(peer->pid, &started, &ignored) < 0)
		return false;
	return (int64_t)(started * 1000 / (unsigned long)ticks) <=
	       peer->since_boot_ms;
}

void
server_find_person(struct server_peer *peer)
{
	const struct server *sv = peer->sv;
	struct err ignored = ERR_INIT;
	uid_t login = 0, real = 0;
	bool set = false, knows_real;

	if (peer->person_known)
		return;
	peer->person_known = true;
	name_person(&peer->user, peer->uid);
	/* A peer of another pid namespace has pid 0. */
	if (peer->pid <= 0)
		return;
	if (process_login_uid(peer->pid, &login, &set, &ignored) < 0)
		set = false;
	knows_real = process_real_uid(peer->pid, &real, &ignored) == 0;
	if (!is_the_peer(peer))
		return;
	if (set)
		name_person(&peer->login, login);
	if (peer->hello.has_sudo && knows_real &&
	    (real == 0 || real == sv->opt.owner_uid))
		name_person(&peer->claimed, peer->hello.sudo_uid);
}
