#!/bin/sh
# What is installed beside the programs names the places of this build, not
# those of the tree.
# shellcheck disable=SC2154
export LC_ALL=C
set -u
unset MAKEFLAGS MFLAGS MAKELEVEL
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
bad=0

# install_below ROOT DIRECTORY...
install_below() {
	root=$1
	shift
	make -s -C "$top_builddir" install-data DESTDIR="$root" "$@" \
	    mandir=/opt/man docdir=/opt/doc >"$work/log" 2>&1 || {
		cat "$work/log"
		exit 1
	}
}

install_below "$work/root" sysconfdir=/opt/e localstatedir=/opt/v \
    datadir=/opt/d libexecdir=/opt/l
for f in man/man5/eyelet.conf.5 man/man8/eyelet-endpoint.8 \
    man/man8/eyelet-store.8 man/man8/eyelet.fcgi.8 doc/eyelet.conf \
    doc/apache-cgi.conf doc/apache-fcgid.conf doc/apache.conf \
    doc/lighttpd-cgi.conf doc/lighttpd-socket.conf doc/lighttpd.conf \
    doc/nginx.conf; do
	[ -s "$work/root/opt/$f" ] || {
		echo "$f is not installed"
		bad=1
	}
done
# expect FILE TEXT: it names the place of this build.
expect() {
	grep -qF "$2" "$work/root/opt/$1" || {
		echo "$1 does not name $2"
		bad=1
	}
}
expect man/man8/eyelet-store.8 /opt/e/eyelet/eyelet.conf
expect man/man8/eyelet-store.8 /opt/v/lib/eyelet/store
expect doc/eyelet.conf '#path = /opt/v/lib/eyelet/store'
expect doc/eyelet.conf '#path = /opt/d/eyelet/schemes /opt/e/eyelet/schemes'
expect doc/eyelet.conf '#program = /opt/l/eyelet/eyelet.fcgi'
for f in apache-cgi apache-fcgid lighttpd lighttpd-cgi; do
	expect doc/$f.conf /opt/l/eyelet/eyelet.fcgi
done
left=$(grep -rlE '/(etc|usr/share|usr/libexec|var/lib)/eyelet' \
    "$work/root/opt/man" "$work/root/opt/doc")
[ -z "$left" ] || {
	echo "places of the tree are left in: $left"
	bad=1
}

# The name of a place of the tree within a place of the build is left alone.
install_below "$work/nested" sysconfdir=/var/lib/eyelet/etc \
    localstatedir=/var/lib/eyelet/var datadir=/etc/eyelet/share \
    libexecdir=/var/lib/eyelet/libexec
for place in '#path = /var/lib/eyelet/var/lib/eyelet/store' \
    '#path = /etc/eyelet/share/eyelet/schemes /var/lib/eyelet/etc/eyelet/schemes' \
    '#program = /var/lib/eyelet/libexec/eyelet/eyelet.fcgi'; do
	grep -qxF "$place" "$work/nested/opt/doc/eyelet.conf" || {
		echo "eyelet.conf does not name $place"
		bad=1
	}
done
exit $bad
