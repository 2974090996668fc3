# fuzz_lib.sh: what the fuzz_*.sh share. Sourced with the arguments of the
# script: [SECONDS [CORPUS]]; 5 seconds and a fresh corpus when not given. Sets
# seconds, scratch (removed at the end) and corpus.
# shellcheck shell=sh disable=SC2034
set -u
top_srcdir=${top_srcdir:-$(dirname "$0")/../..}
seconds=${1:-5}
scratch=$(mktemp -d) || exit 73
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM
corpus=${2:-$scratch/corpus}
mkdir -p "$corpus"

# build LIBRARIES FILE...: FILE without ".c", below the top of the tree.
build() {
	libraries=$1
	shift
	for f; do
		shift
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
	# shellcheck disable=SC2086 # these are words
	clang -D_GNU_SOURCE -std=gnu11 -g -O1 -I"$top_srcdir" \
	    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	    "$@" -o "$scratch/fuzz" $libraries || exit 1
}

# fuzz OPTION...: runs it on the corpus. 1 and the end of its log when it fails.
fuzz() {
	"$scratch/fuzz" -max_total_time="$seconds" "$@" -print_final_stats=1 \
	    "$corpus" >"$scratch/log" 2>&1 && status=0 || status=$?
	if [ "$status" -ne 0 ]; then
		tail -40 "$scratch/log"
		exit 1
	fi
	grep -E 'number_of_executed_units|cov: | records$' "$scratch/log" |
	    tail -3
}
