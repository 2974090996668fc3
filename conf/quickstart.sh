#!/bin/sh
# Installs, builds and shows eyelet: a store of its own, lighttpd on a free
# loopback port with eyelet.fcgi behind it, an endpoint for each of four
# providers, signed events posted with curl, and a command that they go to.
#
#	conf/quickstart.sh [--once]
#
# Stays up until Ctrl-C; with --once it ends after the tour, with status 0 when
# everything went as it should. Needs Debian 12, and root or sudo only for
# packages that are missing. Everything it makes lies in one folder, which
# EYELET_QUICKSTART names; each run begins with an empty store there.
#
# Run by root, the service belongs to lighttpd's user, who may write in service/
# and in the store alone. Whatever root writes, reads or starts lies in folders
# of root's: what another user plants or renames can then change none of it.
set -u
umask 022
export LC_ALL=C

top=$(cd "$(dirname "$0")/.." && pwd) || exit 70
once=no
case "${1-}" in
'') ;;
--once) once=yes ;;
*)
	echo "usage: conf/quickstart.sh [--once]" >&2
	exit 64
	;;
esac
[ $# -le 1 ] || exit 64

if [ "$(id -u)" = 0 ]; then
	dir=${EYELET_QUICKSTART:-/var/lib/eyelet-quickstart}
	service=www-data # lighttpd's user on Debian: the store is its own
else
	dir=${EYELET_QUICKSTART:-${XDG_CACHE_HOME:-$HOME/.cache}/eyelet-quickstart}
	service=$(id -un)
fi
case $dir in
/*) ;;
*) dir=$PWD/$dir ;;
esac
PATH=$dir/usr/sbin:$PATH:/usr/sbin:/sbin
log=$dir/quickstart.log
web=
wrong=0

die() {
	echo "quickstart: $*" >&2
	exit 1
}

end() {
	status=$?
	trap - EXIT INT TERM
	[ -z "$web" ] || {
		kill "$web" 2>/dev/null
		wait "$web" 2>/dev/null
	}
	exit $status
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# roots_alone PATH: only root can change what lies there, or put something in
# its place, by any of the folders above or by a link in the way.
roots_alone() {
	at=$1
	while :; do
		if [ -L "$at" ] || [ -e "$at" ]; then
			[ "$(stat -c %u "$at")" = 0 ] ||
			    die "$at is not root's: name another folder in" \
			        "EYELET_QUICKSTART"
		fi
		if [ -L "$at" ]; then
			(roots_alone "$(readlink -f "$at")") || exit 1
		elif [ -n "$(find "$at" -maxdepth 0 ! -perm -1000 \( \
		    -perm -002 -o -perm -020 ! -gid 0 \) 2>/dev/null)" ]; then
			die "others may write in $at: name another folder in" \
			    "EYELET_QUICKSTART"
		fi
		[ "$at" != / ] || return 0
		at=$(dirname "$at")
	done
}

# quietly WHAT COMMAND...: its words go to the log, and come out if it fails.
quietly() {
	what=$1
	shift
	printf '%-46s' "$what ..."
	began=$(date +%s)
	echo "== $what" >>"$log"
	if "$@" >>"$log" 2>&1 </dev/null; then
		echo "done ($(($(date +%s) - began)) s)"
	else
		echo "failed"
		tail -n 20 "$log" >&2
		die "$what: see $log"
	fi
}

# as_service COMMAND...: as the user the service runs as.
as_service() {
	if [ "$(id -un)" = "$service" ]; then
		"$@"
	else
		setpriv --reuid="$service" --regid="$service" --init-groups "$@"
	fi
}

# --- packages and programs ----------------------------------------------------

packages='autoconf automake curl gcc libc6-dev libcjson-dev
libcurl4-openssl-dev libdb5.3-dev libfcgi-dev libinih-dev libssl-dev lighttpd
make openssl pkg-config util-linux zlib1g-dev'

[ ! -e "$top/.git" ] || packages="$packages git"

# shellcheck source=conf/packages.sh
. "$top/conf/packages.sh"
# shellcheck source=conf/copy_tree.sh
. "$top/conf/copy_tree.sh"

# A copy is built, so that nothing is written into the clone, by root least. In
# one that an older release made, files may be the clone's owner's.
build() {
	[ -z "$(find "$dir/src" ! -user "$(id -u)" 2>/dev/null | head -n 1)" ] ||
	    rm -rf "$dir/src" "$dir/build"
	copy_tree "$top" "$dir/src" || return 1
	[ -x "$dir/src/configure" ] || "$dir/src/autogen.sh" || return 1
	mkdir -p "$dir/build" && cd "$dir/build" || return 1
	[ -f Makefile ] || ../src/configure --prefix="$dir/usr" \
	    --sysconfdir="$dir/etc" --localstatedir="$dir/var" || return 1
	make -s -j"$(nproc)" && make -s install
}

[ "$(id -u)" != 0 ] || roots_alone "$dir"
mkdir -p "$dir" || die "cannot make $dir"
[ -O "$dir" ] || die "$dir is somebody else's: name another in EYELET_QUICKSTART"
[ "$(id -u)" != 0 ] || roots_alone "$dir"
exec 9>"$dir/lock"
flock -n 9 || die "another quickstart runs in $dir"
: >"$log"
if command -v dpkg-query >/dev/null; then
	# shellcheck disable=SC2086 # a list of words
	missing=$(missing_packages $packages)
	# shellcheck disable=SC2086
	[ -z "$missing" ] || quietly "installing packages" \
	    install_packages $missing
fi
quietly "building eyelet" build

# --- a store, the web server --------------------------------------------------

rm -rf "${dir:?}/var" "$dir/run" "$dir/service" "$dir/etc/eyelet/eyelet.conf"
mkdir -p "$dir/run/www" "$dir/secrets" "$dir/service"
chmod 700 "$dir/secrets"
chown "$service" "$dir/service"
quietly "making a store" eyelet-store init --user "$service"

# lighttpd_conf PORT: a site of its own, and eyelet as its sample has it.
lighttpd_conf() {
	sed "s|/run/lighttpd/|$dir/service/|;s|/var/log/lighttpd/|$dir/service/|" \
	    "$dir/usr/share/doc/eyelet/lighttpd.conf" >"$dir/run/eyelet.conf"
	cat <<-CONF
	server.bind = "127.0.0.1"
	server.port = $1
	server.document-root = "$dir/run/www"
	server.errorlog = "$dir/service/lighttpd.log"
	include "$dir/run/eyelet.conf"
	CONF
	[ "$(id -u)" != 0 ] || cat <<-CONF
	server.username = "$service"
	server.groupname = "$(id -gn "$service")"
	CONF
}

# healthy: does eyelet answer, behind a lighttpd that is ours?
healthy() {
	kill -0 "$web" 2>/dev/null &&
	    curl -fsS -o "$dir/run/health" -m 2 "$url/healthz" 2>>"$log" &&
	    kill -0 "$web" 2>/dev/null
}

start_web() {
	for port in 8080 8081 8082 8083 8084 8085 8086 8087 8088 8089; do
		url=http://127.0.0.1:$port/hooks
		lighttpd_conf $port >"$dir/run/lighttpd.conf"
		lighttpd -D -f "$dir/run/lighttpd.conf" >>"$log" 2>&1 \
		    </dev/null 9>&- &
		web=$!
		tries=0 # a slow machine gets half a minute; a taken port ends it
		while [ $tries -lt 150 ]; do
			tries=$((tries + 1))
			healthy && return 0
			kill -0 "$web" 2>/dev/null || break
			sleep 0.2
		done
		kill "$web" 2>/dev/null
		wait "$web" 2>/dev/null
	done
	web=
	return 1
}

start_web || {
	tail -n 20 "$log" >&2
	as_service timeout 5 tail -n 20 "$dir/service/lighttpd.log" >&2
	die "lighttpd or eyelet does not start"
}
echo "lighttpd with eyelet behind it                $url"

# --- endpoints ----------------------------------------------------------------

title() {
	printf '\n%s\n' "$*"
}

# new_secret FILE [PREFIX]: what a provider would show. Only for us to read.
new_secret() {
	(umask 077 && printf '%s%s\n' "${2-}" "$(openssl rand -base64 32)" >"$1")
}

# The secret goes in by a file, so that no process list ever shows it.
register() {
	new_secret "$dir/secrets/$1" "${3-}"
	eyelet-endpoint add "$1" --scheme "$1" --events "$2" \
	    --secret-file "$dir/secrets/$1" >>"$log" 2>&1 || {
		tail -n 3 "$log" >&2
		die "cannot register $1"
	}
}

register nomos 'order.*'
register nomod '*' whsec_
register nimbus '*'
register nolxy '*'

# --- the tour -----------------------------------------------------------------

# post SCHEME SECRET BODY SIGN-OPTIONS...: signed as the provider signs; what
# is in $tampered goes out instead of the body.
post() {
	scheme=$1
	secret=$2
	body=$3
	shift 3
	code=000
	word=
	printf '%s' "$body" | eyelet-scheme sign "$scheme" \
	    --secret-file "$secret" "$@" >"$dir/run/headers" || return
	code=$(printf '%s' "${tampered:-$body}" |
	    curl -sS -m 10 -o "$dir/run/answer" -w '%{http_code}' \
	        -H "@$dir/run/headers" -H 'Content-Type: application/json' \
	        --data-binary @- "$url/$scheme")
	word=$(sed -n 's/.*"status":"\([a-z]*\)".*/\1/p' "$dir/run/answer")
}

