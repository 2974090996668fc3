/* MACs and digests against RFC 2202, RFC 4231, FIPS 180-4 and Python's hmac. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/encode.h"
#include "lib/base/util.h"
#include "lib/crypto/hmac.h"

#define LONG_DATA "Test Using Larger Than Block-Size Key - Hash Key First"

static const struct {
	const char *when;
	enum hash hash;
	int key; /* this byte ... */
	size_t key_len; /* ... so often; 0: the key is "Jefe" */
	const char *data, *mac; /* mac may be only the beginning */
} macs[] = {
	{ "RFC 2202 case 1", HASH_SHA1, 0x0b, 20, "Hi There",
	    "b617318655057264e28bc0b6fb378c8ef146be00" },
	{ "RFC 2202 case 2", HASH_SHA1, 0, 0, "what do ya want for nothing?",
	    "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
	{ "RFC 2202 case 6", HASH_SHA1, 0xaa, 80, LONG_DATA,
	    "aa4ae5e15272d00e95705637ce8a3b55ed402112" },
	{ "RFC 4231 case 1", HASH_SHA256, 0x0b, 20, "Hi There",
	    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff"
	    "7" },
	{ "RFC 4231 case 2", HASH_SHA256, 0, 0, "what do ya want for nothing?",
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec384"
	    "3" },
	{ "RFC 4231 case 6", HASH_SHA256, 0xaa, 131, LONG_DATA,
	    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f5"
	    "4" },
	{ "RFC 4231 case 1", HASH_SHA512, 0x0b, 20, "Hi There",
	    "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
	    "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a12685"
	    "4" },
	{ "RFC 4231 case 6", HASH_SHA512, 0xaa, 131, LONG_DATA,
	    "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352"
	    "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d78659"
	    "8" },
	{ "a key as long as a block", HASH_SHA1, 'k', 64, "message",
	    "0a0b7a314b101739" },
	{ "a byte more than a block", HASH_SHA1, 'k', 65, "message",
	    "9e8b701143a82cdc" },
	{ "a key as long as a block", HASH_SHA256, 'k', 64, "message",
	    "890f3a16e0ca0aaa" },
	{ "a byte more than a block", HASH_SHA256, 'k', 65, "message",
	    "0c256505306af480" },
	{ "a key as long as a block", HASH_SHA512, 'k', 128, "message",
	    "805f06d4d6d9c923" },
	{ "a byte more than a block", HASH_SHA512, 'k', 129, "message",
	    "45fbc89230c41637" },
};

static void
ck_hex(const char *when, const unsigned char *got, const char *want)
{
	struct buf out = BUF_INIT(256);
	struct err err = ERR_INIT;

	encode_put(ENCODING_HEX, span_of(got, strlen(want) / 2), &out, &err);
	ck_assert_msg(span_is(buf_span(&out), want), "%s: %.*s", when,
	    (int)out.len, (const char *)out.ptr);
	buf_free(&out);
}

START_TEST(macs_are_those_of_the_rfcs)
{
	struct span data = span_str(macs[_i].data), parts[3];
	unsigned char key[256], mac[HASH_SIZE_MAX];
	struct hmac_key *k = NULL;
	struct err err = ERR_INIT;
	size_t cut;

	memset(key, macs[_i].key, sizeof(key));
	ck_assert_int_eq(
	    hmac_key_make(macs[_i].hash,
		macs[_i].key_len == 0 ? span_str("Jefe")
				      : span_of(key, macs[_i].key_len),
		&k, &err),
	    0);
	/* However the message is divided, and as often as it is asked. */
	for (cut = 0; cut <= data.len; cut++) {
		parts[0] = span_of(data.ptr, cut);
		parts[1] = SPAN_EMPTY;
		parts[2] = span_skip(data, cut);
		memset(mac, 0, sizeof(mac));
		ck_assert_int_eq(hmac_parts(k, parts, 3, mac, &err), 0);
		ck_hex(macs[_i].when, mac, macs[_i].mac);
	}
	hmac_key_free(k);
}
END_TEST

static const struct {
	enum hash hash;
	size_t size;
	const char *digest; /* of "abc", FIPS 180-4 */
} digests[] = {
	{ HASH_SHA1, 20, "a9993e364706816aba3e25717850c26c9cd0d89d" },
	{ HASH_SHA256, 32,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a"
	    "d" },
	{ HASH_SHA512, 64,
	    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49"
	    "f" },
};

START_TEST(digests_are_those_of_the_standard)
{
	struct span parts[2] = { span_str("a"), span_str("bc") };
	unsigned char out[HASH_SIZE_MAX];
	struct err err = ERR_INIT;

	ck_assert_uint_eq(hash_size(digests[_i].hash), digests[_i].size);
	ck_assert_int_eq(hash_parts(digests[_i].hash, parts, 2, out, &err), 0);
	ck_hex("abc", out, digests[_i].digest);
}
END_TEST

START_TEST(same_is_all_bytes)
{
	ck_assert(hmac_same("abc", "abc", 3));
	ck_assert(!hmac_same("abc", "abd", 3));
	ck_assert(!hmac_same("xbc", "abc", 3));
	ck_assert(hmac_same("", "", 0));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("hmac");
	TCase *tc = tcase_create("vectors");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, macs_are_those_of_the_rfcs, 0, NITEMS(macs));
	tcase_add_loop_test(
	    tc, digests_are_those_of_the_standard, 0, NITEMS(digests));
	tcase_add_test(tc, same_is_all_bytes);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
