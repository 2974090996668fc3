#!/bin/sh
# libFuzzer on what web servers send: tests/fuzz/fuzz_intake.c, libfcgi behind
# it. Usage: fuzz_intake.sh [SECONDS [CORPUS]]; 5 seconds and a fresh corpus when
# not said; EYELET_EFFORT=long: until ten million records were mutated, or for
# half an hour. What it finds is kept in the working folder as crash-*.
# shellcheck source=tests/fuzz/fuzz_lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/fuzz/fuzz_lib.sh"
runs=-1
if [ "${EYELET_EFFORT:-normal}" = long ] && [ $# -eq 0 ]; then
	seconds=1800
	runs=5000000 # of two records and more each
fi

build '-lfcgi' tests/fuzz/fuzz_intake cgi/env cgi/fcgi cgi/intake cgi/pair \
    lib/base/bytes lib/base/err lib/base/text

# Good requests to start from: alone, after a management record, beside another
# id, with padding, with a long value, two on one connection, aborted.
begin='\1\1\0\1\0\10\0\0\0\1\1\0\0\0\0\0'
post='\1\4\0\1\0\51\0\0\16\4REQUEST_METHODPOST\16\1CONTENT_LENGTH2'
post="$post"'\1\4\0\1\0\14\4\0\10\2HTTP_X_Yab\0\0\0\0\1\4\0\1\0\0\0\0'
body='\1\5\0\1\0\2\6\0{}\0\0\0\0\0\0\1\5\0\1\0\0\0\0'
values='\1\11\0\0\0\21\7\0\17\0FCGI_MPXS_CONNS\0\0\0\0\0\0\0'
long='\1\4\0\1\0\211\0\0\1\200\0\0\203A'$(printf '%0131d' 0)
# shellcheck disable=SC2059 # these are formats
{
	printf "\377\2$begin$post$body" >"$corpus/post"
	printf "\0\2$begin$post$body" >"$corpus/bytewise"
	printf "\7\2$values$begin$post$values$body" >"$corpus/values"
	printf "\7\2$begin\1\1\0\2\0\10\0\0\0\1\0\0\0\0\0\0$post$body" \
	    >"$corpus/other"
	printf "\7\2$begin$long$post$body" >"$corpus/long"
	printf "\7\2$begin$post$body$begin$post$body" >"$corpus/two"
	printf "\7\2$begin$post\1\2\0\1\0\0\0\0" >"$corpus/abort"
	printf "\7\2$begin\1\4\0\1\0\30\0\0\300\0\0\0\300\0\0\0AAAAAAAAAAAAAAAA" \
	    >"$corpus/lengths"
}

fuzz -runs="$runs" -max_len=4096 -timeout=20
