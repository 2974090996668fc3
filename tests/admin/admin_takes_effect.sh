#!/bin/sh
# What an operator changes is in force for the next request: no restart, no
# good request refused in between, no bad one taken afterwards. Requests come
# by CGI, so each is a process of its own.
# shellcheck source=tests/stand/admin_stand.sh disable=SC2154
. "$top_srcdir/tests/stand/admin_stand.sh"

for letter in a b c d; do
	printf '%s' "$canary-$letter" >"$work/$letter"
done
n=0

# status WHEN STATUS ENDPOINT LETTER [VARIABLE=VALUE...]: a new event, signed
# with that secret, gets that status; more variables of CGI may be given.
status() {
	when=$1
	want=$2
	to=$3
	letter=$4
	shift 4
	n=$((n + 1))
	[ -n "${body_of-}" ] || printf \
	    '{"id":"evt_%d","type":"%s","createdAt":"%s"}' $n "${type-a.b}" \
	    "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$work/body"
	signature=$("$bin/eyelet-scheme" sign nimbus \
	    --secret-file "$work/$letter" <"$work/body" | sed 's/^[^:]*: //')
	{
		head -c 20 "$work/body"
		sleep "${late-0}" # the last byte comes later
		tail -c +21 "$work/body"
	} | env -i PATH="$PATH" EYELET_CONFIG="$EYELET_CONFIG" \
	    GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=POST \
	    PATH_INFO="/hooks/$to" SCRIPT_NAME=/eyelet REMOTE_ADDR=127.0.0.1 \
	    CONTENT_TYPE=application/json \
	    CONTENT_LENGTH="$(wc -c <"$work/body" | tr -d ' ')" \
	    HTTP_X_WEBHOOK_SIGNATURE="$signature" "$@" \
	    "$top_builddir/cgi/eyelet.fcgi" >"$out" 2>"$err"
	checks=$((checks + 1))
	grep -q "^Status: $want " "$out" || complain "$when: not $want"
}

run 'a store' 0 eyelet-store init --user "$(id -un)"
status 'no endpoint' 404 shop a
run 'keyless' 0 eyelet-endpoint add shop --scheme nimbus --secret-file "$work/d"
run 'its secret is revoked' 0 eyelet-secret revoke shop sec_1
status 'keyless' 503 shop d

# --- secrets ------------------------------------------------------------------
run 'first' 0 eyelet-secret stage shop --secret-file "$work/a"
status 'current' 200 shop a
status 'another' 401 shop b
run 'stage' 0 eyelet-secret stage shop --secret-file "$work/b"
status 'staged' 200 shop b
status 'current, beside a staged one' 200 shop a
run 'activate' 0 eyelet-secret activate shop --grace 4s
status 'previous, within the grace (R1)' 200 shop a
# Begun within the grace, ended behind it: the last byte counts (R2).
late=4.5 status 'previous, ends behind the grace (R2)' 401 shop a
status 'previous, behind the grace (R1)' 401 shop a
status 'current goes on' 200 shop b
late=1 status 'a slow one, while nothing changes' 200 shop b
run 'rotate, grace 0' 0 eyelet-secret rotate shop --secret-file "$work/c" \
    --now
status 'expired at once (R8)' 401 shop b
status 'the new one' 200 shop c
run 'revoke' 0 eyelet-secret revoke shop sec_4
status 'revoked' 503 shop c
run 'an event says who verified it' 0 eyelet-event list --json --limit 1
member secret '"sec_4"'
run 'when it was used last' 0 eyelet-secret show shop --json
checks=$((checks + 1))
python3 - "$out" <<'EOF' || complain 'last_used_at is wrong'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
used = [row["last_used_at"] is not None for row in rows]
sys.exit(used != [False, True, True, True])
EOF

# --- settings -----------------------------------------------------------------
run 'an endpoint' 0 eyelet-endpoint add till --scheme nimbus \
    --secret-file "$work/a"
status 'enabled' 200 till a
run 'disable' 0 eyelet-endpoint disable till
status 'disabled' 404 till a
run 'switch on' 0 eyelet-endpoint enable till
status 'enabled again' 200 till a

run 'events' 0 eyelet-endpoint edit till --events 'order.*'
type=user.new status 'not selected' 200 till a
says '"status":"ignored"'
type=order.new status 'selected' 200 till a
says '"status":"accepted"'
run 'all events' 0 eyelet-endpoint edit till --events ''
type=user.new status 'selected again' 200 till a
says '"status":"accepted"'

