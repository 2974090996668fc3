#!/bin/sh
# libFuzzer on requests to every preset, and on scheme files:
# tests/fuzz/fuzz_scheme.c. Usage: fuzz_scheme.sh [SECONDS [CORPUS]]; 5 seconds
# and a fresh corpus when not said. What it finds is kept in the working folder
# as crash-*.
set -u
top_srcdir=${top_srcdir:-$(dirname "$0")/..}
seconds=${1:-5}
scratch=$(mktemp -d) || exit 73
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM
corpus=${2:-$scratch/corpus}
mkdir -p "$corpus"
EYELET_SCHEMES=$top_srcdir/conf/schemes
export EYELET_SCHEMES

set --
for f in tests/fuzz/fuzz_scheme lib/bytes lib/crc32 lib/digest lib/encode \
    lib/envelope lib/err lib/form lib/handshake lib/handshake_read lib/hmac \
    lib/identify lib/json lib/json_find lib/json_print lib/json_scan \
    lib/json_string lib/near lib/nfkd lib/pubkey lib/request lib/resolve \
    lib/scheme lib/scheme_check lib/scheme_field lib/scheme_identity \
    lib/scheme_join lib/scheme_key lib/scheme_read lib/scheme_set \
    lib/scheme_time lib/sign \
    lib/template lib/text lib/url lib/verify lib/verify_payload; do
	set -- "$@" "$top_srcdir/$f.c"
done
echo 'int LLVMFuzzerTestOneInput(const unsigned char *, unsigned long);
int LLVMFuzzerTestOneInput(const unsigned char *p, unsigned long n)
{ return p == 0 && n > 0; }' >"$scratch/probe.c"
if ! clang -fsanitize=fuzzer "$scratch/probe.c" -o "$scratch/probe" \
    2>/dev/null; then
	echo "no clang with libFuzzer: install clang"
	exit 77
fi
clang -D_GNU_SOURCE -std=gnu11 -g -O1 -I"$top_srcdir" \
    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all "$@" \
    -o "$scratch/fuzz" -lcrypto -lcjson -lm || exit 1

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

"$scratch/fuzz" -max_total_time="$seconds" -max_len=8192 -timeout=60 \
    -print_final_stats=1 "$corpus" >"$scratch/log" 2>&1
status=$?
if [ $status -ne 0 ]; then
	tail -40 "$scratch/log"
	exit 1
fi
grep -E 'number_of_executed_units|cov: ' "$scratch/log" | tail -2