# tell WORDS WANT GOT: what there is, and whether it is right.
tell() {
	mark=ok
	[ "$3" = "$2" ] || {
		mark=WRONG
		wrong=$((wrong + 1))
	}
	printf '  %-5s %-44s %s\n' "$mark" "$1" "$3"
}

# show WORDS WANT: what became of the last post.
show() {
	tell "$1" "$2" "$code ${word:-refused}"
}

tampered=
run=$(date +%s) # ids that no run before had
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
key=$dir/secrets
order="{\"id\":\"evt_${run}_1\",\"topic\":\"order.paid\",\"total\":1999}"

# nomos NUMBER TOPIC
nomos() {
	printf '{"id":"evt_%s_%s","topic":"%s"}' "$run" "$1" "$2"
}

title "Events, signed as each provider signs, posted with curl:"
post nomos "$key/nomos" "$order"
show "Nomos" "200 accepted"
post nomod "$key/nomod" '{"type":"charge.paid","data":{}}' --id "msg_$run"
show "Nomod" "200 accepted"
post nimbus "$key/nimbus" \
    "{\"id\":\"evt_$run\",\"type\":\"order.created\",\"createdAt\":\"$now\"}"
show "Nimbus OS" "200 accepted"
post nolxy "$key/nolxy" \
    "{\"event\":\"message.sent\",\"timestamp\":\"$now\",\"data\":{}}"
