/*
 * post_bare.c: plain libcurl posts the same body again and again, as fast as
 * answers come: what eyelet-deliver is measured beside. No store, no
 * signature, no address judged.
 *
 *	post_bare URL CA-FILE COUNT CONCURRENCY BODY-BYTES
 */
#include <curl/curl.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define CONCURRENCY_MAX 1024

struct posting {
	CURLM *multi;
	long left; /* to be begun */
	long ended, good;
};

/* As long and as many as eyelet-deliver's. */
static const char *const lines[] = {
	"webhook-id: evt_0123456789abcdef_12345",
	"webhook-timestamp: 1767225600",
	"webhook-signature: v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
	"Content-Type: application/json",
	"User-Agent: eyelet/0.1.0",
	"Eyelet-Attempt: 1",
	"Eyelet-Seq: 123456",
	"Eyelet-Endpoint: shop",
	"Expect:",
};

static size_t
ignore(char *ptr, size_t size, size_t n, void *arg)
{
	(void)ptr;
	(void)arg;
	return size * n;
}

static CURL *
handle_of(char **argv, struct curl_slist *headers, const char *body, long len)
{
	CURL *e = curl_easy_init();

	if (e == NULL)
		errx(EX_OSERR, "curl_easy_init");
	curl_easy_setopt(e, CURLOPT_URL, argv[1]);
	curl_easy_setopt(e, CURLOPT_CAINFO, argv[2]);
	curl_easy_setopt(e, CURLOPT_POST, 1L);
	curl_easy_setopt(e, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE, len);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	return e;
}

/* How many have ended; each makes room for a next one. */
static long
take_done(struct posting *po)
{
	long before = po->ended;
	CURLMsg *msg;
	CURL *e;
	long status;
	int n;

	while ((msg = curl_multi_info_read(po->multi, &n)) != NULL) {
		e = msg->easy_handle;
		if (msg->data.result != CURLE_OK)
			errx(EX_UNAVAILABLE, "%s",
			    curl_easy_strerror(msg->data.result));
		curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
		po->ended++;
		po->good += status == 200;
		curl_multi_remove_handle(po->multi, e);
		if (po->left-- > 0)
			curl_multi_add_handle(po->multi, e);
		else
			curl_easy_cleanup(e);
	}
	return po->ended - before;
}

int
main(int argc, char **argv)
{
	struct curl_slist *headers = NULL;
	struct posting po = { .good = 0 };
	long count, concurrency, len, i;
	int running;
	char *body;

	if (argc != 6)
		errx(EX_USAGE, "URL CA-FILE COUNT CONCURRENCY BODY-BYTES");
	count = atol(argv[3]);
	concurrency = atol(argv[4]);
	len = atol(argv[5]);
	if (count < 1 || concurrency < 1 || concurrency > CONCURRENCY_MAX ||
	    len < 1)
		errx(EX_USAGE, "these are no numbers to measure with");
	body = malloc((size_t)len);
	po.multi = curl_multi_init();
	if (body == NULL || po.multi == NULL)
		errx(EX_OSERR, "no memory");
	memset(body, 'x', (size_t)len);
	for (i = 0; i < (long)(sizeof(lines) / sizeof(lines[0])); i++)
		headers = curl_slist_append(headers, lines[i]);
	if (concurrency > count)
		concurrency = count;
	po.left = count - concurrency;
	for (i = 0; i < concurrency; i++)
		curl_multi_add_handle(
		    po.multi, handle_of(argv, headers, body, len));
	while (po.ended < count) {
		curl_multi_perform(po.multi, &running);
		if (take_done(&po) == 0)
			curl_multi_poll(po.multi, NULL, 0, 1000, NULL);
	}
	printf("%ld\n", po.good);
	curl_multi_cleanup(po.multi);
	curl_slist_free_all(headers);
	free(body);
	return po.good == count ? 0 : EX_UNAVAILABLE;
}
