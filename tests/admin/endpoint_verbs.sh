#!/bin/sh
# eyelet-endpoint: every verb and every option, against a real owner.
# shellcheck source=tests/stand/admin_stand.sh disable=SC2154
. "$top_srcdir/tests/stand/admin_stand.sh"

printf '%s\n' "$canary" >"$work/secret"
printf 'param-%s\n' "$canary" >"$work/param"
printf '%s\n' "$canary-rename" >"$work/rename"

run 'a store' 0 eyelet-store init --user "$(id -un)"

# --- add ----------------------------------------------------------------------
run 'keyless' 0 eyelet-endpoint add shop --scheme nomos
says '/hooks/shop'
says 'none yet'
words 'eyelet-secret stage shop --secret-file FILE'
words '503'
run 'keyless, -c is passed on' 0 eyelet-endpoint -c "$EYELET_CONFIG" add \
    shop2 --scheme nomos
words "eyelet-secret -c $EYELET_CONFIG stage shop2"
run 'keyless has no secret' 0 eyelet-endpoint show shop --json
member secrets_live 0
member secrets '[]'

run 'generated' 0 eyelet-endpoint add code --scheme github --json
all_json
member secret '"sec_1"'
run 'generated, what was shown' 0 eyelet-secret reveal code
shown=$(cat "$out")
[ ${#shown} -ge 48 ] || complain "the generated secret is short: ${#shown}"
run 'generated, as it is for people' 0 eyelet-endpoint add code2 \
    --scheme github
says 'value'
words 'eyelet-secret reveal'

run 'secret from a file' 0 eyelet-endpoint add file --scheme nomos \
    --secret-file "$work/secret" --json
member secrets_live 1
silent_on "$canary"
run 'the final line end was cut' 0 eyelet-secret reveal file
[ "$(cat "$out")" = "$canary" ] || complain "it is not the file's line"
printf '%s\r\n' "$canary-crlf" >"$work/crlf"
run 'secret from stdin, with CRLF' 0 eyelet-endpoint add stdin \
    --scheme nomos --secret-file - <"$work/crlf"
run 'the CRLF was cut' 0 eyelet-secret reveal stdin
[ "$(cat "$out")" = "$canary-crlf" ] || complain "it is not stdin's line"
printf ' %s \n\n' "$canary" >"$work/blanks"
run 'nothing else is cut' 0 eyelet-endpoint add blanks --scheme nomos \
    --secret-file "$work/blanks"
run 'blanks and one line end stay' 0 eyelet-secret reveal blanks --json
member value "\" $canary \\n\""

: >"$work/empty"
printf '\n' >"$work/only-lf"
head -c 8193 /dev/zero | tr '\0' a >"$work/long"
head -c 8192 /dev/zero | tr '\0' a >"$work/longest"
run 'an empty file' 65 eyelet-endpoint add e --scheme nomos \
    --secret-file "$work/empty"
words "$work/empty is empty"
run 'a line end alone' 65 eyelet-endpoint add e --scheme nomos \
    --secret-file "$work/only-lf"
words "$work/only-lf is empty"
run 'too long' 65 eyelet-endpoint add e --scheme nomos \
    --secret-file "$work/long"
words '8192'
run 'the longest' 0 eyelet-endpoint add longest --scheme nomos \
    --secret-file "$work/longest"
run 'no such file' 66 eyelet-endpoint add e --scheme nomos \
    --secret-file "$work/none"
words 'none'
run 'a folder' 74 eyelet-endpoint add e --scheme nomos --secret-file "$work"
run 'no key for the scheme' 65 eyelet-endpoint add e \
    --scheme standard-webhooks --secret-file "$work/secret"
silent_on "$canary"
printf short >"$work/short"
run 'a short one' 0 eyelet-endpoint add short --scheme nomos \
    --secret-file "$work/short"
words 'warning'

run 'no scheme' 64 eyelet-endpoint add e
words '--scheme is missing'
run 'unknown scheme' 65 eyelet-endpoint add e --scheme nomoss
words 'did you mean "nomos"?'
run 'taken' 73 eyelet-endpoint add shop --scheme nomos
words 'already'
run 'bad name' 65 eyelet-endpoint add a/b --scheme nomos
run 'reserved name' 65 eyelet-endpoint add healthz --scheme nomos
run 'no URL where it is signed' 65 eyelet-endpoint add sq --scheme square
words '--public-url'
run 'no param where it is pinned' 65 eyelet-endpoint add sns --scheme aws-sns
words 'needs the param "topic_arn" (--param topic_arn=@FILE)'
run 'with its param' 0 eyelet-endpoint add sns --scheme aws-sns \
    --param "topic_arn=@$work/param"
run 'the param taken away' 65 eyelet-endpoint edit sns --param topic_arn=
words 'needs the param "topic_arn"'
run 'gone again' 0 eyelet-endpoint remove sns --yes

# --- every setting, and back again --------------------------------------------
# setting MEMBER VALUE DEFAULT OPTION [ARGUMENT]: OPTION makes MEMBER VALUE; an
# empty ARGUMENT goes back.
setting() {
	what=$1
	value=$2
	default=$3
	option=$4
	name=set-$(printf '%s' "$what" | tr _ -)
	shift 4
	run "add $option" 0 eyelet-endpoint add "$name" --scheme nomos \
	    "$option" "$@" --json
	run "show after add $option" 0 eyelet-endpoint show "$name" --json
	member "$what" "$value"
	run "edit another" 0 eyelet-endpoint edit "$name" --label x=y
	run "$what stays" 0 eyelet-endpoint show "$name" --json
	member "$what" "$value"
	member labels '{"x": "y"}'
	[ $# = 1 ] || return 0
	run "reset $option" 0 eyelet-endpoint edit "$name" "$option" ''
	run "show after reset $option" 0 eyelet-endpoint show "$name" --json
	member "$what" "$default"
	run "edit $option" 0 eyelet-endpoint edit "$name" "$option" "$1"
	run "show after edit $option" 0 eyelet-endpoint show "$name" --json
	member "$what" "$value"
}
setting title '"A shop"' null --title 'A shop'
setting events '"order.*,!order.draft"' null --events 'order.*,!order.draft'
setting public_url '"https://a.example/hooks/x"' null \
    --public-url https://a.example/hooks/x
setting allow_from '"192.0.2.0/24, ::1"' null --allow-from '192.0.2.0/24, ::1'
setting body_max 262144 null --max-body 256k
setting tolerance 600 null --tolerance 10m
setting expect_every 7200 null --expect-every 2h
setting repeats '"types"' '"scheme"' --repeats types
setting repeat_within 600 null --repeat-within 10m
setting on_held '"deliver"' '"hold"' --on-held deliver
setting allow_http true false --allow-http

run 'rate' 0 eyelet-endpoint edit shop --rate 7 --json
member rate 7
run 'no rate' 0 eyelet-endpoint edit shop --rate 0 --json
member rate 0
run 'no silence is too long' 0 eyelet-endpoint edit set-expect-every \
    --expect-every 0 --json
member expect_every null
for word in never always scheme; do
	run "repeats $word" 0 eyelet-endpoint edit shop --repeats $word --json
	member repeats "\"$word\""
done
for word in refuse hold; do
	run "on held $word" 0 eyelet-endpoint edit shop --on-held $word --json
	member on_held "\"$word\""
done
run 'plain http' 0 eyelet-endpoint edit shop --allow-http --json
member allow_http true
run 'https again' 0 eyelet-endpoint edit shop --require-https --json
member allow_http false
run 'labels' 0 eyelet-endpoint edit shop --label a=1 --label b=2=3 --json
member labels '{"a": "1", "b": "2=3"}'
run 'one label less' 0 eyelet-endpoint edit shop --label a= --json
member labels '{"b": "2=3"}'
run 'param' 0 eyelet-endpoint edit shop --param "id=@$work/param" --json
member params '["id"]'
silent_on "$canary"
run 'param from stdin' 0 eyelet-endpoint edit shop --param two=@- --json \
    <"$work/param"
member params '["id", "two"]'
run 'param taken away' 0 eyelet-endpoint edit shop --param id= --json
member params '["two"]'
run 'params are not shown' 0 eyelet-endpoint show shop
silent_on "$canary"
says 'two'

# What an endpoint does with content that comes again, in a line.
run 'a preset where an id can be anybody'"'"'s' 0 eyelet-endpoint add repeated \
    --scheme forgejo --secret-file "$work/rename"
says 'repeats   the same content under another id is held'
run 'and content repeats' 0 eyelet-endpoint edit repeated --repeats always --json
member what_repeats '"the same content under another id is accepted; nothing that is signed tells a repeat from a captured request"'
run 'shown' 0 eyelet-endpoint show repeated
says 'the same content under another id is accepted; nothing that is signed'
run 'a preset where nothing tells a repeat' 0 eyelet-endpoint add dropped \
    --scheme dropbox --secret-file "$work/rename"
says 'nothing that is signed tells a repeat from a captured request'
run 'a preset of a token alone' 0 eyelet-endpoint add token --scheme auth0 \
    --secret-file "$work/rename"
says 'nothing is signed: whoever has seen a request can post any event'

# The same at once, when it is added.
run 'add with all of them' 0 eyelet-endpoint add all --scheme nomos \
    --secret-file "$work/rename" --title All --label a=1 --label b=2 \
    --events 'a.*' --public-url https://a.example/hooks/all \
    --allow-from ::1 --rate 3 --max-body 1k --tolerance 1m \
    --param "id=@$work/param" --param "two=@$work/param" --repeats always \
    --repeat-within 2h --on-held refuse --allow-http --expect-every 3d
run 'show for people' 0 eyelet-endpoint show all
checks=$((checks + 1))
at='20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z'
grep -qE "^sec_[0-9]+ +current +$at +- +(-|$at) +- +-\$" "$out" ||
    complain 'cells of secrets stand under the wrong titles'
run 'show all of them' 0 eyelet-endpoint show all --json
for is in 'title "All"' 'labels {"a":"1","b":"2"}' 'events "a.*"' \
    'public_url "https://a.example/hooks/all"' 'allow_from "::1"' 'rate 3' \
    'body_max 1024' 'tolerance 60' 'params ["id","two"]' 'repeats "always"' \
    'repeat_within 7200' 'on_held "refuse"' 'allow_http true' 'expect_every 259200' 'secrets_live 1' 'scheme "nomos"'; do
	member "${is%% *}" "${is#* }"
done
silent_on "$canary"
run 'all of them, for people' 0 eyelet-endpoint show all
for is in All 'a=1 b=2' 'a.*' ::1 '1.0 KiB' 1m 3d 'id two'; do
	says "$is"
done
silent_on "$canary"

run 'a label twice' 64 eyelet-endpoint edit shop --label a=1 --label a=2
words 'twice'
run 'a label without =' 64 eyelet-endpoint edit shop --label a
words 'NAME=VALUE'
run 'a param on the command line' 64 eyelet-endpoint edit shop --param a=b
words '=@FILE'
run 'a bad rate' 64 eyelet-endpoint edit shop --rate -1
words '--rate'
run 'an expectation that is no duration' 64 eyelet-endpoint edit shop \
    --expect-every often
words '--expect-every'
run 'an expectation beyond a year' 64 eyelet-endpoint edit shop \
    --expect-every 367d
words 'at most 366d'
run 'a bad size' 64 eyelet-endpoint edit shop --max-body big
words '--max-body'
run 'a size above all' 64 eyelet-endpoint edit shop --max-body 33m
words '--max-body'
run 'a bad duration' 64 eyelet-endpoint edit shop --tolerance soon
words '--tolerance'
run 'a duration above all' 64 eyelet-endpoint edit shop --tolerance 31d
words '--tolerance'
run 'repeats of no kind' 65 eyelet-endpoint edit shop --repeats often
words 'repeats: it must be scheme, never, types or always, not "often"'
run 'repeats by a type that there is not' 65 eyelet-endpoint add typeless \
    --scheme dropbox --repeats types
words 'scheme "dropbox" reads none'
run 'no time to repeat within' 65 eyelet-endpoint edit shop --repeat-within 0
words 'repeat_within: it must be from 1'
run 'a time to repeat within beyond a month' 64 eyelet-endpoint edit shop \
    --repeat-within 31d
words 'at most 30d'
run 'held in no known way' 65 eyelet-endpoint edit shop --on-held drop
words 'on_held: it must be hold, deliver or refuse, not "drop"'
run 'both ways' 64 eyelet-endpoint edit shop --allow-http --require-https
words 'exclude'
run 'bad events' 65 eyelet-endpoint edit shop --events 'a*b'
words 'a*b'
run 'bad addresses' 65 eyelet-endpoint edit shop --allow-from here
words '"here"'
run 'bad URL' 65 eyelet-endpoint edit shop --public-url a.example
words 'public_url'
run 'a URL as it was typed' 0 eyelet-endpoint edit shop \
    --public-url 'HTTPS://Büchér.example/hooks/é' --json
member public_url '"HTTPS://Büchér.example/hooks/é"'
run 'nothing to change' 64 eyelet-endpoint edit shop
words 'nothing to change'
run 'nothing to change but when' 64 eyelet-endpoint edit shop --if-gen 1
run 'a scheme that the secret is no key for' 65 eyelet-endpoint edit file \
    --scheme standard-webhooks
words 'standard-webhooks'
run 'another scheme' 0 eyelet-endpoint edit file --scheme nimbus --json
member scheme '"nimbus"'

# --- if-gen -------------------------------------------------------------------
run 'generation' 0 eyelet-endpoint add gen --scheme github --json
member generation 1
run 'of now' 0 eyelet-endpoint edit gen --rate 1 --if-gen 1 --json
member generation 2
for change in 'edit gen --rate 2' 'disable gen' 'enable gen' 'remove gen --yes'
do
	# shellcheck disable=SC2086 # words
	run "$change, of before" 75 eyelet-endpoint $change --if-gen 1
	words 'generation 2, not 1'
done

# --- states -------------------------------------------------------------------
run 'disable it' 0 eyelet-endpoint disable gen
run 'disabled' 0 eyelet-endpoint show gen --json
member state '"disabled"'
run 'enable it' 0 eyelet-endpoint enable gen
run 'enabled' 0 eyelet-endpoint show gen --json
member state '"enabled"'
run 'remove asks, and there is no terminal' 64 eyelet-endpoint remove gen \
    </dev/null
words '--yes'
run 'still there' 0 eyelet-endpoint show gen
# at_terminal ANSWER STATUS: remove asks on a terminal of its own.
at_terminal() {
	checks=$((checks + 1))
	when="remove, answered $1"
	timeout 60 python3 - "$bin/eyelet-endpoint" "$1" <<'EOF' >"$out" 2>"$err"
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], [sys.argv[1], "remove", "gen"])
seen = b""
while b"[y/N]" not in seen:
    seen += os.read(fd, 1000)
os.write(fd, sys.argv[2].encode() + b"\n")
try:
    while True:
        more = os.read(fd, 1000)
        if not more:
            break
        seen += more
except OSError:
    pass # the terminal is gone with the program
print(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
EOF
	status=$?
	[ $status = "$2" ] || complain "$when: status $status, not $2"
}
at_terminal n 1
says 'Nothing was removed'
at_terminal '' 1
run 'still there' 0 eyelet-endpoint show gen
at_terminal y 0
run 'gone' 66 eyelet-endpoint show gen
run 'once more' 0 eyelet-endpoint add gen --scheme nomos
run 'remove without asking' 0 eyelet-endpoint remove gen --yes </dev/null
run 'gone' 66 eyelet-endpoint show gen
run 'not listed' 0 eyelet-endpoint list
silent_on 'gen '
run 'listed with the removed ones' 0 eyelet-endpoint list --removed
says 'gen '
says 'removed'
run 'the name is free' 0 eyelet-endpoint add gen --scheme nomos
run 'unknown, near one' 66 eyelet-endpoint disable shpo
words 'did you mean "shop"?'

# --- rename -------------------------------------------------------------------
run 'an endpoint to rename' 0 eyelet-endpoint add first --scheme nimbus \
    --secret-file "$work/rename" --public-url https://a.example/hooks/first
stamp() {
	printf '{"id":"%s","type":"a.b","createdAt":"%s"}' "$1" "$created"
}
created=$(date -u +%Y-%m-%dT%H:%M:%SZ)
event first nimbus "$work/rename" "$(stamp r1)" accepted
run 'rename, of before' 75 eyelet-endpoint rename first second --if-gen 7
run 'rename to what is no name' 65 eyelet-endpoint rename first a/b
words 'letters'
run 'rename to what is taken' 73 eyelet-endpoint rename first shop
words 'already'
run 'rename to itself' 73 eyelet-endpoint rename first first
run 'rename what is not' 66 eyelet-endpoint rename frist second
words 'did you mean "first"?'
run 'rename' 0 eyelet-endpoint rename first second --json
member endpoint '"second"'
member path '"/hooks/second"'
words 'public URL'
run 'its events stay listed' 0 eyelet-event list --endpoint second --json
rows 1
member id '"r1"'
run 'the old name is gone' 66 eyelet-endpoint show first
checks=$((checks + 1))
stamp r2 >"$work/body"
post first nimbus "$work/rename" "$work/body"
grep -q '^Status: 404 ' "$out" || complain 'the old path still answers'
event second nimbus "$work/rename" "$(stamp r1)" duplicate
event second nimbus "$work/rename" "$(stamp r2)" accepted
run 'the old name is free' 0 eyelet-endpoint add first --scheme nimbus \
    --secret-file "$work/rename"
event first nimbus "$work/rename" "$(stamp r1)" accepted
run 'each has its own events' 0 eyelet-event list --endpoint second --json
rows 2
run 'so has the new one of the old name' 0 eyelet-event list \
    --endpoint first --json
rows 1
run 'rename, for people' 0 eyelet-endpoint rename first third
says '/hooks/third'
words '404'
run 'removed under its new name' 0 eyelet-endpoint remove second --yes
run 'its events stay listed' 0 eyelet-event list --endpoint second --json
rows 2
run 'a name of a removed one' 0 eyelet-endpoint rename third second
run 'the events of both' 0 eyelet-event list --endpoint second --json
rows 3

# --- match --------------------------------------------------------------------
# matches TYPE SELECTED RULE: both JSON, as match says of endpoint "picky".
matches() {
	status=0
	[ "$2" = true ] || status=1
	run "match '$1'" $status eyelet-endpoint match picky "$1" --json
	member type "\"$1\""
	member selected "$2"
	member rule "$3"
}
run 'an endpoint with patterns' 0 eyelet-endpoint add picky --scheme nomos \
    --events 'order.*, user.new, !order.draft, !order.x.*'
matches order.paid true '"order.*"'
matches order. true '"order.*"'
matches order false null
matches user.new true '"user.new"'
matches user.newer false null
matches order.draft false '"!order.draft"'
matches order.drafts true '"order.*"'
matches order.x.y false '"!order.x.*"'
matches Order.paid false null
matches '' true null
run 'no type, for people' 0 eyelet-endpoint match picky ''
says 'no type, which may be one that is kept'
matches test.event true null
member test true
run 'match several' 1 eyelet-endpoint match picky order.paid a.b --json
rows 2
run 'match several, all kept' 0 eyelet-endpoint match picky order.a order.b
run 'match, for people' 1 eyelet-endpoint match picky order.paid order.draft \
    a.b test.event
says 'order.paid   yes   order.*'
says 'order.draft  no    !order.draft'
says 'a.b          no    no pattern that matches'
says 'test.event   yes   the scheme'
run 'all' 0 eyelet-endpoint edit picky --events '*'
matches '' true '"*"'
run 'none' 0 eyelet-endpoint edit picky --events '!*'
matches '' false '"!*"'
run 'exclusions alone' 0 eyelet-endpoint edit picky --events '!a.*'
matches b.c true null
matches a.b false '"!a.*"'
run 'exclusions alone, for people' 0 eyelet-endpoint match picky b.c
says 'exclusions'
run 'no patterns' 0 eyelet-endpoint edit picky --events ''
matches b.c true null
run 'no patterns, for people' 0 eyelet-endpoint match picky b.c
says 'keeps all'
run 'a hostile type' 0 eyelet-endpoint match picky "$(printf 'a\033[2Jb')"
says 'a\x1b[2Jb'
run 'a type of bytes' 64 eyelet-endpoint match picky "$(printf '\377')"
words 'UTF-8'
run 'no type' 64 eyelet-endpoint match picky
words 'TYPE'
run 'no such endpoint' 66 eyelet-endpoint match pikcy a
words 'did you mean "picky"?'

# --- list ---------------------------------------------------------------------
run 'list for scripts' 0 eyelet-endpoint list --json
all_json
no_words
run 'list for people' 0 eyelet-endpoint list
says 'NAME'
says 'shop'
checks=$((checks + 1))
# The columns are aligned: SCHEME begins where its values do.
awk 'NR == 1 { at = index($0, "SCHEME"); next }
    substr($0, at - 1, 1) != " " || substr($0, at, 1) == " " { exit 1 }' \
    "$out" || complain "list: the columns are not aligned"

# --- no secret anywhere -------------------------------------------------------
run 'the audit trail' 0 eyelet-store audit --limit 0 --json
all_json
silent_on "$canary"
stop_owner
checks=$((checks + 1))
if grep -rqF -e "$canary" -e "$shown" "$work/store"; then
	complain 'a secret stands in the store in clear'
fi

verdict
