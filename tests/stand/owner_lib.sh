# owner_lib.sh: what the owner_*.sh share: a fresh store folder with a
# configuration whose program is owner_helper, and the words of a test.
# shellcheck shell=sh disable=SC2154
set -u
helper=$top_builddir/tests/stand/owner_helper
scratch=$(mktemp -d) || exit 73
file=$scratch/eyelet.conf
store=$scratch/store
failures=0
patience=5 # CLIENT_WAIT_MS: what comes sooner was not waited for
[ -x "$helper" ] || {
	echo "there is no $helper: \"make check\" builds it"
	exit 1
}

# Only processes that this test started: they stand in the file "owners".
owners() {
	[ ! -f "$scratch/owners" ] || awk '$1 == "owned" { print $2 }' \
	    "$scratch/owners"
}

clean_up() {
	for pid in $(owners) ${started-}; do
		kill -KILL "$pid" 2>/dev/null
	done
	rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

# fresh_at FOLDER: no owner, nothing in the store.
fresh_at() {
	for pid in $(owners); do
		kill -KILL "$pid" 2>/dev/null
	done
	rm -rf "$store" "$scratch/owners" "$scratch/knobs"
	store=$1
	mkdir -p "$store" || exit 73
	chmod 700 "$store"
	printf '[store]\npath = %s\n[process]\nprogram = %s\n' "$store" \
	    "$helper" >"$file"
}

fresh() {
	fresh_at "$scratch/store"
}

# ask VERB [OPTION ...] [WORD ...]: its output in $out, its words in $words,
# its status in $status, how long it took in $took (seconds).
ask() {
	verb=$1
	shift
	before=$(date +%s)
	out=$("$helper" "$verb" -c "$file" "$@" 2>"$scratch/words")
	status=$?
	took=$(($(date +%s) - before))
	words=$(cat "$scratch/words")
}

# check WHAT TEST-EXPRESSION ...: says so when it is not as it must be.
check() {
	what=$1
	shift
	if ! [ "$@" ]; then
		echo "FAILED: $what: [ $* ]"
		echo "  status ${status-} after ${took-} s, out: ${out-}"
		echo "  words: ${words-}"
		failures=$((failures + 1))
		[ $failures -lt 20 ] || finish
	fi
}

# says WHAT TEXT: the words hold the text.
says() {
	case $words in
	*"$2"*) ;;
	*) check "$1: \"$2\"" "$words" = "" ;;
	esac
}

# begins WHAT TEXT: they begin with it.
begins() {
	case $words in
	"$2"*) ;;
	*) check "$1: \"$2\" first" "$words" = "" ;;
	esac
}

# until_true TRIES COMMAND ...: at most TRIES tenths of a second.
until_true() {
	tries=$1
	shift
	while [ "$tries" -gt 0 ]; do
		"$@" && return 0
		tries=$((tries - 1))
		sleep 0.1
	done
	return 1
}

count_owners() {
	owners | wc -l
}

last_owner() {
	owners | tail -1
}

# Ended; perhaps nobody has asked for its status yet.
is_gone() {
	! grep -qs '^State:[^Z]*$' "/proc/$1/status"
}

finish() {
	[ $failures -eq 0 ] || echo "$failures checks failed"
	exit $((failures > 0))
}
