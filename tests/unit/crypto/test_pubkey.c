/*
 * Public keys: RFC 8032's vectors, a pair made by the openssl command, and
 * the keys that must never be taken.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/encode.h"
#include "lib/base/util.h"
#include "lib/crypto/pubkey.h"

#define ED_RAW \
	"590cf797590ae172152b7bd84353592d9eedbf2ad469383033af05d44bdf7bd9"
#define ED_PEM                                                           \
	"-----BEGIN PUBLIC KEY-----\n"                                   \
	"MCowBQYDK2VwAyEAWQz3l1kK4XIVK3vYQ1NZLZ7tvyrUaTgwM68F1Evfe9k=\n" \
	"-----END PUBLIC KEY-----\n"
#define ED_SIG                                                             \
	"6ef4ed2d159438191189d672ebc059ac6dc2f737ad4ecd488fb20cd7c7ed7137" \
	"743a121ab4d5a971d1b5f3413df92434fee3365caf5d6668c2ef499b7555e90d"
#define P256_DER                                                          \
	"3059301306072a8648ce3d020106082a8648ce3d03010703420004a7f4b7fac" \
	"e590c5259b599d8237fb29e211211210faf0de32f75014be6cd23ba97c1ee89" \
	"6d690300ee8fc8a63b5083bf15b6580c5da642a359e511006c8d9253"
#define P256_PEM                                                             \
	"-----BEGIN PUBLIC KEY-----\n"                                       \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEp/S3+s5ZDFJZtZnYI3+yniESESEP\n" \
	"rw3jL3UBS+bNI7qXwe6JbWkDAO6PyKY7UIO/FbZYDF2mQqNZ5REAbI2SUw==\n"     \
	"-----END PUBLIC KEY-----\n"
#define P256_SIG                                                          \
	"304502203ef2d0354b3369f3124fd3397a646184342843794de25dc212ed688" \
	"b22556613022100b3cb4c15e39c68a3fe249a632c7b34149d5a695e9c9b45cb" \
	"4d33fcb3e78683e8"

/* Bytes of hex, or of text that begins with "-". */
static struct span
bytes_of(const char *text, unsigned char *room, size_t size)
{
	size_t len = 0;

	if (text[0] == '-')
		return span_str(text);
	ck_assert(encode_read(ENCODING_HEX, span_str(text), room, size, &len));
	return span_of(room, len);
}

static const struct {
	const char *when;
	enum pubkey_kind kind;
	const char *key, *message, *signature;
} pairs[] = {
	{ "RFC 8032 test 1", PUBKEY_ED25519,
	    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
	    "",
	    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100"
	    "b" },
	{ "RFC 8032 test 2", PUBKEY_ED25519,
	    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
	    "72",
	    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c0"
	    "0" },
	{ "RFC 8032 test 3", PUBKEY_ED25519,
	    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
	    "af82",
	    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
	    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40"
	    "a" },
	{ "openssl, raw", PUBKEY_ED25519, ED_RAW, "68656c6c6f20776f726c64",
	    ED_SIG },
	{ "openssl, SubjectPublicKeyInfo", PUBKEY_ED25519,
	    "302a300506032b6570032100" ED_RAW, "68656c6c6f20776f726c64",
	    ED_SIG },
	{ "openssl, PEM", PUBKEY_ED25519, ED_PEM, "68656c6c6f20776f726c64",
	    ED_SIG },
	{ "P-256, SubjectPublicKeyInfo", PUBKEY_P256, P256_DER,
	    "68656c6c6f20776f726c64", P256_SIG },
	{ "P-256, PEM", PUBKEY_P256, P256_PEM, "68656c6c6f20776f726c64",
	    P256_SIG },
};

static bool
checks(const struct pubkey *key, struct span sig, struct span message)
{
	struct span parts[3];
	struct err err = ERR_INIT;
	bool good = false;

	parts[0] = span_of(message.ptr, message.len / 2);
	parts[1] = SPAN_EMPTY;
	parts[2] = span_skip(message, message.len / 2);
	ck_assert_msg(
	    pubkey_check(key, sig, parts, 3, &good, &err) == 0, "%s", err.text);
	return good;
}

