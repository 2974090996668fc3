#!/bin/sh
# Builds a copy of this tree in a temporary folder and runs every test of it:
# gcc with ASan and UBSan, gcc, clang, install, distcheck. Its last line is
# "N passed, N failed" (", N skipped"); it exits 0 only when none failed.
#
#	tests/run.sh [--quick] [--keep]
#
# --quick stops after the sanitizers' build and its tests; --keep leaves the
# folder. What is missing is installed from Debian (as root or with sudo), and
# nothing when nothing is missing. Needs no terminal.
set -u
umask 022
export LC_ALL=C

here=$(cd "$(dirname "$0")/.." && pwd) || exit 70
quick=no
keep=no
for arg in "$@"; do
	case $arg in
	--quick) quick=yes ;;
	--keep) keep=yes ;;
	*)
		echo "usage: tests/run.sh [--quick] [--keep]" >&2
		exit 64
		;;
	esac
done

jobs=$(nproc 2>/dev/null || echo 2)
tests_at_once=$((jobs + (jobs + 1) / 2)) # half of their time is waiting
passed=0
failed=0
skipped=0
CHECK_MAX_S=2700 # no run of "make check" may take longer
LOG_LINES=60     # of a failing test's log, shown
DISTCHECK_SCRIPTS="tests/tree/format.sh tests/scheme/scheme_rows.py tests/web/web_cgi.py \
tests/web/web_lighttpd.py tests/owner/owner_programs.sh tests/deliver/deliver_rules.py"

work=$(mktemp -d "${TMPDIR:-/tmp}/eyelet-run.XXXXXX") || exit 73
chmod 755 "$work" # web servers of other users serve from it
running= # what must not outlive us
finish() {
	[ -z "$running" ] || kill "$running" 2>/dev/null
	if [ $keep = yes ]; then
		echo "kept: $work"
	else
		chmod -R u+w "$work" 2>/dev/null
		rm -rf "$work"
	fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() {
	printf '== %s (%s s)\n' "$*" "$(($(date +%s) - began))"
}
began=$(date +%s)

tally() {
	[ ! -f "$work/failures" ] || cat "$work/failures"
	echo "$passed passed, $failed failed${1:-}"
}

# The end for what makes every further step meaningless.
give_up() {
	failed=$((failed + 1))
	fail "$1"
	tally
	exit 1
}

# fail WORDS: says what failed, here and once more before the tally, so that
# whoever sees only one end of the output knows.
fail() {
	echo "FAIL: $*"
	echo "FAIL: $*" >>"$work/failures"
}

end_of() {
	tail -n $LOG_LINES "$1" | sed 's/^/    /'
}

# The word that "make check" left for a test: PASS, FAIL, ... Nothing for a test
# that was killed.
result_of() {
	[ ! -f "$1.trs" ] || sed -n 's/^:test-result: *//p' "$1.trs" | head -n 1
}

# tests_in DIR [CONDITION...]: all that began there, as paths without ending.
tests_in() {
	find "$@" -path '*/tests/*.log' | sed 's/\.log$//' | sort
}

# interrupted_in LOG: the tests that were running when their "make check" was
# told to end. Nothing but the words of make is left of them.
interrupted_in() {
	sed -n 's/^make.*\*\*\* \[[^]]*: \(tests\/.*\)\.log\] .*/\1/p' "$1" | sort
}

# For a step with a "make check" somewhere inside: which tests failed in it;
# status 1 when none did.
name_failed_tests() {
	: >"$work/failed_tests"
	tests_in "$work" -newer "$work/step.began" | while read -r test; do
		result=$(result_of "$test")
		case $result in
		PASS | XFAIL | SKIP) continue ;;
		esac
		fail "${test#"$work"/} (${result:-killed})"
		echo "$test" >>"$work/failed_tests"
	done
	interrupted_in "$work/step.log" | while read -r test; do
		fail "$test (did not end)"
	done
	[ -s "$work/failed_tests" ]
}

# What a step that failed has to say. The names first; then the words of the
# tests that failed, or, when it was none, the step's own.
explain_step() {
	if name_failed_tests; then
		grep -E '\*\*\*|^ERROR' "$work/step.log" | end_of -
		while read -r test; do
			echo "  ${test#"$work"/} said last:"
			end_of "$test.log"
		done <"$work/failed_tests"
	else
		end_of "$work/step.log"
	fi
}

