/* fake_peer.c: no other process ever talks to tests/fake.fcgi's store. */
#include <stdlib.h>

#include "lib/client.h"
#include "lib/server.h"

struct server {
	int listen_fd;
};

int
server_start(
    const struct server_options *opt, struct server **out, struct err *err)
{
	*out = malloc(sizeof(**out));
	if (*out == NULL)
		return err_set(err, ERR_NOMEM, "server");
	(*out)->listen_fd = opt->listen_fd;
	return 0;
}

void
server_serve(struct server *sv, struct receive *receive, struct ops *ops)
{
	(void)sv;
	(void)receive;
	(void)ops;
}

size_t
server_clients(struct server *sv, int64_t *idle_s)
{
	(void)sv;
	*idle_s = 0;
	return 0;
}

bool
server_stop(struct server *sv)
{
	free(sv);
	return true;
}

int
client_open(const struct conf *cf, enum client_role role, const char *program,
    struct client **out, struct err *err)
{
	(void)cf;
	(void)role;
	(void)program;
	(void)out;
	return err_set(err, ERR_AWAY, "nobody is there");
}

void
client_close(struct client *cl)
{
	(void)cl;
}

int
client_receive(struct client *cl, const struct request *rq,
    struct receive_reply *reply, struct err *err)
{
	(void)cl;
	(void)rq;
	(void)reply;
	return err_set(err, ERR_AWAY, "nobody is there");
}
