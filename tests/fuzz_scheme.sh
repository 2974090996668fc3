#!/bin/sh
# libFuzzer on requests to every preset, and on scheme files:
# tests/fuzz/fuzz_scheme.c. Usage: fuzz_scheme.sh [SECONDS [CORPUS]]; 5 seconds
# and a fresh corpus when not said. What it finds is kept in the working folder
# as crash-*.
# shellcheck source=tests/fuzz_lib.sh
. "${top_srcdir:-$(dirname "$0")/..}/tests/fuzz_lib.sh"
EYELET_SCHEMES=$top_srcdir/conf/schemes
export EYELET_SCHEMES

build '-lcrypto -lcjson -lm -lz' tests/fuzz/fuzz_scheme lib/body lib/bytes \
    lib/crc32 \
    lib/digest lib/encode \
    lib/envelope lib/err lib/form lib/handshake lib/handshake_read lib/hmac \
    lib/identify lib/inflate lib/json lib/json_find lib/json_print lib/json_scan \
    lib/json_string lib/multipart lib/near lib/nfkd lib/pubkey lib/request lib/resolve \
    lib/resolve_body lib/scheme_body \
    lib/scheme lib/scheme_check lib/scheme_field lib/scheme_identity \
    lib/scheme_join lib/scheme_key lib/scheme_read lib/scheme_set \
    lib/scheme_time lib/selection lib/event lib/pack lib/pattern lib/sign \
    lib/template lib/text lib/url lib/verify lib/verify_payload

# A request to each preset with the headers that it reads, and its own file.
for file in "$EYELET_SCHEMES"/*.json; do
	name=$(basename "$file" .json)
	{
		printf '%s\nhub.mode=subscribe&token=a&challenge=b\n' "$name"
		grep -o 'header:[A-Za-z0-9-]*' "$file" | cut -d: -f2 |
		    tr '[:upper:]' '[:lower:]' | sort -u | sed 's/-$/-1/
			s/.*timestamp$/&: 1700000000/
			s/.*signature.*/&: t=1700000000,h=a,v1=00,v1=AAAA/
			/:/!s/$/: a/'
		printf '\n{"id":"a","type":"b","challenge":"c","events":[]}'
	} >"$corpus/$name"
	{ echo file && cat "$file"; } >"$corpus/$name.file"
done

fuzz -max_len=8192 -timeout=60
