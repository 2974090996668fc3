/*
 * RSA keys: a pair made by the openssl command, its certificate, and the keys
 * that must never be taken.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/encode.h"
#include "lib/base/util.h"
#include "lib/crypto/pubkey.h"

#define DER                                                                \
	"30820122300d06092a864886f70d01010105000382010f003082010a02820101" \
	"00ab73ea71cfc6b1e0c01a6ba6c60b303f976d3dde6555a0afc92baf76e8592e" \
	"7a4e0570afc91897ccf63305e968f7409ee25bcd10ccdf8ba13fcf5f12397683" \
	"759693474b8a09602032dceebd90c4e5f14732e37f6100f01586bbf8aa5cfd18" \
	"5295a0ea753875e0c9fb2ae24cdc05df7b5d814a6f76580d259c985e1052143b" \
	"f01936236038270688d41cce445372c0953a6f6e83a18ebe471b58e82fe7f318" \
	"8e8ee66e5e4ba4631482ce9f01a1149ca73d0727a2c6b2c39f8b77ff49a0f1b2" \
	"f6bd49085c322640c95566b1cd5b59ecfb9100d10a3cd5c8eae56e1c33701b43" \
	"a90e5337204d4c501f9e098385fac71b1122e32b3f9a952ea199c38e7447295b" \
	"1f0203010001"
#define PEM                                                                  \
	"-----BEGIN PUBLIC KEY-----\n"                                       \
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAq3Pqcc/GseDAGmumxgsw\n" \
	"P5dtPd5lVaCvySuvduhZLnpOBXCvyRiXzPYzBelo90Ce4lvNEMzfi6E/z18SOXaD\n" \
	"dZaTR0uKCWAgMtzuvZDE5fFHMuN/YQDwFYa7+Kpc/RhSlaDqdTh14Mn7KuJM3AXf\n" \
	"e12BSm92WA0lnJheEFIUO/AZNiNgOCcGiNQczkRTcsCVOm9ug6GOvkcbWOgv5/MY\n" \
	"jo7mbl5LpGMUgs6fAaEUnKc9ByeixrLDn4t3/0mg8bL2vUkIXDImQMlVZrHNW1ns\n" \
	"+5EA0Qo81cjq5W4cM3AbQ6kOUzcgTUxQH54Jg4X6xxsRIuMrP5qVLqGZw450Rylb\n" \
	"HwIDAQAB\n"                                                         \
	"-----END PUBLIC KEY-----\n"
#define CERTIFICATE                                                          \
	"-----BEGIN CERTIFICATE-----\n"                                      \
	"MIIC+jCCAeKgAwIBAgIBATANBgkqhkiG9w0BAQsFADAWMRQwEgYDVQQDDAtzbnMu\n" \
	"ZXhhbXBsZTAeFw0yNjExMjAyMjUwMjZaFw0yNjExMjEyMjUwMjZaMBYxFDASBgNV\n" \
	"BAMMC3Nucy5leGFtcGxlMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n" \
	"q3Pqcc/GseDAGmumxgswP5dtPd5lVaCvySuvduhZLnpOBXCvyRiXzPYzBelo90Ce\n" \
	"4lvNEMzfi6E/z18SOXaDdZaTR0uKCWAgMtzuvZDE5fFHMuN/YQDwFYa7+Kpc/RhS\n" \
	"laDqdTh14Mn7KuJM3AXfe12BSm92WA0lnJheEFIUO/AZNiNgOCcGiNQczkRTcsCV\n" \
	"Om9ug6GOvkcbWOgv5/MYjo7mbl5LpGMUgs6fAaEUnKc9ByeixrLDn4t3/0mg8bL2\n" \
	"vUkIXDImQMlVZrHNW1ns+5EA0Qo81cjq5W4cM3AbQ6kOUzcgTUxQH54Jg4X6xxsR\n" \
	"IuMrP5qVLqGZw450RylbHwIDAQABo1MwUTAdBgNVHQ4EFgQUu1akE22iUx6gvxBG\n" \
	"lX2zT4Np74EwHwYDVR0jBBgwFoAUu1akE22iUx6gvxBGlX2zT4Np74EwDwYDVR0T\n" \
	"AQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOCAQEAcwNf9s2M2CO6uPcbFgeVJ6FA\n" \
	"nFE9SnmhzmKIiyOTAJ3BHyUgj5/MSgYYbX2S7msKUEp+ut1jRAemYBTE/3AL+QfF\n" \
	"xlJ+tHdfV7ui+H5/GnGy9b2BBfjkwZDT1KXL7YR6ivYZ/3lSgF1LraE2vn5rf3Y/\n" \
	"QQI+U10m6IAswW2DFBfaCIdVZJ2Qjy8lUH4pfu59A0vPCh+54wz6HM3+0hXMDM9V\n" \
	"m5qmGFbIfi/XUpEi8pjM9QUFd03OuTamfpjVjxzUvn9OQNURyHI9yr1B5MAu5l54\n" \
	"SVBrhWBozPOmcfJWjxsuCD88+BP39kffTIcTLE+vH0B8J6SRgT/Am8w8RfIl/A==\n" \
	"-----END CERTIFICATE-----\n"
/* Of "hello world". */
#define SIG_SHA256                                                         \
	"60c4ca57bbb263a64c65ad41322a328c0b619456d4824ee1ae46d171774ca841" \
	"3b5340ceaae93b18a36e6a502ac83e47307eecf14993bdc74d744345cac97ceb" \
	"3544807efcbca944fda6adcfab775c394ab1f8e9c38cf93274f240a889734c9f" \
	"3b80a21d25d43c9d7b5989aa41f0ad40a5dca2fa2ae92f88abd51183cf60ec00" \
	"2ab508cf9e6d21d10a64e59b62a1dcbab750e39ed0e776bcf16de02b803d7fe2" \
	"f3b1fae5e5a9d99c0097b7296bba8d29fe9c9e3eb5bac2e6beef2f894572fe9a" \
	"79e1aa16b5e20ae05d2733b4ca9a685d1e59db1d9ca818671abd247612df80fb" \
	"39dccc841f550b43533bba6dee50533481a31fa969e29627fecdbc0be6d8eb35"