# step NAME COMMAND...: one check of its own; its words show when it fails.
# Status 77 is a skip, as everywhere in the tests.
step() {
	name=$1
	shift
	: >"$work/step.began"
	("$@") >"$work/step.log" 2>&1 </dev/null &
	running=$!
	wait $running
	status=$?
	running=
	case $status in
	0)
		passed=$((passed + 1))
		echo "PASS: $name"
		;;
	77)
		skipped=$((skipped + 1))
		echo "SKIP: $name: $(tail -n 1 "$work/step.log")"
		;;
	*)
		failed=$((failed + 1))
		fail "$name (status $status)"
		explain_step
		;;
	esac
	return $status
}

# --- what the tests need ------------------------------------------------------

packages='apache2 autoconf automake ca-certificates check clang clang-format
curl db5.3-util e2fsprogs file gcc iproute2 libapache2-mod-fcgid libc6-dev libcjson-dev
libclang-rt-dev libcurl4-openssl-dev libdb5.3-dev libfcgi-dev libinih-dev
libssl-dev lighttpd lighttpd-mod-openssl logrotate make mandoc nginx openssl patch pkg-config
procps python3 rsync shellcheck strace systemd util-linux xz-utils zlib1g-dev'
# For tests/sdk/sdk_interoperate.py. Debian's are large: whichever is here will do.
command -v node >/dev/null && command -v npm >/dev/null ||
	packages="$packages nodejs npm"

# shellcheck source=conf/packages.sh
. "$here/conf/packages.sh"
# shellcheck source=conf/copy_tree.sh
. "$here/conf/copy_tree.sh"

if command -v dpkg-query >/dev/null; then
	# shellcheck disable=SC2086 # a list of words
	missing=$(missing_packages $packages)
	if [ -n "$missing" ]; then
		say "installing $missing"
		# shellcheck disable=SC2086
		install_packages $missing >"$work/apt.log" 2>&1 </dev/null || {
			tail -n $LOG_LINES "$work/apt.log"
			give_up "cannot install $missing"
		}
	fi
else
	echo "no dpkg here: taking it that the tools are installed"
fi

# --- a copy of the tree -------------------------------------------------------

# Only what git knows, so that a file that was never added is missed here and
# not after the next clone.
say "copying and generating configure"
tree=$work/tree
copy_tree "$here" "$tree" || give_up "cannot copy the tree"
step "autogen" "$tree/autogen.sh" || give_up "no configure, so no tests"

# --- gcc, with the sanitizers -------------------------------------------------

# in_build DIR CONFIGURE-ARGUMENTS...: an out-of-tree build in DIR.
in_build() {
	mkdir -p "$work/$1" && cd "$work/$1" || return 1
	shift
	"$tree/configure" --quiet "$@" || return 1
	make -s -j"$jobs"
}

# Counts what "make check" left behind: a unit test by its Check lines
# ("100%: Checks: 12, Failures: 0, Errors: 0"), any other test as one.
count_results() {
	for test in $(tests_in "$1"); do
		name=${test#"$1"/}
		log=$test.log
		result=$(result_of "$test")
		counts=$(sed -n 's/^[0-9]*%: Checks: \([0-9]*\), Failures: \([0-9]*\), Errors: \([0-9]*\)$/\1 \2 \3/p' \
		    "$log" 2>/dev/null |
		    awk '{ n += $1; bad += $2 + $3 } END { print n + 0, bad + 0 }')
		checks=${counts% *}
		bad=${counts#* }
		case $result in
		PASS | XFAIL)
			passed=$((passed + (checks > 0 ? checks : 1)))
			continue
			;;
		SKIP)
			skipped=$((skipped + 1))
			echo "SKIP: $name: $(grep -v "^SKIP $name " "$log" |
			    tail -n 1)"
			continue
			;;
		esac
		# A test that fails without a failed check died or leaked.
		[ "$bad" -gt 0 ] || bad=1
		[ "$checks" -ge "$bad" ] || checks=$bad
		failed=$((failed + bad))
		passed=$((passed + checks - bad))
		fail "$name (${result:-killed})"
		end_of "$log"
	done
}

check_under_sanitizers() {
	cd "$work/asan" || give_up "no build folder"
	timeout -k 10 $CHECK_MAX_S make -k -j"$tests_at_once" check VERBOSE= \
	    >"$work/check.log" 2>&1 </dev/null &
	running=$!
	wait $running
	status=$?
	running=
	before=$failed
	count_results "$work/asan"
	ran=$(find "$work/asan" -name '*.trs'  | wc -l)
	echo "$ran test programs ran under ASan and UBSan"
	if [ $status -ne 0 ] && [ "$failed" = "$before" ] ||
	    [ $status -ge 124 ]; then
		failed=$((failed + 1))
		fail "make check (status $status)"
		interrupted_in "$work/check.log" | while read -r test; do
			fail "$test (did not end)"
		done
		end_of "$work/check.log"
	fi
}

