#!/bin/sh
# Every page is clean in mandoc, refers only to pages there are, and is
# installed.
set -u
: "${top_srcdir:?is set by make check}"
export LC_ALL=C

command -v mandoc >/dev/null || {
	echo "no mandoc here"
	exit 77
}
bad=0
pages=$(find "$top_srcdir/admin" "$top_srcdir/cgi" "$top_srcdir/conf" \
    -name '*.[1-8]' | sort)
[ -n "$pages" ] || {
	echo "there are no pages"
	exit 1
}
for page in $pages; do
	name=$(basename "$page")
	# mandoc looks for the other pages among those installed: not here.
	words=$(mandoc -T lint "$page" | grep -v 'referenced manual not found')
	[ -z "$words" ] || {
		echo "$words"
		bad=1
	}
	sed -n 's/^\.Xr \(eyelet[a-z.-]*\) \([1-8]\).*/\1.\2/p' "$page" |
	    while IFS= read -r other; do
		echo "$pages" | grep -q "/$other\$" ||
		    echo "$name: there is no page $other"
	    done | grep . && bad=1
	grep -qE "^	[a-z]*/$name( |\$)" "$top_srcdir/Makefile.am" || {
		echo "$name is not installed"
		bad=1
	}
done
exit $bad