#define SIG_SHA1                                                           \
	"671474f755e234292537b858c7750912b2a3c846e87eb0618c2cc0d95238c10e" \
	"aac31cf7dcf080d8cf8d3712b7b56fb3ca5d26b2cb34041468df6a62117bc796" \
	"b0de5fb3ad3fef1b12bd00652e09152b4ac1c9c2b195fa847bfdbd1754e4f644" \
	"25ec23a702e8e0417aa78f0536edf64fa3c26bb1c8207e3ae37107829de08fd6" \
	"57897073b95daf91f5906f38c7b7209ff9a29a98f1eab80d23e501040f8ff83f" \
	"857a4a7204daf323bba463297fce6d1ed8465863d7da469d34539d212c9fd28b" \
	"70b3e0cf0fc2731cbe4f32c1f8e4e491646578559f38e943548cb44cc11ad682" \
	"6c8c1844f225788bab93ce0ad2ad4de3acbee4543c90738f87507adb85bc1742"
#define DER_1024                                                           \
	"30819f300d06092a864886f70d010101050003818d0030818902818100b1195f" \
	"7c5b65b517c4b79df3855a2f954c6a66505e5ef2f43871b5fc7896514ef726d4" \
	"b142feaecc112c3be50dc36c5ecc2b56e106354017f0473c69d339a1ff46c794" \
	"fd37affa805dc6f0fc7ec315d40fa490156a1f1de5509b5093b621753ad84506" \
	"826cb2b59bb465ee10a66208fe2aaf037815ddde6545b24fca15e8df69020301" \
	"0001"
/* DER, but that the exponent is another. */
#define DER_E1                                                             \
	"30820120300d06092a864886f70d01010105000382010d003082010802820101" \
	"00ab73ea71cfc6b1e0c01a6ba6c60b303f976d3dde6555a0afc92baf76e8592e" \
	"7a4e0570afc91897ccf63305e968f7409ee25bcd10ccdf8ba13fcf5f12397683" \
	"759693474b8a09602032dceebd90c4e5f14732e37f6100f01586bbf8aa5cfd18" \
	"5295a0ea753875e0c9fb2ae24cdc05df7b5d814a6f76580d259c985e1052143b" \
	"f01936236038270688d41cce445372c0953a6f6e83a18ebe471b58e82fe7f318" \
	"8e8ee66e5e4ba4631482ce9f01a1149ca73d0727a2c6b2c39f8b77ff49a0f1b2" \
	"f6bd49085c322640c95566b1cd5b59ecfb9100d10a3cd5c8eae56e1c33701b43" \
	"a90e5337204d4c501f9e098385fac71b1122e32b3f9a952ea199c38e7447295b" \
	"1f020101"
#define DER_EVEN                                                           \
	"30820122300d06092a864886f70d01010105000382010f003082010a02820101" \
	"00ab73ea71cfc6b1e0c01a6ba6c60b303f976d3dde6555a0afc92baf76e8592e" \
	"7a4e0570afc91897ccf63305e968f7409ee25bcd10ccdf8ba13fcf5f12397683" \
	"759693474b8a09602032dceebd90c4e5f14732e37f6100f01586bbf8aa5cfd18" \
	"5295a0ea753875e0c9fb2ae24cdc05df7b5d814a6f76580d259c985e1052143b" \
	"f01936236038270688d41cce445372c0953a6f6e83a18ebe471b58e82fe7f318" \
	"8e8ee66e5e4ba4631482ce9f01a1149ca73d0727a2c6b2c39f8b77ff49a0f1b2" \
	"f6bd49085c322640c95566b1cd5b59ecfb9100d10a3cd5c8eae56e1c33701b43" \
	"a90e5337204d4c501f9e098385fac71b1122e32b3f9a952ea199c38e7447295b" \
	"1f0203010000"

