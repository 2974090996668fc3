#!/bin/sh
# libFuzzer on what passes over the owner's socket: tests/fuzz/fuzz_frame.c.
# Usage: fuzz_frame.sh [SECONDS [CORPUS]]; 5 seconds and a fresh corpus when
# not said. What it finds is kept in the working folder as crash-*.
set -u
top_srcdir=${top_srcdir:-$(dirname "$0")/..}
seconds=${1:-5}
scratch=$(mktemp -d) || exit 73
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM
corpus=${2:-$scratch/corpus}
mkdir -p "$corpus"

set --
for f in tests/fuzz/fuzz_frame lib/frame lib/frame_text lib/feed_call \
    lib/feed_get lib/feed_row lib/pack lib/bytes lib/err lib/text; do
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
    -o "$scratch/fuzz" || exit 1

# A few good frames to start from: a ping, a hello, a call, an empty request,
# a reply, a verdict; of the feed a wait, a report, settings and events.
printf '\0\0\0\2\1\3' >"$corpus/ping"
printf '\0\0\0\061\1\1version=0.1.0\nrole=admin\nprogram=x\npid=4711\n' \
    >"$corpus/hello"
printf '\0\0\0\024\1\0070123456789abcdef{}' >"$corpus/call"
printf '0123456789abcdef\0\0\0\4POST\0\0\0\2/a\0\0\0\0\0\0\0\1x\1' \
    >"$corpus/request"
printf '\0\0\0\0\0\0\0\2\0\1\0\0\0\1a\0\0\0\1b\0\0\0\2{}' >>"$corpus/request"
printf '\0\310\0\0\0\0\0\0\0\0\2a\0\0\0\0\0\0\0\0\2{}\0\0\0\1x' \
    >"$corpus/reply"
printf 'code=denied\nmessage=not you\n' >"$corpus/verdict"
printf '\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\3' >"$corpus/wait"
printf '\6\0\0\0\1\2\0' >"$corpus/report"
printf '\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3' \
    >>"$corpus/report"
printf '\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\3' >>"$corpus/report"
printf '\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\1' >"$corpus/settings"
printf '\0\0\0\0\0\0\0\2\0\4shop' >>"$corpus/settings"
printf '\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\1' >"$corpus/events"
printf '\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\4' \
    >>"$corpus/events"
printf '\0\0\1a\0\1b\0\1c\0\0\0\1d\0\0\0\2{}' >>"$corpus/events"

"$scratch/fuzz" -max_total_time="$seconds" -max_len=8192 -timeout=5 \
    -print_final_stats=1 "$corpus" >"$scratch/log" 2>&1
status=$?
if [ $status -ne 0 ]; then
	tail -40 "$scratch/log"
	exit 1
fi
grep -E 'number_of_executed_units|cov: ' "$scratch/log" | tail -2
