/* fake_peer.c: tests/fake.fcgi never finds another process. */
#include "lib/client.h"

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
