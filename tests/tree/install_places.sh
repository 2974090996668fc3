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

# Named on the command line they stand for what configure was told.
units="systemdsystemunitdir=/opt/s sysusersdir=/opt/u tmpfilesdir=/opt/t"
# shellcheck disable=SC2086 # a list of words
install_below "$work/root" $units sysconfdir=/opt/e localstatedir=/opt/v \
    datadir=/opt/d libexecdir=/opt/l sbindir=/opt/b
for f in man/man5/eyelet.conf.5 man/man8/eyelet-endpoint.8 \
    man/man8/eyelet-store.8 man/man8/eyelet.fcgi.8 doc/eyelet.conf \
    doc/apache-cgi.conf doc/apache-fcgid.conf doc/apache.conf \
    doc/lighttpd-cgi.conf doc/lighttpd-socket.conf doc/lighttpd.conf \
    doc/nginx.conf e/eyelet/eyelet.conf s/eyelet-deliver.service \
    s/eyelet.service s/eyelet.socket u/eyelet.conf t/eyelet.conf; do
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
expect doc/eyelet.conf '#program = /opt/b/eyelet-deliver'
for f in apache-cgi apache-fcgid lighttpd lighttpd-cgi; do
	expect doc/$f.conf /opt/l/eyelet/eyelet.fcgi
done
expect e/eyelet/eyelet.conf '#path = /opt/v/lib/eyelet/store'
expect s/eyelet.service ExecStart=/opt/l/eyelet/eyelet.fcgi
expect s/eyelet.service ReadWritePaths=-/opt/v/lib/eyelet
expect s/eyelet-deliver.service ExecStart=/opt/b/eyelet-deliver
expect s/eyelet-deliver.service ReadWritePaths=-/opt/v/lib/eyelet
expect t/eyelet.conf 'd /opt/v/lib/eyelet '
expect man/man8/eyelet.fcgi.8 /opt/doc/lighttpd.conf
left=$(grep -rlE \
    '/(etc|usr/share|usr/share/doc|usr/libexec|usr/sbin|var/lib)/eyelet' \
    "$work/root/opt/"[destu] "$work/root/opt/man" "$work/root/opt/doc" |
    grep -v '/opt/d/eyelet/schemes/')
[ -z "$left" ] || {
	echo "places of the tree are left in: $left"
	bad=1
}

# Every file that a page names stands below another prefix, when that is all
# that was said; what runs and what its operator makes is not the build's.
# shellcheck disable=SC2086 # a list of words
make -s -C "$top_builddir" install-data DESTDIR="$work/prefix" $units \
    prefix=/opt/p >"$work/log" 2>&1 || {
	cat "$work/log"
	bad=1
}
pages=$(find "$work/prefix/opt/p" -name 'eyelet*.[1-8]')
for page in $pages; do
	sed -n '/^\.Sh FILES/,/^\.Sh [^F]/s/^\.\(It \)\{0,1\}Pa //p' "$page" |
	    grep '^/' | grep -vE '^/opt/p/|^/run/|^/proc/' &&
	    echo "these FILES of ${page##*/} are not below the prefix" && bad=1
done
# shellcheck disable=SC2086 # a list of words
files=$(cat $pages | sed -n '/^\.Sh FILES/,/^\.Sh [^F]/p' |
    grep -c '^\.It Pa /opt/p/')
[ "$files" -gt 10 ] || {
	echo "only $files FILES are named in pages"
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

# Where nobody wants them, nothing of systemd is there.
install_below "$work/without" systemdsystemunitdir= sysusersdir= tmpfilesdir= \
    sysconfdir=/opt/e localstatedir=/opt/v datadir=/opt/d libexecdir=/opt/l
left=$(find "$work/without" -name 'eyelet*.s*' -o -name tmpfiles.d)
[ -z "$left" ] || {
	echo "installed though not wanted: $left"
	bad=1
}

# What the operator wrote outlives a second install and an uninstall, and so
# does the store; both are said.
uninstall_below() {
	mkdir -p "$work/root/opt/l/eyelet" "$work/root/opt/sbin"
	# shellcheck disable=SC2086 # a list of words
	make -s -C "$top_builddir" uninstall DESTDIR="$work/root" $units \
	    sysconfdir=/opt/e localstatedir=/opt/v datadir=/opt/d \
	    libexecdir=/opt/l mandir=/opt/man docdir=/opt/doc \
	    sbindir=/opt/sbin >"$work/said" 2>&1
}
store=$work/root/opt/v/lib/eyelet/store
mkdir -p "$store"
echo kept >"$store/event"
echo 'path = /srv' >>"$work/root/opt/e/eyelet/eyelet.conf"
# shellcheck disable=SC2086
install_below "$work/root" $units sysconfdir=/opt/e localstatedir=/opt/v \
    datadir=/opt/d libexecdir=/opt/l sbindir=/opt/sbin
uninstall_below || {
	echo "make uninstall fails"
	cat "$work/said"
	bad=1
}
left=$(cd "$work/root" && find . ! -type d | sort | tr '\n' ' ')
[ "$left" = "./opt/e/eyelet/eyelet.conf ./opt/v/lib/eyelet/store/event " ] || {
	echo "left by make uninstall: $left"
	bad=1
}
grep -qx 'path = /srv' "$work/root/opt/e/eyelet/eyelet.conf" || {
	echo "make install wrote over eyelet.conf"
	bad=1
}
for words in 'eyelet.conf, which was changed' \
    "$work/root/opt/v/lib/eyelet, with the store and its key"; do
	grep '^left: ' "$work/said" | grep -qF "$words" || {
		echo "make uninstall does not say: $words"
		bad=1
	}
done

# One that nobody changed goes.
rm -f "$work/root/opt/e/eyelet/eyelet.conf"
# shellcheck disable=SC2086
install_below "$work/root" $units sysconfdir=/opt/e localstatedir=/opt/v \
    datadir=/opt/d libexecdir=/opt/l sbindir=/opt/sbin
uninstall_below
[ ! -e "$work/root/opt/e/eyelet/eyelet.conf" ] || {
	echo "eyelet.conf is left, though nobody changed it"
	bad=1
}
exit $bad
