#!/bin/sh
# libFuzzer on what passes over the owner's socket: tests/fuzz/fuzz_frame.c.
# Usage: fuzz_frame.sh [SECONDS [CORPUS]]; 5 seconds and a fresh corpus when
# not said. What it finds is kept in the working folder as crash-*.
# shellcheck source=tests/fuzz/fuzz_lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/fuzz/fuzz_lib.sh"

build '' tests/fuzz/fuzz_frame lib/owner/frame lib/owner/frame_text lib/owner/feed_call \
    lib/model/event lib/owner/feed_get lib/owner/feed_row lib/http/request_pack lib/base/pack lib/base/bytes lib/base/err lib/base/text

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

fuzz -max_len=8192 -timeout=5
