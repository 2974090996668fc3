/* forward.c: a pool of clients, and requests sent through them. */
#include "cgi/forward.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/crypto/digest.h"

#define PROGRAM "eyelet.fcgi"

/* A client that nobody uses at the moment. */
struct spare {
	const struct conf *conf; /* the client's, held */
	struct client *client;
	struct spare *next;
};

struct forward {
	struct conf_live *settings;
	enum client_role role;
	pthread_mutex_t lock; /* of what follows */
	struct spare *spares;
	char *words[FORWARD_WORDS_MAX]; /* only ever added to */
};

int
forward_open(struct conf_live *settings, enum client_role role,
    struct forward **out, struct err *err)
{
	struct forward *fw = calloc(1, sizeof(*fw));

	if (fw == NULL)
		return err_set(err, ERR_NOMEM, "no memory to forward requests");
	fw->settings = settings;
	fw->role = role;
	pthread_mutex_init(&fw->lock, NULL);
	*out = fw;
	return 0;
}

static void
drop_spare(struct spare *s)
{
	client_close(s->client);
	conf_live_put(s->conf);
	free(s);
}

void
forward_close(struct forward *fw)
{
	struct spare *s;
	size_t i;

	if (fw == NULL)
		return;
	while ((s = fw->spares) != NULL) {
		fw->spares = s->next;
		drop_spare(s);
	}
	for (i = 0; i < FORWARD_WORDS_MAX; i++)
		free(fw->words[i]);
	pthread_mutex_destroy(&fw->lock);
	free(fw);
}

/* --- clients ------------------------------------------------------------- */

static int
take_spare(struct forward *fw, int64_t deadline_ms, struct spare **out,
    struct err *err)
{
	struct client_options how = {
		.role = fw->role, .program = PROGRAM, .deadline_ms = deadline_ms
	};
	struct spare *s;

	pthread_mutex_lock(&fw->lock);
	s = fw->spares;
	if (s != NULL)
		fw->spares = s->next;
	pthread_mutex_unlock(&fw->lock);
	if (s == NULL) {
		s = calloc(1, sizeof(*s));
		if (s == NULL)
			return err_set(
			    err, ERR_NOMEM, "no memory for a client");
		how.conf = s->conf = conf_live_get(fw->settings);
		if (client_open_with(&how, &s->client, err) < 0) {
			drop_spare(s);
			return -1;
		}
	}
	*out = s;
	return 0;
}

static void
give_spare(struct forward *fw, struct spare *s)
{
	pthread_mutex_lock(&fw->lock);
	s->next = fw->spares;
	fw->spares = s;
	pthread_mutex_unlock(&fw->lock);
}

int
forward_greet(struct forward *fw, struct err *err)
{
	struct spare *s;

	if (take_spare(fw, clock_ms() + CLIENT_WAIT_MS, &s, err) < 0)
		return -1;
	give_spare(fw, s);
	return 0;
}

/* --- requests ------------------------------------------------------------ */

/*
 * A reply borrows a few words from its client, which is given to another
 * thread before the reply is sent; they are kept here instead. Owners answer
 * with a handful of content types; one too many is called what any bytes are.
 */
static const char *
keep_word(struct forward *fw, const char *word)
{
	const char *kept = "application/octet-stream";
	size_t i;

	if (word == NULL)
		return NULL;
	pthread_mutex_lock(&fw->lock);
	for (i = 0; i < FORWARD_WORDS_MAX; i++) {
		if (fw->words[i] == NULL)
			fw->words[i] = strdup(word);
		if (fw->words[i] == NULL)
			break;
		if (strcmp(fw->words[i], word) == 0) {
			kept = fw->words[i];
			break;
		}
	}
	pthread_mutex_unlock(&fw->lock);
	return kept;
}

/* The request, or without its body the question for it. Returns 1 or -1. */
static int
exchange(struct forward *fw, struct receive_call *call, bool whole,
    int64_t deadline_ms, struct err *err)
{
	struct receive_reply *reply = &call->reply;
	struct spare *s;
	int ret;

	if (take_spare(fw, deadline_ms, &s, err) < 0)
		return -1;
	ret = whole ? client_receive(s->client, &call->request,
			  call->request_id, deadline_ms, reply, err)
		    : client_ask(
			  s->client, &call->request, deadline_ms, reply, err);
	if (ret < 0) {
		drop_spare(s);
		return -1;
	}
	reply->content_type = keep_word(fw, reply->content_type);
	reply->allow = keep_word(fw, reply->allow);
	give_spare(fw, s);
	return 1;
}

int
forward_body(struct forward *fw, struct receive_call *call, int64_t deadline_ms,
    struct err *err)
{
	/*
	 * One name for all tries: an owner that died may have stored it, and
	 * then the next one (perhaps this process) gives the first answer.
	 */
	if (!call->has_request_id &&
	    digest_random(call->request_id, sizeof(call->request_id), err) < 0)
		return -1;
	call->has_request_id = true;
	return exchange(fw, call, true, deadline_ms, err);
}

/* May a body come that is larger than what any endpoint takes unasked? */
static int
ask(struct forward *fw, struct receive_call *call, int64_t *body_max,
    int64_t deadline_ms, struct err *err)
{
	struct receive_reply *reply = &call->reply;
	uint64_t n;

	if (exchange(fw, call, false, deadline_ms, err) < 0)
		return -1;
	if (reply->status != RECEIVE_GO_ON)
		return 1;
	if (text_to_u64(span_of(reply->body, reply->body_len), STORE_BODY_MAX,
		&n, err) < 0)
		return err_wrap(err, "the owner of the store");
	*body_max = (int64_t)n;
	return 0;
}

int
forward_begin(struct forward *fw, struct receive_call *call, int64_t *body_max,
    int64_t deadline_ms, struct err *err)
{
	const struct conf *cf;

	call->request.body = SPAN_EMPTY;
	/* Without a body the owner alone judges: 405, 411, the health page. */
	if (call->request.content_length <= 0)
		return forward_body(fw, call, deadline_ms, err);
	cf = conf_live_get(fw->settings);
	*body_max = cf->body_max;
	conf_live_put(cf);
	if (call->request.content_length <= *body_max)
		return 0;
	return ask(fw, call, body_max, deadline_ms, err);
}

void
forward_abort(struct receive_call *call, enum receive_refusal refusal)
{
	receive_refuse(&call->reply, refusal, NULL);
}

void
forward_fault(struct receive_reply *reply, const char *why)
{
	/* Four bytes may stand for one, and quotes around all. */
	struct buf inert = BUF_INIT(4 * FORWARD_WHY_MAX + 8);
	struct err ignored = ERR_INIT;
	bool made;

	made = text_put_value(
		   &inert, span_str(why), FORWARD_WHY_MAX, &ignored) == 0 &&
	       buf_putc(&inert, '\0', &ignored) == 0;
	receive_fault(reply, made ? (const char *)inert.ptr : "no-memory");
	buf_free(&inert);
}
