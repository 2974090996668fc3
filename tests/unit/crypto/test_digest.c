/* SHA-256 as FIPS 180-4 has it, in parts as in one; random bytes that differ.
 */
#include "lib/crypto/digest.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

static void
ck_sum(
    const struct span *parts, size_t nparts, const char *want, const char *when)
{
	unsigned char sum[DIGEST_SHA256 + 1];
	char hex[2 * DIGEST_SHA256 + 1];
	struct err err = ERR_INIT;
	size_t i;

	sum[DIGEST_SHA256] = 'x';
	ck_assert_msg(digest_sha256(parts, nparts, sum, &err) == 0, "%s: %s",
	    when, err.text);
	for (i = 0; i < DIGEST_SHA256; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	ck_assert_msg(strcmp(hex, want) == 0, "%s: got %s", when, hex);
	ck_assert_int_eq(sum[DIGEST_SHA256], 'x');
}

/* NIST's examples for FIPS 180-4; sha256sum(1) says the same. */
static const struct {
	const char *when, *message, *want;
} vectors[] = {
	{ "no bytes", "",
	    "e3b0c44298fc1c149afbf4c8996fb924"
	    "27ae41e4649b934ca495991b7852b855" },
	{ "one block", "abc",
	    "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad" },
	{ "two blocks",
	    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	    "248d6a61d20638b8e5c026930c3e6039"
	    "a33ce45964ff2167f6ecedd419db06c1" },
	{ "896 bits",
	    "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
	    "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
	    "cf5b16a778af8380036ce59e7b049237"
	    "0b249b11e8f07a51afac45037afee9d1" },
	{ "a byte that is no text", "\xbd",
	    "68325720aabd7c82f30f554b313d0570"
	    "c95accbb7dc4b5aae11204c08ffe732b" },
};

START_TEST(published_sums)
{
	struct span whole = span_str(vectors[_i].message);

	ck_sum(&whole, 1, vectors[_i].want, vectors[_i].when);
}
END_TEST

START_TEST(million_times_a)
{
	static const char want[] = "cdc76e5c9914fb9281a1c7e284d73e67"
				   "f1809a48a497200e046d39ccc7112cd0";
	static char block[1000];
	struct span parts[1000];
	size_t i;

	memset(block, 'a', sizeof(block));
	for (i = 0; i < NITEMS(parts); i++)
		parts[i] = span_of(block, sizeof(block));
	ck_sum(parts, NITEMS(parts), want, "a thousand parts");
}
END_TEST

START_TEST(parts_are_as_the_whole)
{
	/* python3: bytes(range(130)) into sha256sum; 130: over two blocks */
	static const char want[] = "8d39b60b9c767c58975b270c1d6b13c9"
				   "b4507e5aee7ad496a3528e4c7f880721";
	unsigned char bytes[130];
	struct span parts[5];
	size_t i, j;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	for (i = 0; i <= sizeof(bytes); i++)
		for (j = i; j <= sizeof(bytes); j++) {
			parts[0] = span_of(bytes, i);
			parts[1] = SPAN_EMPTY;
			parts[2] = span_of(bytes + i, j - i);
			parts[3] = span_of(bytes, 0);
			parts[4] = span_of(bytes + j, sizeof(bytes) - j);
			ck_sum(parts, NITEMS(parts), want, "cut in three");
		}
	ck_sum(NULL, 0, vectors[0].want, "no parts");
}
END_TEST

START_TEST(random_bytes_fill_and_differ)
{
	unsigned char draws[64][16] = { { 0 } }, every[16] = { 0 };
	struct err err = ERR_INIT;
	size_t i, j;

	for (i = 0; i < NITEMS(draws); i++) {
		ck_assert_int_eq(digest_random(draws[i], 16, &err), 0);
		for (j = 0; j < i; j++)
			ck_assert_mem_ne(draws[i], draws[j], 16);
		for (j = 0; j < 16; j++)
			every[j] |= draws[i][j];
	}
	for (j = 0; j < 16; j++) /* 64 zeros in one place: never */
		ck_assert_uint_ne(every[j], 0);
}
END_TEST

START_TEST(random_bytes_have_a_limit)
{
	unsigned char one = 'x';
	struct err err = ERR_INIT;

	ck_assert_int_eq(digest_random(&one, 0, &err), 0);
	ck_assert_int_eq(digest_random(&one, (1 << 20) + 1, &err), -1);
	ck_assert_int_eq(err.code, ERR_CRYPTO);
	ck_assert_int_eq(one, 'x');
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("digest");
	TCase *tc = tcase_create("digest");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, published_sums, 0, NITEMS(vectors));
	tcase_add_test(tc, million_times_a);
	tcase_add_test(tc, parts_are_as_the_whole);
	tcase_add_test(tc, random_bytes_fill_and_differ);
	tcase_add_test(tc, random_bytes_have_a_limit);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