run 'allow-from' 0 eyelet-endpoint edit till --allow-from 192.0.2.0/24
status 'from elsewhere' 403 till a HTTPS=on REMOTE_ADDR=198.51.100.1
status 'from there' 200 till a HTTPS=on REMOTE_ADDR=192.0.2.7
run 'from anywhere' 0 eyelet-endpoint edit till --allow-from ''
status 'from elsewhere again' 200 till a HTTPS=on REMOTE_ADDR=198.51.100.1

status 'plain HTTP from elsewhere' 403 till a REMOTE_ADDR=198.51.100.1
run 'allow-http' 0 eyelet-endpoint edit till --allow-http
status 'plain HTTP allowed' 200 till a REMOTE_ADDR=198.51.100.1
run 'require-https' 0 eyelet-endpoint edit till --require-https
status 'plain HTTP no more' 403 till a REMOTE_ADDR=198.51.100.1

run 'max-body' 0 eyelet-endpoint edit till --max-body 10
status 'too large' 413 till a
run 'max-body as configured' 0 eyelet-endpoint edit till --max-body ''
status 'not too large' 200 till a

run 'rate' 0 eyelet-endpoint edit till --rate 1
status 'the first of a second' 200 till a
checks=$((checks + 1))
tries=0
while status 'more' 429 till a && grep -q 'Status: 200' "$out" &&
    [ $tries -lt 30 ]; do
	bad=$((bad - 1)) # a new second began
	tries=$((tries + 1))
done
[ $tries -lt 30 ] || complain 'the rate has no effect'
run 'no rate' 0 eyelet-endpoint edit till --rate 0
status 'no rate' 200 till a

# --- a time that is signed ----------------------------------------------------
run 'tolerance' 0 eyelet-endpoint add timed --scheme nomos \
    --secret-file "$work/a" --tolerance 1s
signed() {
	printf '{"id":"evt_t%d","topic":"a"}' "$1" >"$work/body"
	header=$("$bin/eyelet-scheme" sign nomos --secret-file "$work/a" \
	    --now $(($(date +%s) - 60)) <"$work/body" | sed 's/^[^:]*: //')
	body_of=mine status "$2" "$3" timed a "HTTP_X_NOMOS_SIGNATURE=$header"
}
signed 1 'a minute old' 401
run 'a longer one' 0 eyelet-endpoint edit timed --tolerance 10m
signed 2 'a minute old, allowed' 200
run 'as the scheme says' 0 eyelet-endpoint edit timed --tolerance ''
signed 3 'a minute old, as the scheme says' 200

# --- the same body under another id (github: id and type are not signed) -----
run 'github' 0 eyelet-endpoint add code --scheme github \
    --secret-file "$work/a"
# push ID WHAT VERDICT [TYPE [STATUS]]
push() {
	printf '{"n":1}' >"$work/body"
	header=$("$bin/eyelet-scheme" sign github --secret-file "$work/a" \
	    <"$work/body" | sed -n 's/^X-Hub-Signature-256: //p')
	body_of=mine status "$2" "${5:-200}" code a \
	    "HTTP_X_HUB_SIGNATURE_256=$header" "HTTP_X_GITHUB_DELIVERY=$1" \
	    "HTTP_X_GITHUB_EVENT=${4:-push}"
	says "\"status\":\"$3\""
}
push one 'the first' accepted
push two 'the same body, another id' held
run 'repeats' 0 eyelet-endpoint edit code --repeats always
push three 'the same body, allowed' accepted
run 'no repeats' 0 eyelet-endpoint edit code --repeats never
push four 'the same body, no more' held
run 'deliver' 0 eyelet-endpoint edit code --on-held deliver
push five 'the same body, delivered' accepted
run 'refuse' 0 eyelet-endpoint edit code --on-held refuse
push six 'the same body, refused' refused push 401
run 'hold' 0 eyelet-endpoint edit code --on-held ''
push seven 'the same body, held again' held
run 'types' 0 eyelet-endpoint edit code --repeats types
push eight 'the same body under another type' accepted issues
push nine 'under that type once more' held issues
run 'within' 0 eyelet-endpoint edit code --repeat-within 1s
sleep 1.1
push ten 'under a third type, too late' held release
run 'within an hour' 0 eyelet-endpoint edit code --repeat-within ''
push eleven 'under a fourth type, in time' accepted star

# --- the end ------------------------------------------------------------------
run 'remove' 0 eyelet-endpoint remove till --yes
status 'removed' 404 till a

verdict