show "Nolxy, which sends no id: the digest is it" "200 accepted"

title "What else may come, here from Nomos:"
post nomos "$key/nomos" "$order"
show "the same event again" "200 duplicate"
tampered=$(printf '%s' "$order" | sed s/1999/0001/)
post nomos "$key/nomos" "$order"
tampered=
show "tampered with on the way" "401 refused"
post nomos "$key/nomos" "$(nomos 2 customer.created)"
show "a type that was not selected" "200 ignored"
post nomos "$key/nomos" "$(nomos 3 order.paid)" --now $((run - 3600))
show "signed an hour ago" "401 refused"
post nomos "$key/nomos" "$(nomos 4 test.event)"
show "a test event" "200 test"

title "The secret is rotated; the old one goes on for an hour:"
new_secret "$key/nomos.new"
eyelet-secret rotate nomos --secret-file "$key/nomos.new" --grace 1h \
    >>"$log" 2>&1 || {
	tail -n 3 "$log" >&2
	die "cannot rotate"
}
post nomos "$key/nomos" "$(nomos 5 order.shipped)"
show "signed with the old secret" "200 accepted"
post nomos "$key/nomos.new" "$(nomos 6 order.closed)"
show "signed with the new secret" "200 accepted"

title "What is stored (eyelet-event list):"
eyelet-event list >"$dir/run/list" || wrong=$((wrong + 1))
sed 's/^/  /' "$dir/run/list"
# Six new orders and messages and the test event; a line of titles above.
[ "$(wc -l <"$dir/run/list")" = 8 ] || wrong=$((wrong + 1))

title "Nomos's events are delivered to a command (eyelet-deliver --once):"
cat >"$dir/run/take" <<-TAKE
	#!/bin/sh
	# The event's body is on stdin; its type and more stand in variables.
	printf '%s, %s bytes\n' "\$EYELET_TYPE" "\$(wc -c)" >>"$dir/service/taken"
TAKE
chmod 755 "$dir/run/take"
eyelet-destination add take --command "$dir/run/take" --endpoints nomos \
    --from start >>"$log" 2>&1 || {
	tail -n 3 "$log" >&2
	die "cannot add a destination"
}
eyelet-deliver --once >>"$log" 2>&1 || {
	tail -n 3 "$log" >&2
	die "cannot deliver"
}
for type in order.paid order.shipped order.closed; do
	tell "$type" "taken once" \
	    "taken $(as_service timeout 5 grep -c "^$type, " \
	        "$dir/service/taken" | sed 's/^1$/once/')"
done

echo
if [ $wrong = 0 ]; then
	echo "Everything went as it should."
else
	echo "$wrong things did not go as they should; see $dir/run."
fi
if [ $once = yes ]; then
	[ $wrong = 0 ]
	exit
fi

reader=
[ "$(id -u)" != 0 ] || reader="runuser -u $service -- "
cat <<-NEXT

Try next, in another terminal$([ "$(id -u)" = 0 ] && echo ", as root"):

  PATH=$dir/usr/sbin:\$PATH
  eyelet-event show 1                    an event, with its payload
  eyelet-secret show nomos               its secrets, and when each was used
  eyelet-store status                    who has the store open, and how it is
  kill -9 PID                            of its owner, and look: nothing is lost
  eyelet-scheme list                     the providers that are known
  eyelet-destination show take           where events go, and how that goes
  curl $url/healthz
  ${reader}tail -f $dir/service/eyelet.log

Ctrl-C ends it. README.md says how to install eyelet for good.
NEXT
wait "$web"
