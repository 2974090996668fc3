#!/bin/sh
# libFuzzer on bodies: tests/fuzz/fuzz_body.c. Usage: fuzz_body.sh [SECONDS
# [CORPUS]]; 5 seconds and a fresh corpus when not said; EYELET_EFFORT=long: half
# an hour. What it finds is kept in the working folder as crash-*.
# shellcheck source=tests/fuzz/fuzz_lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/fuzz/fuzz_lib.sh"
[ "${EYELET_EFFORT:-normal}" != long ] || [ $# -gt 0 ] || seconds=1800

build '-lz' tests/fuzz/fuzz_body lib/http/body lib/base/budget lib/base/bytes \
    lib/base/err lib/http/inflate lib/http/multipart lib/http/request \
    lib/base/text

# Good inputs to start from: the letter before each chooses the reader.
disposition='Content-Disposition: form-data; name='
{ printf '\360' && printf '{"id":1}' | gzip -n; } >"$corpus/gzip"
{ printf '\362' && printf '{"id":1}' | gzip -n; } >"$corpus/body"
{ printf '\362' && head -c 2000000 /dev/zero | gzip -n; } >"$corpus/bomb"
printf '\361\170\234\253\126\312\114\121\262\62\254\5\0\14\247\2\261' \
    >"$corpus/zlib"
printf '\372multipart/form-data; boundary="b c"' >"$corpus/type"
# shellcheck disable=SC2059 # a format
printf "\373--b\r\n$disposition\"token\"\r\n\r\nt\r\n--b\r\n$disposition\"f\"; \
filename=\"x\"\r\nContent-Type: image/png\r\n\r\n\0\r\n--b--\r\n" \
    >"$corpus/form"

fuzz -max_len=8192 -timeout=20
