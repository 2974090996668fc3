/*
 * Every known request, made and mostly judged by the providers' own
 * libraries: the verdict, the event's id and its type.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/stand/vectors.h"

static void
ck_name(const struct vector *v, const char *what, bool has, struct span got,
    const char *want)
{
	ck_assert_msg(
	    has == (want != NULL) && (want == NULL || span_is(got, want)),
	    "%s: %s is \"%.*s\", not \"%s\"", v->name, what, (int)got.len,
	    got.len == 0 ? "" : (const char *)got.ptr,
	    want == NULL ? "none" : want);
}

static void
ck_vector(const char *file, size_t i)
{
	struct scheme_key *keys[VECTOR_SECRETS_MAX];
	struct buf scratch = BUF_INIT(65536);
	struct verify_result result;
	struct identity id;
	struct err err = ERR_INIT;
	struct scheme *sc;
	struct vector v;
	size_t nkeys;

	vector_read(file, i, &v);
	sc = scheme_of(v.provider);
	nkeys = vector_keys(sc, &v, keys);
	ck_assert_msg(
	    verify_request(sc, keys, nkeys, &v.input, &result, &err) == 0,
	    "%s: %s", v.name, err.text);
	ck_assert_msg(strcmp(verify_word(result.verdict), v.expect) == 0,
	    "%s: %s (%s), not %s", v.name, verify_word(result.verdict),
	    result.reason, v.expect);
	ck_assert_int_eq(result.key >= 0, result.verdict >= VERIFY_EXPIRED);
	if (result.verdict == VERIFY_VALID) {
		ck_assert_int_eq(
		    verify_identify(sc, &v.input, &scratch, &id, &err), 0);
		ck_name(&v, "id", id.has_id, id.id, v.event_id);
		ck_name(&v, "type", id.has_type, id.type, v.event_type);
	}
	buf_free(&scratch);
	keys_free(keys, nkeys);
	scheme_free(sc);
	vector_free(&v);
}

START_TEST(presets_say_what_providers_say)
{
	ck_vector(VECTORS, (size_t)_i);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("vectors");
	TCase *tc = tcase_create("lines");
	int n = (int)vector_count(VECTORS);
	SRunner *sr;
	int failed;

	if (n == 0)
		return EXIT_FAILURE;
	tcase_add_loop_test(tc, presets_say_what_providers_say, 0, n);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
