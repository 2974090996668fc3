#!/bin/sh
# L2: what is of the wrong owner, mode or kind is refused at every start, with
# the very command that mends it: it is run, and then all is well.
# shellcheck source=tests/stand/admin_stand.sh disable=SC2154,SC2016
. "$top_srcdir/tests/stand/admin_stand.sh"

# All of it in folders of its own, with a blank and a quote in the name (but
# for schemes, whose folders are a list).
up="$work/it's up"
schemes=$work/schemes
home="$up/home"
etc="$up/etc"
mkdir -p "$home" "$etc" "$up/bin"
cp -R "$top_srcdir/conf/schemes" "$schemes"
cp "$top_builddir/cgi/eyelet.fcgi" "$up/bin/"
chmod -R go-w "$up" "$schemes"
store=$home/store
keys=$home/keys
sed -e "s,^path = $work/store,path = $store," \
    -e "s,^key_file = .*,key_file = $keys/store.key," \
    -e "s,^path = .*/schemes\$,path = $schemes," \
    -e "s,^program = .*,program = $up/bin/eyelet.fcgi," \
    "$EYELET_CONFIG" >"$etc/e.conf"
EYELET_CONFIG=$etc/e.conf

owner_pid() {
	sed -n 's/^pid=\([0-9][0-9]*\)$/\1/p' "$store/lock" 2>/dev/null
}

# refused WHO COMMAND...: it fails at once, with a command behind the last ": ".
refused() {
	who=$1
	shift
	checks=$((checks + 1))
	timeout 60 "$@" >"$out" 2>"$err" </dev/null
	status=$?
	case $status in
	0) complain "$when: $who took it" ;;
	124) complain "$when: $who started" ;;
	esac
	sed -n '/^eyelet[a-z.-]*: /s/.*: //p' "$err" | tail -n 1 \
	    >"$work/$who.mend"
}

# wrong WHEN SCRIPT MEND: SCRIPT is done, and a command that begins with MEND
# must be named for it.
ways=0
stop_owner
: >"$work/wrong"
wrong() {
	sh -c "$2" sh "$store" "$keys" "$up" "$schemes" ||
	    complain "$1: set up"
	ways=$((ways + 1))
	printf '%s|%s\n' "$3" "$1" >>"$work/wrong"
}

# found MEND: strikes the first wrong out that this mends.
found() {
	awk -F'|' -v mend="$(cat "$1")" '
	!done && index(mend, $1) == 1 { done = 1; next }
	{ print }
	END { exit !done }' "$work/wrong" >"$work/left"
	found=$?
	mv "$work/left" "$work/wrong"
	return $found
}

# mended WHO...: what was done since is refused one by one, by each WHO in the
# same words: the owner that an admin program starts, one that a web server
# starts. Each command is run; then there is nothing left, and all is well.
mended() {
	while [ -s "$work/wrong" ]; do
		when="wrong: $(cut -d'|' -f2 "$work/wrong" | tr '\n' ';')"
		for who; do
			case $who in
			admin) refused admin "$bin/eyelet-store" status ;;
			fcgi) refused fcgi "$up/bin/eyelet.fcgi" \
			    --socket "$work/f.sock" ;;
			esac
			checks=$((checks + 1))
			cmp -s "$work/$who.mend" "$work/$1.mend" ||
			    complain "$when: $who says $(cat "$work/$who.mend")"
		done
		checks=$((checks + 1))
		found "$work/$1.mend" || {
			complain "$when: found, but not that"
			break
		}
		(cd / && sh "$work/$1.mend") || {
			complain "$when: it cannot be run"
			break
		}
	done
	: >"$work/wrong"
	run 'all is mended' 0 eyelet-store status
	stop_owner
}

# Started with no umask, it leaves nothing open to others by itself.
umask 000
run 'a store' 0 eyelet-store init --user "$(id -un)"
run 'an endpoint' 0 eyelet-endpoint add shop --scheme github
run 'its secret' 0 eyelet-secret rotate shop --now
run 'a deny list' 0 eyelet-secret revoke shop sec_1
checks=$((checks + 1))
find "$store" "$keys" ! -type s ! -type l -perm /077 >"$out"
[ ! -s "$out" ] || complain 'umask 000: open to others'
umask 022

