# admin_stand.sh: a store of its own, for tests of the admin programs. It is
# sourced, makes the folder $work and takes it away again, owner and all.
# shellcheck shell=sh disable=SC2034,SC2154
set -u
export LC_ALL=C

bin=$top_builddir/admin
canary='canary-4b1d0e7c-secret-of-a-test'
work=$(mktemp -d "${TMPDIR:-/tmp}/eyelet-admin.XXXXXX") || exit 99
out=$work/out
err=$work/err
checks=0
bad=0

cat >"$work/e.conf" <<EOF
[store]
path = $work/store
key_file = $work/keys/store.key
floor = 0
ballast = 0
cache = 8m
[schemes]
path = $top_srcdir/conf/schemes
[process]
program = $top_builddir/cgi/eyelet.fcgi
EOF
EYELET_CONFIG=$work/e.conf
export EYELET_CONFIG

owner_pid() {
	sed -n 's/^pid=\([0-9][0-9]*\)$/\1/p' "$work/store/lock" 2>/dev/null
}

# Only what was started here: the owner whose command line names our files.
stop_owner() {
	pid=$(owner_pid)
	[ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null |
	    grep -q "$work" || return 0
	kill "$pid" 2>/dev/null
	tries=0
	while kill -0 "$pid" 2>/dev/null && [ $tries -lt 100 ]; do
		sleep 0.1
		tries=$((tries + 1))
	done
}

finish() {
	stop_owner
	rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

complain() {
	bad=$((bad + 1))
	echo "FAIL: $*"
	sed 's/^/    out: /' "$out" | head -n 20
	sed 's/^/    err: /' "$err" | head -n 20
}

# run WHEN STATUS PROGRAM ARGUMENT...: stdin is the caller's.
run() {
	when=$1
	want=$2
	shift 2
	checks=$((checks + 1))
	program=$1
	shift
	"$bin/$program" "$@" >"$out" 2>"$err"
	status=$?
	[ $status = "$want" ] ||
	    complain "$when: $program $*: status $status, not $want"
}

# says TEXT: stdout has it. words TEXT: stderr has it. Both: fixed strings.
says() {
	checks=$((checks + 1))
	grep -qF -- "$1" "$out" || complain "$when: stdout lacks \"$1\""
}
silent_on() {
	checks=$((checks + 1))
	! grep -qF -- "$1" "$out" "$err" || complain "$when: \"$1\" is shown"
}
words() {
	checks=$((checks + 1))
	grep -qF -- "$1" "$err" || complain "$when: stderr lacks \"$1\""
}
no_words() {
	checks=$((checks + 1))
	[ ! -s "$err" ] || complain "$when: stderr is not empty"
}

# member NAME VALUE: of the last line of stdout, which must be JSON; VALUE is
# JSON too.
member() {
	checks=$((checks + 1))
	python3 - "$out" "$1" "$2" <<'EOF' >"$work/member" 2>&1 ||
import json, sys
row = json.loads(open(sys.argv[1]).read().splitlines()[-1])
for name in sys.argv[2].split("."):
    row = row[int(name)] if isinstance(row, list) else row[name]
if row != json.loads(sys.argv[3]):
    sys.exit("it is " + json.dumps(row))
EOF
	complain "$when: $1 is not $2: $(tail -n 1 "$work/member")"
}

# Every line of stdout is one JSON object.
all_json() {
	checks=$((checks + 1))
	python3 -c '
import json, sys
for line in open(sys.argv[1], "rb"):
    if not isinstance(json.loads(line), dict):
        sys.exit(1)
' "$out" 2>/dev/null || complain "$when: stdout is not JSON lines"
}

rows() {
	checks=$((checks + 1))
	n=$(wc -l <"$out")
	[ "$n" = "$1" ] || complain "$when: $n rows, not $1"
}

# post ENDPOINT SCHEME SECRET-FILE BODY-FILE: a signed request, as a web server
# hands it to a CGI program. The reply goes to $out.
post() {
	set -- "$1" "$2" "$3" "$4" "$("$bin/eyelet-scheme" sign "$2" \
	    --secret-file "$3" <"$4" 2>"$err")"
	header=$(printf '%s' "${5%%:*}" | tr 'a-z-' 'A-Z_')
	env -i PATH="$PATH" EYELET_CONFIG="$EYELET_CONFIG" \
	    GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=POST \
	    PATH_INFO="/hooks/$1" SCRIPT_NAME=/eyelet REMOTE_ADDR=127.0.0.1 \
	    CONTENT_TYPE=application/json \
	    CONTENT_LENGTH="$(wc -c <"$4" | tr -d ' ')" \
	    "HTTP_$header=${5#*: }" \
	    "$top_builddir/cgi/eyelet.fcgi" <"$4" >"$out" 2>"$err"
}

# event ENDPOINT SCHEME SECRET-FILE BODY REPLY: posts, and the reply must have
# that status word.
event() {
	when="event $4"
	checks=$((checks + 1))
	printf '%s' "$4" >"$work/body"
	post "$1" "$2" "$3" "$work/body"
	grep -qF "\"status\":\"$5\"" "$out" || complain "$when: no \"$5\""
}

verdict() {
	if [ $bad -gt 0 ]; then
		echo "$bad of $checks checks failed"
		exit 1
	fi
	echo "$checks checks passed"
	exit 0
}
