#!/bin/sh
# libFuzzer on requests to every preset, and on scheme files:
# tests/fuzz/fuzz_scheme.c. Usage: fuzz_scheme.sh [SECONDS [CORPUS]]; 5 seconds
# and a fresh corpus when not said. What it finds is kept in the working folder
# as crash-*.
# shellcheck source=tests/fuzz/fuzz_lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/fuzz/fuzz_lib.sh"
EYELET_SCHEMES=$top_srcdir/conf/schemes
export EYELET_SCHEMES

build '-lcrypto -lcjson -lm -lz' tests/fuzz/fuzz_scheme lib/http/body lib/base/budget lib/base/bytes \
    lib/base/crc32 \
    lib/crypto/digest lib/base/encode \
    lib/scheme/envelope lib/base/err lib/http/form lib/scheme/handshake lib/scheme/handshake_read lib/crypto/hmac \
    lib/scheme/identify lib/http/inflate lib/json/json lib/json/find lib/json/print lib/json/scan \
    lib/json/string lib/http/multipart lib/base/near lib/base/nfkd lib/crypto/pubkey lib/http/request lib/scheme/resolve \
    lib/scheme/resolve_body lib/scheme/resolver lib/scheme/body \
    lib/scheme/scheme lib/scheme/algorithm lib/scheme/check \
    lib/scheme/coverage lib/scheme/field lib/scheme/identity \
    lib/scheme/join lib/scheme/key lib/scheme/read lib/scheme/set \
    lib/scheme/time lib/model/selection lib/model/event lib/base/pack lib/base/pattern lib/scheme/sign \
    lib/scheme/template lib/base/text lib/http/url lib/scheme/verify lib/scheme/verify_payload

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
