#!/bin/sh
# conf/copy_tree.sh copies sources, whatever was built beside them, and what it
# copies is its caller's.
# shellcheck disable=SC2154,SC2317
set -u
export LC_ALL=C
unset MAKEFLAGS MFLAGS MAKELEVEL
# shellcheck source=conf/copy_tree.sh
. "$top_srcdir/conf/copy_tree.sh"
work=$(mktemp -d) || exit 99
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
bad=0

complain() {
	echo "FAIL: $*"
	bad=1
}

# expect WHEN FROM NAME...: these are copied, and nothing else.
expect() {
	when=$1
	rm -rf "$work/to"
	copy_tree "$2" "$work/to" 2>"$work/err" || {
		complain "$when: $(cat "$work/err")"
		return
	}
	shift 2
	printf './%s\n' "$@" | sort >"$work/want"
	(cd "$work/to" && find . -type f) | sort >"$work/got"
	cmp -s "$work/want" "$work/got" ||
	    complain "$when: $(diff "$work/want" "$work/got" | grep '^[<>]')"
}

tree=$work/tree
mkdir -p "$tree/lib"
for f in Makefile.am lib/a.c 'lib/a b.c' -n lib/gone.c; do
	echo source >"$tree/$f"
done
chmod 666 "$tree/lib/a.c"
build_in_place() {
	for f in config.status Makefile lib/a.o lib/libeyelet.a; do
		echo built >"$tree/$f"
	done
	rm -f "$tree/lib/gone.c"
}

expect 'a tree that nothing was built in' "$tree" Makefile.am lib/a.c \
    'lib/a b.c' -n lib/gone.c
if command -v git >/dev/null; then
	git init -q "$tree"
	git -C "$tree" add -A
	printf '#!/bin/sh\ntouch %s/ran\n' "$work" >"$work/monitor"
	chmod 755 "$work/monitor"
	git -C "$tree" config core.fsmonitor "$work/monitor"
	build_in_place
	expect 'a clone, built in place' "$tree" Makefile.am lib/a.c \
	    'lib/a b.c' -n
	[ ! -e "$work/ran" ] || complain 'a program of the clone was run'
	rm -rf "$tree/.git"
fi
build_in_place
printf '%s\n' MANIFEST Makefile.am lib/a.c 'lib/a b.c' -n >"$tree/MANIFEST"
[ "$(id -u)" != 0 ] || chown -R 65534 "$tree"
expect 'a release, built in place' "$tree" MANIFEST Makefile.am lib/a.c \
    'lib/a b.c' -n
[ -z "$(find "$work/to" ! -user "$(id -u)" -o -type f -perm /022)" ] ||
    complain 'another user may write in the copy'
rm -f "$tree/MANIFEST"
when='neither, built in place'
if copy_tree "$tree" "$work/to" 2>"$work/err"; then
	complain "$when: it is copied"
fi
grep -q "make -C $tree distclean" "$work/err" || complain "$when: no cure"

# The list in a release is whole.
make -s -C "$top_builddir" distdir distdir="$work/dist" >"$work/log" 2>&1 || {
	cat "$work/log"
	complain 'make distdir'
}
(cd "$work/dist" && find . -type f | sed 's,^\./,,' | sort) >"$work/want"
sort "$work/dist/MANIFEST" >"$work/got"
cmp -s "$work/want" "$work/got" ||
    complain "MANIFEST: $(diff "$work/want" "$work/got" | head -n 5)"
grep -q '^conf/quickstart.sh$' "$work/got" || complain 'MANIFEST is empty'
exit $bad
