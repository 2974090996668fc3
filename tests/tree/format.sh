#!/bin/sh
# Holds the tree against its own rules: .clang-format, which folder may include
# which, one door per outside library, what may stand at the top,
# no left-over marks, shell scripts clean in shellcheck, pages in mandoc.
set -u
export LC_ALL=C
cd "${top_srcdir:-$(dirname "$0")/../..}" || exit 70

CLANG_FORMAT_VERSION=14 # Debian 12's; others lay out differently

# complain_all RULE < lines: each line breaks the rule. Often the end of a
# pipe, so what it finds stands in a file.
complain_all() {
	rule=$1 awk '{ print "format: " ENVIRON["rule"] ": " $0 }' |
	    tee -a "$scratch/bad"
}

scratch=$(mktemp -d) || exit 73
trap 'rm -rf "$scratch"' EXIT

# The tree: what git knows, or in a tarball whatever lies in our folders.
in_git=no
git -c safe.directory='*' ls-files --error-unmatch configure.ac \
    >/dev/null 2>&1 && in_git=yes
if [ $in_git = yes ]; then
	git -c safe.directory='*' ls-files
else
	find .ci admin cgi conf lib tests autogen.sh configure.ac Makefile.am \
	    README.md LICENSE -type f 2>/dev/null |
	    grep -vE '\.(o|a|log|trs)$|/\.deps/'
fi >"$scratch/known"
while IFS= read -r f; do
	[ ! -f "$f" ] || echo "$f" # not deleted since
done <"$scratch/known" | sort >"$scratch/files"
[ -s "$scratch/files" ] || {
	echo "format: found no files in $(pwd)"
	exit 1
}

grep -E '\.[ch]$' "$scratch/files" >"$scratch/c"
grep -vE '^tests/' "$scratch/c" >"$scratch/product"

# --- spacing ------------------------------------------------------------------

clang_format=
for f in clang-format-$CLANG_FORMAT_VERSION clang-format; do
	if "$f" --version 2>/dev/null |
	    grep -q "version $CLANG_FORMAT_VERSION\."; then
		clang_format=$f
		break
	fi
done
if [ -n "$clang_format" ]; then
	xargs "$clang_format" --dry-run -Werror --style=file \
	    <"$scratch/c" 2>&1 | grep 'error:' | complain_all 'spacing'
else
	echo "format: no clang-format $CLANG_FORMAT_VERSION: spacing unchecked"
fi

# --- who may know whom --------------------------------------------------------

# arrows FOLDER ALLOWED: "..." includes in FOLDER reach only ALLOWED folders.
arrows() {
	grep "^$1/" "$scratch/c" | xargs -r grep -nE '^# *include "' /dev/null |
	    grep -vE "include \"(config\.h|($2)/[^\"]*)\"" |
	    complain_all "$1/ may include only $2"
}
arrows lib 'lib'
arrows cgi 'cgi|lib'
arrows admin 'admin|lib'
arrows tests 'tests|lib|cgi'
# What is pure in cgi/ is fuzzed without the program around it.
grep '^tests/' "$scratch/c" | grep -v '^tests/fuzz/' |
    xargs -r grep -nE '^# *include "cgi/' /dev/null |
    complain_all 'only tests/fuzz/ may include cgi'

for door in db.h fcgiapp.h cjson/cJSON.h ini.h curl/curl.h zlib.h; do
	xargs grep -lE "^# *include <$door>" <"$scratch/product" >"$scratch/doors"
	tail -n +2 "$scratch/doors" |
	    complain_all "<$door> has its door elsewhere"
	grep '\.h$' "$scratch/doors" | grep -vE '(_|/)impl\.h$' |
	    complain_all "<$door> passes through a header"
done
# A private header that knows an outside library is for the files of its door.
xargs grep -nE '^# *include "lib/(bdb|outbound)/impl\.h"' /dev/null \
    <"$scratch/c" |
    awk -F'[:"]' '{
	stem = $4
	sub(/impl\.h$/, "", stem)
	if (index($1, stem) != 1)
		print
    }' | complain_all 'includes what is not its own'
xargs grep -nE '^# *include <fcgi_(stdio|config)\.h>' /dev/null \
    <"$scratch/product" | complain_all 'libfcgi has one header, fcgiapp.h'

# A .c file includes its own header first, proof that it stands alone.
grep '\.c$' "$scratch/product" | while IFS= read -r c; do
	h=${c%.c}.h
	[ -f "$h" ] || continue
	first=$(grep -E '^# *include' "$c" | grep -v '"config.h"' | head -n 1)
	[ "$first" = "#include \"$h\"" ] || echo "$c"
done | complain_all 'does not include its own header first'

# Folders of lib/: which may include which.
if command -v python3 >/dev/null; then
	python3 tests/tree/walls.py | complain_all 'walls'
else
	echo "format: no python3: the walls in lib/ unchecked"
fi

# --- the tree -----------------------------------------------------------------

if [ $in_git = yes ]; then
	cut -d/ -f1 "$scratch/files" | sort -u |
	    grep -vxE '\..*|LICENSE|Makefile\.am|README\.md|admin|autogen\.sh|cgi|conf|configure\.ac|lib|tests' |
	    complain_all 'has no place at the top level'
fi

# Written apart, so that this file does not find itself.
marks='TO''DO|FIX''ME|XX''X'
grep -E '\.(c|h|sh|py|am|ac|json|conf|md|[1-8])$|^\.ci/' "$scratch/files" |
    grep -vE '^tests/(vectors|corpus)/' |
    xargs -r grep -nwE "$marks" /dev/null | complain_all 'left-over mark'

xargs grep -nE '^typedef (struct|union)' /dev/null <"$scratch/product" |
    complain_all 'structs have no typedef'

# Bugs that tests must catch are patches in tests/fault/planted/.
xargs grep -n 'PLANTED' /dev/null configure.ac <"$scratch/product" |
    complain_all 'a planted bug in the product'

# A file opens with the comment that says its job.
while IFS= read -r f; do
	head -c 2 "$f" | grep -q '/\*' || echo "$f"
done <"$scratch/product" | complain_all 'does not say its job at the top'

# --- scripts and pages --------------------------------------------------------

while IFS= read -r f; do
	head -n 1 "$f" | grep -qE '^#! ?/bin/(sh|bash)|^#! ?/usr/bin/env (ba)?sh' &&
	    echo "$f"
done <"$scratch/files" >"$scratch/scripts"
if command -v shellcheck >/dev/null; then
	xargs -r shellcheck -x -f gcc <"$scratch/scripts" 2>&1 |
	    complain_all 'shellcheck'
else
	echo "format: no shellcheck: scripts unchecked"
fi
while IFS= read -r f; do
	[ -x "$f" ] || echo "$f"
done <"$scratch/scripts" | complain_all 'is a script without its run bit'

grep -E '^(admin|cgi|conf|lib)/.*\.[1-8]$' "$scratch/files" >"$scratch/pages"
if command -v mandoc >/dev/null; then
	xargs -r mandoc -T lint -W warning <"$scratch/pages" 2>&1 |
	    complain_all 'page'
else
	echo "format: no mandoc: pages unchecked"
fi

[ ! -s "$scratch/bad" ] || exit 1
echo "format: $(wc -l <"$scratch/files") files are as they should be"