# Warnings are left to the plain build: the sanitizers' own code makes gcc
# warn of values that cannot occur.
say "gcc with ASan and UBSan, $jobs jobs"
step "gcc builds with ASan and UBSan" in_build asan CC=gcc \
    CFLAGS='-g -O1' --enable-sanitizers || give_up "no build, so no tests"
say "make check"
check_under_sanitizers

# --- the other builds ---------------------------------------------------------

# Every path below the folder where "make install" may put something.
check_install() {
	rm -rf "$work/dest" && mkdir "$work/dest" || return 1
	(cd "$work/gcc" && make -s install DESTDIR="$work/dest") || return 1
	(cd "$work/dest" && find . ! -type d) | sed 's/^\.//' | sort \
	    >"$work/installed"
	cat "$work/installed"
	stray=$(grep -vE '^/usr/local/(sbin/eyelet-[a-z]+|libexec/eyelet/eyelet\.fcgi|etc/eyelet/|lib/systemd/system/eyelet(-deliver\.service|\.service|\.socket)$|lib/(sysusers|tmpfiles)\.d/eyelet\.conf$|share/eyelet/|share/man/man[1578]/|share/doc/eyelet/|share/bash-completion/completions/eyelet)' \
	    "$work/installed")
	[ -z "$stray" ] || {
		echo "installed where nothing of eyelet belongs: $stray"
		return 1
	}
	grep -E '/(sbin|libexec)/' "$work/installed" >"$work/programs" || {
		echo "no program was installed"
		return 1
	}
	while read -r program; do
		page=/usr/local/share/man/man8/${program##*/}.8
		grep -qxF "$page" "$work/installed" || {
			echo "$program is installed without its page"
			return 1
		}
	done <"$work/programs"
	(cd "$work/gcc" && make -s uninstall DESTDIR="$work/dest") || return 1
	left=$(find "$work/dest" ! -type d)
	[ -z "$left" ] || {
		echo "left behind by make uninstall: $left"
		return 1
	}
}

# From a tree in which something was built, newer than all sources. Twice, and
# then under attack: the second time there is little to build.
quickstart() {
	copy_tree "$here" "$work/built" || return 1
	(cd "$work/built" && find . -type f | sed 's,^\./,,' >../MANIFEST &&
	    mv ../MANIFEST . && echo built >config.status &&
	    echo built >lib/libeyelet.a && echo built >lib/base/err.o) || return 1
	for round in first second; do
		EYELET_QUICKSTART=$work/quickstart timeout -k 10 600 \
		    "$work/built/conf/quickstart.sh" --once || {
			echo "the $round run"
			return 1
		}
	done
	for word in building making; do
		grep -q "^== $word" "$work/quickstart/quickstart.log" || {
			echo "quickstart.log is not whole: no \"$word\""
			return 1
		}
	done
	[ "$(id -u)" != 0 ] || python3 \
	    "$work/built/tests/fault/quickstart_attacked.py" "$work/quickstart"
}

# The tarball has each file that git knows, but dot files. Its tests are those
# of the parts and some of each kind: all of them ran above.
distcheck() {
	mkdir -p "$work/dist" && cd "$work/dist" || return 1
	"$tree/configure" --quiet CC=gcc || return 1
	tests=$(cd "$tree" && find tests -name 'test_*.c' | sed 's/\.c$//' |
	    tr '\n' ' ') || return 1
	EYELET_EFFORT=short timeout -k 10 $CHECK_MAX_S \
	    make -j"$tests_at_once" distcheck VERBOSE=yes \
	    TESTS="$tests$DISTCHECK_SCRIPTS" \
	    DISTCHECK_CONFIGURE_FLAGS=--enable-werror || return 1
	tar tf eyelet-*.tar.* | sed 's,^[^/]*/,,' | sort >packed
	list_tree "$here" | tr '\0' '\n' | grep -vE '^\.|/\.' | sort >known
	! comm -13 packed known | grep . || {
		echo "the files above are not in the tarball: see EXTRA_DIST"
		return 1
	}
}

if [ $quick = no ]; then
	say "gcc"
	step "gcc builds without a warning" in_build gcc CC=gcc \
	    CFLAGS='-g -O2' --enable-werror
	say "clang"
	step "clang builds without a warning" in_build clang CC=clang \
	    CFLAGS='-g -O2' --enable-werror
	say "make install"
	step "make install puts things where they belong" check_install
	say "quickstart"
	step "conf/quickstart.sh --once" quickstart
	say "make distcheck"
	step "make distcheck" distcheck
fi

say "done"
if [ $skipped -gt 0 ]; then
	tally ", $skipped skipped"
else
	tally
fi
[ $failed = 0 ]
