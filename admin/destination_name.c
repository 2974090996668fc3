/* destination_name.c: the addresses of a destination's name, held against the
 * guard. */
#include "admin/destination_name.h"

#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/output.h"
#include "lib/base/bytes.h"
#include "lib/outbound/guard.h"

#define WAIT_S 3 /* for a resolver */
#define NAME_MAX_BYTES 256
#define SHOWN_MAX 400 /* bytes of the addresses in a warning */

/* A look-up under way; who is last to need it frees it. */
struct lookup {
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool done, left;
	struct addrinfo *found;
	char name[NAME_MAX_BYTES];
};

static void
lookup_free(struct lookup *lu)
{
	if (lu->found != NULL)
		freeaddrinfo(lu->found);
	pthread_cond_destroy(&lu->ended);
	pthread_mutex_destroy(&lu->lock);
	free(lu);
}

static void *
look_up(void *arg)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	struct lookup *lu = arg;
	bool left;

	if (getaddrinfo(lu->name, NULL, &hints, &found) != 0)
		found = NULL;
	pthread_mutex_lock(&lu->lock);
	lu->found = found;
	lu->done = true;
	left = lu->left;
	pthread_cond_signal(&lu->ended);
	pthread_mutex_unlock(&lu->lock);
	if (left)
		lookup_free(lu);
	return NULL;
}

/* NULL where there is no memory, or no thread to be had. */
static struct lookup *
lookup_start(struct span name)
{
	struct lookup *lu = calloc(1, sizeof(*lu));
	pthread_condattr_t clock;
	pthread_t thread;
	int failed;

	if (lu == NULL)
		return NULL;
	memcpy(lu->name, name.ptr, name.len);
	pthread_mutex_init(&lu->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&lu->ended, &clock);
	pthread_condattr_destroy(&clock);
	failed = pthread_create(&thread, NULL, look_up, lu);
	if (failed != 0) {
		lookup_free(lu);
		return NULL;
	}
	pthread_detach(thread);
	return lu;
}

/* Has it ended in time? If not, lu is no longer ours. */
static bool
lookup_wait(struct lookup *lu)
{
	struct timespec until;
	int waited = 0;
	bool done;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&lu->lock);
	while (!lu->done && waited == 0)
		waited = pthread_cond_timedwait(&lu->ended, &lu->lock, &until);
	done = lu->done;
	lu->left = !done;
	pthread_mutex_unlock(&lu->lock);
	return done;
}

/* The host of "scheme://host:port/path"; empty for an address in digits. */
static struct span
host_of(const char *url)
{
	const char *at = strstr(url, "://");
	struct sockaddr_storage ignored;
	char name[NAME_MAX_BYTES] = "";
	size_t len;

	if (at == NULL)
		return SPAN_EMPTY;
	at += strlen("://");
	len = strcspn(at, ":/?");
	if (len == 0 || len >= sizeof(name) || *at == '[')
		return SPAN_EMPTY;
	memcpy(name, at, len);
	return outbound_guard_read(name, &ignored) ? SPAN_EMPTY
						   : span_of(at, len);
}

/* "10.0.0.1, fd00::1": those of found that are refused. */
static void
put_refused(const struct addrinfo *found, const struct address_list *allow,
    char out[SHOWN_MAX])
{
	char text[OUTBOUND_GUARD_TEXT];
	size_t used = 0;

	out[0] = '\0';
	for (; found != NULL; found = found->ai_next) {
		if (outbound_guard_allows(found->ai_addr, allow))
			continue;
		outbound_guard_text(found->ai_addr, text);
		if (used + strlen(text) + sizeof(", ") > SHOWN_MAX)
			return;
		used += (size_t)snprintf(out + used, SHOWN_MAX - used, "%s%s",
		    used == 0 ? "" : ", ", text);
	}
}

int
destination_place_take(
    struct destination_place *place, const struct json *row, struct err *err)
{
	const char *url = json_text(json_get(row, "proxy"));
	const char *allowed = json_text(json_get(row, "allow_net"));

	if (url == NULL)
		url = json_text(json_get(row, "url"));
	destination_place_free(place);
	if (url != NULL)
		place->url = span_dup(span_str(url), err);
	if (allowed != NULL)
		place->allowed = span_dup(span_str(allowed), err);
	return (url == NULL) == (place->url == NULL) &&
		       (allowed == NULL) == (place->allowed == NULL)
		   ? 0
		   : -1;
}

void
destination_place_free(struct destination_place *place)
{
	free(place->url);
	free(place->allowed);
	place->url = place->allowed = NULL;
}

void
destination_place_warn(
    const struct destination_place *place, const char *program)
{
	const char *allowed = place->allowed == NULL ? "" : place->allowed;
	struct address_list *allow = NULL;
	struct err ignored = ERR_INIT;
	struct span name = SPAN_EMPTY;
	char refused[SHOWN_MAX];
	struct lookup *lu;

	if (place->url != NULL)
		name = host_of(place->url);
	if (name.len == 0)
		return;
	if (*allowed != '\0' &&
	    address_list_parse(span_str(allowed), &allow, &ignored) < 0)
		return;
	lu = lookup_start(name);
	if (lu != NULL && lookup_wait(lu)) {
		put_refused(lu->found, allow, refused);
		if (refused[0] != '\0')
			note(program,
			    "warning: %s resolves to %s on this machine, where "
			    "deliveries may not connect; to allow it, use "
			    "--allow-net '%s%s%s'",
			    lu->name, refused, allowed,
			    *allowed == '\0' ? "" : ", ", refused);
		lookup_free(lu);
	}
	address_list_free(allow);
}