stop_owner

wrong 'store folder, others write' 'chmod 777 "$1"' 'chmod g-w,o-rwx '
wrong 'databases, others read' 'chmod 755 "$1/db"' 'chmod go-rwx '
wrong 'lock, others write' 'chmod 666 "$1/lock"' 'chmod go-w '
wrong "key's folder, others write" 'chmod 777 "$2"' 'chmod go-w '
wrong 'key, others read' 'chmod 604 "$2/store.key"' 'chmod 600 '
wrong 'deny list, others write' 'chmod 666 "$2/store.key.revoked"' \
    'chmod go-w '
wrong 'configuration, others write' 'chmod 666 "$3/etc/e.conf"' 'chmod go-w '
wrong 'schemes, others write' 'chmod 777 "$4"' 'chmod go-w '
wrong 'a scheme, others write' 'chmod 666 "$4/github.json"' 'chmod go-w '
mended admin fcgi

wrong 'store folder, others read' 'chmod 705 "$1"' 'chmod g-w,o-rwx '
wrong 'databases, a link' \
    'mv "$1/db" "$1/real" && ln -s "$1/real" "$1/db"' 't=$(readlink'
wrong 'lock, a link' 'ln -sf nowhere "$1/lock"' 'rm '
wrong 'socket, a folder' 'rm -f "$1/socket" && mkdir "$1/socket"' 'mv '
wrong 'marker, others write' 'chmod 666 "$1/STORE"' 'chmod go-w '
wrong 'key, a link' \
    'mv "$2/store.key" "$2/k" && ln -s "$2/k" "$2/store.key"' 'mv '
wrong 'deny list, a link' 'cd "$2" && mv store.key.revoked r &&
    ln -s r store.key.revoked' 't=$(readlink'
wrong 'folder of the configuration' 'chmod 757 "$3/etc"' 'chmod go-w '
mended admin fcgi

wrong 'store folder, a link' 'mv "$1" "$1.real" && ln -s "$1.real" "$1"' \
    't=$(readlink'
wrong 'folder above the store' 'chmod 777 "$3/home"' 'chmod +t '
wrong 'folder above that' 'chmod 757 "$3"' 'chmod go-w '
wrong 'a DB_CONFIG' 'echo set_flags DB_TXN_NOSYNC >"$1/db/DB_CONFIG"' 'rm '
mended admin fcgi

# Whoever starts the program itself has chosen it.
wrong 'program, others write' 'chmod 777 "$3/bin/eyelet.fcgi"' 'chmod go-w '
mended admin

# Owners, where they can be given away. The program is root's then.
if [ "$(id -u)" = 0 ]; then
	wrong "configuration, another's" 'chown 65534 "$3/etc/e.conf"' 'chown '
	wrong "folder of the configuration, another's" \
	    'chown 65534 "$3/etc"' 'chown '
	wrong "folder above the store, another's" 'chown 65534 "$3/home"' \
	    'chown '
	wrong "schemes, another's" 'chown 65534 "$4"' 'chown '
	wrong "a scheme, another's" 'chown 65534 "$4/stripe.json"' 'chown '
	wrong "key's folder, another's" 'chown 65534 "$2"' 'chown '
	wrong "key, another's" 'chown 65534 "$2/store.key"' 'chown '
	wrong "deny list, another's" 'chown 65534 "$2/store.key.revoked"' \
	    'chown '
	wrong "databases, another's" 'chown 65534 "$1/db"' 'chown '
	wrong "lock, another's" 'chown 65534 "$1/lock"' 'chown '
	mended admin fcgi
	wrong "program, another's" 'chown 65534 "$3/bin/eyelet.fcgi"' 'chown '
	mended admin
fi

when='the sticky folder of all'
checks=$((checks + 1))
stop_owner
chmod 1777 "$up"
run 'a sticky folder above is fine' 0 eyelet-store status
run 'all is there' 0 eyelet-endpoint show shop --json
member generation 3

checks=$((checks + 1))
[ $ways -ge 12 ] || complain "only $ways ways were tried"
echo "$ways ways"
verdict
