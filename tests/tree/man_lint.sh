#!/bin/sh
# Every page is clean in mandoc, refers only to pages there are, and is
# installed; rendered, it shows no name of a macro; eyelet(7) names them all,
# and so every program.
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
# What mdoc(7) has; the second ones are words as well.
macros='Ac|Ao|Ap|Aq|Ar|Bc|Bd|Bf|Bk|Bl|Bo|Bq|Brc|Bro|Brq|Bsx|Bt|Bx|Cd|Cm|D1|Db
Dc|Dd|Dl|Dq|Dt|Dv|Dx|Ec|Ed|Ef|Ek|El|Em|En|Eo|Er|Es|Ev|Ex|Fa|Fc|Fd|Fl|Fn|Fo|Fr
Ft|Fx|Hf|Ic|Lb|Li|Lk|Lp|Ms|Mt|Nd|Nm|Ns|Nx|Oc|Oo|Op|Os|Ot|Ox|Pa|Pc|Pf|Po|Pp|Pq
Qc|Ql|Qo|Qq|Re|Rs|Rv|Sc|Sh|Sm|Sq|Ss|St|Sx|Sy|Ta|Tg|Tn|Ud|Ux|Va|Vt|Xc|Xo|Xr'
macros=$(echo "$macros" | tr '\n' '|' | sed 's/|$//')
english='Ad|An|At|Do|In|It|No'

# left PAGE: the macros' names that a reader sees. A word that is one is
# English in a line of text, and was meant as a macro among another's words.
left() {
	mandoc -T ascii -O width=200 "$1" 2>&1 | sed 's/.\x08//g' |
	    grep -E "(^|[^A-Za-z0-9_.-])($macros)([^A-Za-z0-9_-]|\$)"
	mandoc -T tree "$1" 2>&1 |
	    grep -E "^ *($macros|$english) \(text\) [^0-9]*[0-9]+:([2-9]|1[0-9])"
}

cat >"${TMPDIR:-/tmp}/man_lint.$$" <<'PAGE'
.Dd January 1, 2026
.Dt X 1
.Os
.Sh NAME
.Nm x
.Nd text No and An At In It Do
.Sh DESCRIPTION
A proxy, http:// Ns Ar HOST .
In
.Pa a | No b
It is An apple.
PAGE
seen=$(left "${TMPDIR:-/tmp}/man_lint.$$" | wc -l)
rm -f "${TMPDIR:-/tmp}/man_lint.$$"
[ "$seen" -eq 1 ] || {
	echo "macros that are left are not seen: $seen"
	bad=1
}
index=$(echo "$pages" | grep '/eyelet\.7$')
also=$(sed -n '/^\.Sh SEE ALSO/,/^\.Sh [^S]/p' "$index")
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
	words=$(left "$page")
	[ -z "$words" ] || {
		echo "$name shows names of macros: $words"
		bad=1
	}
	[ "$page" = "$index" ] ||
	    echo "$also" | grep -q "^\.Xr ${name%.*} ${name##*.}\( ,\)\{0,1\}\$" || {
		echo "SEE ALSO of eyelet(7) lacks ${name%.*}(${name##*.})"
		bad=1
	}
	grep -qE "^	[a-z]*/$name( |\$)" "$top_srcdir/Makefile.am" || {
		echo "$name is not installed"
		bad=1
	}
done
# And each program that is installed has a page.
missing=$(sed -n '/^[a-z]*bin_PROGRAMS/,/[^\\]$/p
/^[a-z]*libexec_PROGRAMS/,/[^\\]$/p' "$top_srcdir/Makefile.am" |
    grep -oE '(admin|cgi)/eyelet[a-z.-]*' | while IFS= read -r program; do
	[ -e "$top_srcdir/$program.8" ] || echo "$program has no page"
done)
[ -z "$missing" ] || {
	echo "$missing"
	bad=1
}
exit $bad
