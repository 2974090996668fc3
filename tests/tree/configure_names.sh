#!/bin/sh
# configure names each library that is missing, and the Debian package that
# brings it.
set -u
: "${top_srcdir:?is set by make check}" "${top_builddir:?is set by make check}"
export LC_ALL=C
work=$(mktemp -d) || exit 73
trap 'rm -rf "$work"' EXIT
bad=0

# The tree as far as configure looks at it: it may be configured itself, and
# then could not be from another folder.
mkdir -p "$work/tree/lib/store" "$work/build"
cp -r "$top_srcdir/configure" "$top_srcdir/build-aux" \
    "$top_srcdir/Makefile.in" "$top_srcdir/config.h.in" "$work/tree" &&
    cp "$top_srcdir/lib/store/store.h" "$work/tree/lib/store" || exit 99
# What this build found out about the machine need not be found out again.
grep -E '^(ac|am)_cv_[A-Za-z0-9_]+=' "$top_builddir/config.log" |
    grep -v '^ac_cv_env_' >"$work/cache"
[ -s "$work/cache" ] || exit 99

# missing PACKAGE WORDS ARGUMENT...: configure fails and says both.
missing() {
	package=$1
	words=$2
	shift 2
	cp "$work/cache" "$work/build/cache"
	for argument; do
		sed -i "/^${argument%%=*}=/d" "$work/build/cache"
	done
	if (cd "$work/build" && ../tree/configure --cache-file=cache "$@") \
	    >"$work/out" 2>&1; then
		echo "FAIL: configure is content without $words"
		bad=1
	elif ! grep -qF "$words is missing: install it with \"apt-get install $package\"" \
	    "$work/out"; then
		echo "FAIL: without $words configure says only:"
		tail -n 3 "$work/out"
		bad=1
	fi
}

missing libdb5.3-dev 'Berkeley DB' ac_cv_header_db_h=no
missing libdb5.3-dev 'Berkeley DB' ac_cv_lib_db_db_create=no
missing libfcgi-dev 'the FastCGI library' ac_cv_header_fcgiapp_h=no
missing libssl-dev 'OpenSSL 3' ac_cv_header_openssl_evp_h=no
missing libcjson-dev 'cJSON' ac_cv_header_cjson_cJSON_h=no
missing libcurl4-openssl-dev 'libcurl' ac_cv_header_curl_curl_h=no
missing libinih-dev 'inih' ac_cv_header_ini_h=no
missing zlib1g-dev 'zlib' ac_cv_header_zlib_h=no

# Check is only for the unit tests: configure goes on, and says what to do.
cp "$work/cache" "$work/build/cache"
(cd "$work/build" && PKG_CONFIG_LIBDIR=/nonexistent PKG_CONFIG_PATH='' \
    ../tree/configure --cache-file=cache) >"$work/out" 2>&1 || {
	echo "FAIL: configure does not go on without Check:"
	tail -n 3 "$work/out"
	bad=1
}
grep -qF 'install it with "apt-get install check"' "$work/out" || {
	echo "FAIL: without Check configure says nothing of it"
	bad=1
}
exit $bad
