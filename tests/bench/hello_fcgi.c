/*
 * hello_fcgi.c: what libfcgi costs by itself: eight threads that read a body
 * and answer 200. The yardstick of the benchmark; eyelet does the same and
 * verifies, stores and flushes besides. Serves descriptor 0, so lighttpd's
 * bin-path or any spawner starts it.
 */
#include <fcgiapp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 8
#define PIECE 16384

static void
answer(FCGX_Request *rq)
{
	char piece[PIECE];
	unsigned long length = 0;
	int n;

	while ((n = FCGX_GetStr(piece, sizeof(piece), rq->in)) > 0)
		length += (unsigned long)n;
	FCGX_FPrintF(rq->out,
	    "Status: 200 OK\r\n"
	    "Content-Type: application/json\r\n"
	    "Cache-Control: no-store\r\n"
	    "\r\n"
	    "{\"status\":\"read\",\"length\":%lu}\n",
	    length);
	FCGX_Finish_r(rq);
}

static void *
serve(void *arg)
{
	FCGX_Request rq;

	if (FCGX_InitRequest(&rq, 0, 0) != 0)
		abort();
	while (FCGX_Accept_r(&rq) == 0)
		answer(&rq);
	return arg;
}

int
main(void)
{
	pthread_t threads[THREADS];
	int i;

	if (FCGX_Init() != 0 || FCGX_IsCGI()) {
		fputs(
		    "hello_fcgi: descriptor 0 is no FastCGI socket\n", stderr);
		return 64;
	}
	/* libfcgi would go on until each thread had one more request. */
	signal(SIGTERM, SIG_DFL);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, serve, NULL) != 0)
			return 71;
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