START_TEST(right_signatures_pass_and_no_changed_bit)
{
	unsigned char k[128], m[64], s[128];
	struct span key = bytes_of(pairs[_i].key, k, sizeof(k));
	struct span message = bytes_of(pairs[_i].message, m, sizeof(m));
	struct span sig = bytes_of(pairs[_i].signature, s, sizeof(s));
	struct pubkey *pub = NULL;
	struct err err = ERR_INIT;
	size_t i;

	ck_assert_msg(pubkey_read(pairs[_i].kind, key, &pub, &err) == 0,
	    "%s: %s", pairs[_i].when, err.text);
	ck_assert_msg(checks(pub, sig, message), "%s", pairs[_i].when);
	for (i = 0; i < sig.len * 8; i++) {
		s[i / 8] ^= (unsigned char)(1 << i % 8);
		ck_assert_msg(!checks(pub, sig, message), "%s: bit %zu",
		    pairs[_i].when, i);
		s[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	for (i = 0; i < message.len * 8; i++) {
		m[i / 8] ^= (unsigned char)(1 << i % 8);
		ck_assert(!checks(pub, sig, message));
		m[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	for (i = 0; i < sig.len; i++)
		ck_assert(!checks(pub, span_of(s, i), message));
	s[sig.len] = 0;
	ck_assert(!checks(pub, span_of(s, sig.len + 1), message));
	pubkey_free(pub);
}
END_TEST

static const struct {
	const char *when;
	enum pubkey_kind kind;
	const char *key, *says;
} refused[] = {
	{ "nothing", PUBKEY_ED25519, "",
	    "not a public key (32 bytes, SubjectPublicKeyInfo or PEM)" },
	{ "31 bytes", PUBKEY_ED25519,
	    "590cf797590ae172152b7bd84353592d9eedbf2ad469383033af05d44bdf7b",
	    "not a public key (32 bytes, SubjectPublicKeyInfo or PEM)" },
	{ "33 bytes", PUBKEY_ED25519, ED_RAW "00",
	    "not a public key (32 bytes, SubjectPublicKeyInfo or PEM)" },
	{ "a byte behind the DER", PUBKEY_ED25519,
	    "302a300506032b6570032100" ED_RAW "00",
	    "not a public key (32 bytes, SubjectPublicKeyInfo or PEM)" },
	{ "a second PEM behind the first", PUBKEY_ED25519, ED_PEM ED_PEM,
	    "not a public key (32 bytes, SubjectPublicKeyInfo or PEM)" },
	{ "PEM without an end", PUBKEY_ED25519,
	    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA",
	    "not a public key (32 bytes, SubjectPublicKeyInfo or PEM)" },
	{ "X25519", PUBKEY_ED25519, "302a300506032b656e032100" ED_RAW,
	    "a key of another kind; Ed25519 is needed" },
	{ "P-256 where Ed25519 is due", PUBKEY_ED25519, P256_DER,
	    "a key of another kind; Ed25519 is needed" },
	{ "Ed25519 where P-256 is due", PUBKEY_P256,
	    "302a300506032b6570032100" ED_RAW,
	    "a key of another kind; ECDSA is needed" },
	{ "32 raw bytes where P-256 is due", PUBKEY_P256, ED_RAW,
	    "not a public key (SubjectPublicKeyInfo or PEM)" },
	{ "P-384", PUBKEY_P256,
	    "3076301006072a8648ce3d020106052b81040022036200045dbc70bc668ee86f"
	    "694353bb7de4c639f0a06155d7730dce40c84f0591cd1aec912963f6594c1ddd"
	    "16a11d4e791ecf9f71afadca5af1161f77d91943d68645d6f7cb4d299a3018bd"
	    "df732046a4cc76d6b4f7299d566f4eaea4ecb4f78de26762",
	    "a key of another curve; P-256 is needed" },
	{ "secp256k1", PUBKEY_P256,
	    "3056301006072a8648ce3d020106052b8104000a03420004da8345738e13d523"
	    "cf9fdfaff9ae7d1bb6070424fe20d34c96b5e6d6bf6e23f5328190d51bcad974"
	    "b2e7a30849b39b39a3b0f517b29ad4261db49beac2ece6c8",
	    "a key of another curve; P-256 is needed" },
	{ "a byte behind the P-256 DER", PUBKEY_P256, P256_DER "00",
	    "not a public key (SubjectPublicKeyInfo or PEM)" },
	{ "order 4", PUBKEY_ED25519,
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "an Ed25519 key of small order, for which anybody can sign" },
	{ "order 4, other sign", PUBKEY_ED25519,
	    "0000000000000000000000000000000000000000000000000000000000000080",
	    "an Ed25519 key of small order, for which anybody can sign" },
	{ "order 1", PUBKEY_ED25519,
	    "0100000000000000000000000000000000000000000000000000000000000000",
	    "an Ed25519 key of small order, for which anybody can sign" },
	{ "order 1 in an SPKI", PUBKEY_ED25519,
	    "302a300506032b6570032100"
	    "0100000000000000000000000000000000000000000000000000000000000000",
	    "an Ed25519 key of small order, for which anybody can sign" },
	{ "order 2", PUBKEY_ED25519,
	    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "an Ed25519 key of small order, for which anybody can sign" },
	{ "order 8", PUBKEY_ED25519,
	    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	    "an Ed25519 key of small order, for which anybody can sign" },
	{ "order 8, other sign", PUBKEY_ED25519,
	    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	    "an Ed25519 key of small order, for which anybody can sign" },
	{ "the other order 8", PUBKEY_ED25519,
	    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	    "an Ed25519 key of small order, for which anybody can sign" },
	{ "y is the prime", PUBKEY_ED25519,
	    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "an Ed25519 key in a form that is not canonical" },
	{ "y is the prime and one", PUBKEY_ED25519,
	    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	    "an Ed25519 key in a form that is not canonical" },
	{ "y is as great as it goes", PUBKEY_ED25519,
	    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    "an Ed25519 key in a form that is not canonical" },
	{ "y is 2, which no x fits", PUBKEY_ED25519,
	    "0200000000000000000000000000000000000000000000000000000000000000",
	    "not an Ed25519 key: no point of the curve" },
	{ "y is 7, which no x fits", PUBKEY_ED25519,
	    "0700000000000000000000000000000000000000000000000000000000000000",
	    "not an Ed25519 key: no point of the curve" },
};

START_TEST(keys_that_prove_nothing_are_refused)
{
	unsigned char k[256];
	struct span key = bytes_of(refused[_i].key, k, sizeof(k));
	struct pubkey *pub = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(pubkey_read(refused[_i].kind, key, &pub, &err) == -1,
	    "%s", refused[_i].when);
	ck_assert_int_eq(err.code, ERR_INPUT);
	ck_assert_str_eq(err.text, refused[_i].says);
	ck_assert_ptr_null(pub);
}
END_TEST

/* By arithmetic done elsewhere: 3, 4, 5, 6, 9 and 10 belong to points. */
START_TEST(points_of_the_curve_are_taken)
{
	static const unsigned char ys[] = { 3, 4, 5, 6, 9, 10 };
	unsigned char key[32] = { ys[_i] };
	struct pubkey *pub = NULL;
	struct err err = ERR_INIT;

	ck_assert_int_eq(
	    pubkey_read(PUBKEY_ED25519, span_of(key, sizeof(key)), &pub, &err),
	    0);
	pubkey_free(pub);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pubkey");
	TCase *tc = tcase_create("keys");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(
	    tc, right_signatures_pass_and_no_changed_bit, 0, NITEMS(pairs));
	tcase_add_loop_test(
	    tc, keys_that_prove_nothing_are_refused, 0, NITEMS(refused));
	tcase_add_loop_test(tc, points_of_the_curve_are_taken, 0, 6);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