#define P256_PEM                                                             \
	"-----BEGIN PUBLIC KEY-----\n"                                       \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEp/S3+s5ZDFJZtZnYI3+yniESESEP\n" \
	"rw3jL3UBS+bNI7qXwe6JbWkDAO6PyKY7UIO/FbZYDF2mQqNZ5REAbI2SUw==\n"     \
	"-----END PUBLIC KEY-----\n"

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
	const char *key, *signature;
	bool good;
} pairs[] = {
	{ "SubjectPublicKeyInfo", PUBKEY_RSA_SHA256, DER, SIG_SHA256, true },
	{ "PEM", PUBKEY_RSA_SHA256, PEM, SIG_SHA256, true },
	{ "a certificate", PUBKEY_RSA_SHA256, CERTIFICATE, SIG_SHA256, true },
	{ "SHA-1", PUBKEY_RSA_SHA1, CERTIFICATE, SIG_SHA1, true },
	{ "SHA-1 in place of SHA-256", PUBKEY_RSA_SHA256, PEM, SIG_SHA1,
	    false },
	{ "SHA-256 in place of SHA-1", PUBKEY_RSA_SHA1, PEM, SIG_SHA256,
	    false },
};

START_TEST(right_signatures_pass_and_no_changed_byte)
{
	unsigned char k[512], s[PUBKEY_SIGNATURE_MAX + 1];
	struct span sig = bytes_of(pairs[_i].signature, s, sizeof(s));
	struct span message = span_str("hello world");
	struct pubkey *key = NULL;
	struct err err = ERR_INIT;
	bool good = false;
	size_t i;

	ck_assert_msg(
	    pubkey_read(pairs[_i].kind, bytes_of(pairs[_i].key, k, sizeof(k)),
		&key, &err) == 0,
	    "%s: %s", pairs[_i].when, err.text);
	ck_assert_int_eq(pubkey_check(key, sig, &message, 1, &good, &err), 0);
	ck_assert_msg(good == pairs[_i].good, "%s", pairs[_i].when);
	for (i = 0; i < sig.len; i++) {
		s[i] ^= 1;
		ck_assert_int_eq(
		    pubkey_check(key, sig, &message, 1, &good, &err), 0);
		ck_assert(!good);
		s[i] ^= 1;
	}
	for (i = 0; i < sig.len; i += 15) {
		ck_assert_int_eq(
		    pubkey_check(key, span_of(s, i), &message, 1, &good, &err),
		    0);
		ck_assert(!good);
	}
	message.len--;
	ck_assert_int_eq(pubkey_check(key, sig, &message, 1, &good, &err), 0);
	ck_assert(!good);
	pubkey_free(key);
}
END_TEST

static const struct {
	const char *when, *key, *says;
} refused[] = {
	{ "1024 bits", DER_1024,
	    "an RSA key of 1024 bits; 2048 to 4096 are taken" },
	{ "an exponent of 1", DER_E1,
	    "an RSA key whose exponent lets anybody sign" },
	{ "an even exponent", DER_EVEN,
	    "an RSA key whose exponent lets anybody sign" },
	{ "another kind", P256_PEM, "a key of another kind; RSA is needed" },
	{ "two certificates", CERTIFICATE CERTIFICATE,
	    "not a public key (SubjectPublicKeyInfo, PEM or a certificate)" },
	{ "half a certificate",
	    "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n",
	    "not a public key (SubjectPublicKeyInfo, PEM or a certificate)" },
	{ "nothing", "",
	    "not a public key (SubjectPublicKeyInfo, PEM or a certificate)" },
};

START_TEST(keys_that_prove_nothing_are_refused)
{
	unsigned char k[512];
	struct pubkey *key = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(
	    pubkey_read(PUBKEY_RSA_SHA256,
		bytes_of(refused[_i].key, k, sizeof(k)), &key, &err) == -1,
	    "%s", refused[_i].when);
	ck_assert_int_eq(err.code, ERR_INPUT);
	ck_assert_str_eq(err.text, refused[_i].says);
	ck_assert_ptr_null(key);
}
END_TEST

/* Other algorithms have no certificates: their senders show a key. */
START_TEST(a_certificate_is_for_rsa_alone)
{
	struct pubkey *key = NULL;
	struct err err = ERR_INIT;

	ck_assert_int_eq(
	    pubkey_read(PUBKEY_P256, span_str(CERTIFICATE), &key, &err), -1);
	ck_assert_int_eq(err.code, ERR_INPUT);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("pubkey_rsa");
	TCase *tc = tcase_create("keys");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(
	    tc, right_signatures_pass_and_no_changed_byte, 0, NITEMS(pairs));
	tcase_add_loop_test(
	    tc, keys_that_prove_nothing_are_refused, 0, NITEMS(refused));
	tcase_add_test(tc, a_certificate_is_for_rsa_alone);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
