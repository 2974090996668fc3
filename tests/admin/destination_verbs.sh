#!/bin/sh
# eyelet-destination: every verb and every option, against a real owner.
# shellcheck source=tests/stand/admin_stand.sh disable=SC2154
. "$top_srcdir/tests/stand/admin_stand.sh"

url=https://sink.example/in
printf '%s\n' "$canary-0123456789" >"$work/secret"
printf 'header-%s\n' "$canary" >"$work/header"
printf 'basic user:%s\n' "$canary" >"$work/basic"
printf 'Bearer %s\n' "$canary" >"$work/bearer"
printf 'digest %s\n' "$canary" >"$work/digest"
: >"$work/pem"
printf '#!/bin/sh\n' >"$work/program"
chmod 755 "$work/program"

run 'a store' 0 eyelet-store init --user "$(id -un)"
# One that was here just now, as from cron: that none runs is not told.
run 'a deliverer' 0 eyelet-deliver --once

# --- add ----------------------------------------------------------------------
run 'none yet' 0 eyelet-destination list
words 'eyelet-destination add'
run 'generated' 0 eyelet-destination add sink --url $url --json
all_json
no_words
member secret '"sec_1"'
shown=$(sed 's/.*"value":"\([^"]*\)".*/\1/' "$out")
[ ${#shown} -ge 32 ] || complain "the generated secret is short: ${#shown}"
run 'what it is' 0 eyelet-destination show sink --json
for is in 'state "enabled"' "url \"$url\"" 'command null' 'title null' \
    'endpoints null' 'events null' 'tests false' 'sign "standard-webhooks"' \
    'retry "days3"' 'timeout 15' 'concurrency 8' 'rate 0' 'order "none"' \
    'park_max 1000' 'disable_after null' 'headers []' 'auth null' \
    'forward null' 'client_cert null' 'client_key null' 'ca null' \
    'allow_net null' 'allow_http false' 'proxy null' 'cursor 1' 'behind 0' \
    'oldest_waiting null' 'deliverer "none"' \
    'blocked_by null' 'last_failure null' 'secrets.0.state "current"'; do
	member "${is%% *}" "${is#* }"
done
silent_on "$shown"
run 'generated, as it is for people' 0 eyelet-destination add sink2 --url $url
says 'value'
says 'standard-webhooks'
words 'eyelet-secret reveal --destination'
run 'secret from a file' 0 eyelet-destination add file --url $url \
    --sign stripe --secret-file "$work/secret" --json
silent_on "$canary"
run 'secret from stdin' 0 eyelet-destination add stdin --url $url \
    --sign nimbus --secret-file - --json <"$work/header"
silent_on "$canary"
run 'no key for the scheme' 65 eyelet-destination add e --url $url \
    --secret-file "$work/secret"
silent_on "$canary"
run 'unsigned' 0 eyelet-destination add open --url $url --sign none --json
member sign null
words 'warning: nothing is signed'
run 'a secret for nothing' 65 eyelet-destination add e --url $url \
    --sign none --secret-file "$work/secret"
words 'of no use'
run 'neither URL nor command' 64 eyelet-destination add e --sign none
words '--url or --command is missing'
run 'both' 64 eyelet-destination add e --url $url --command /bin/true
words 'exclude each other'
run 'taken' 73 eyelet-destination add sink --url $url
words 'already'
run 'bad name' 65 eyelet-destination add a/b --url $url
run 'reserved name' 65 eyelet-destination add eyelet --url $url
run 'unknown scheme' 65 eyelet-destination add e --url $url --sign strip
words 'did you mean "stripe"?'
run 'a scheme that cannot sign' 65 eyelet-destination add e --url $url \
    --sign discord
words 'cannot sign'

run 'a URL of an inside network' 65 eyelet-destination add e \
    --url https://169.254.169.254/latest
words '--allow-net'
run 'which is allowed' 0 eyelet-destination add inside \
    --url https://169.254.169.254/latest --allow-net 169.254.169.254 --json
no_words
run 'plain http' 65 eyelet-destination add e --url http://sink.example/
words '--allow-http'
run 'a login in the URL' 65 eyelet-destination add e \
    --url "https://user:$canary@sink.example/"
words '--auth-file'
silent_on "$canary"
run 'a URL in another form' 0 eyelet-destination add form \
    --url HTTPS://SINK.example:443/in --json
words 'is kept as https://sink.example/in'
member url '"https://sink.example/in"'
run 'an international host' 0 eyelet-destination add form2 \
    --url "$(printf 'https://b\303\274cher.example/')" --json
member url '"https://xn--bcher-kva.example/"'

# A scheme of this site that signs what its provider gave out.
cp -R "$top_srcdir/conf/schemes" "$work/schemes"
chmod -R u+w "$work/schemes"
sed 's/{body}/{param:hook}.{body}/' "$work/schemes/nimbus.json" \
    >"$work/schemes/hooked.json"
stop_owner
sed "s,^path = .*/schemes\$,path = $work/schemes," "$EYELET_CONFIG" \
    >"$work/own.conf"
run 'a scheme with a parameter' 65 eyelet-destination -c "$work/own.conf" \
    add e --url $url --sign hooked
words 'signs a parameter'
stop_owner

# --- commands -----------------------------------------------------------------
run 'a command' 0 eyelet-destination add cmd --command "$work/program" --json
no_words
member command "[\"$work/program\"]"
member url null
member sign null
member concurrency 1
member timeout 60
run 'with arguments' 0 eyelet-destination add args \
    --command "$work/program" a 'b c' -- --quiet '' --json
says 'b c --quiet'
run 'with arguments, for scripts' 0 eyelet-destination show args --json
member command "[\"$work/program\", \"a\", \"b c\", \"--quiet\", \"\", \"--json\"]"
run 'other arguments' 0 eyelet-destination edit args d \
    --command "$work/program" --json
member command "[\"$work/program\", \"d\"]"
checks=$((checks + 1))
when='a path from here'
(cd "$work" && "$bin/eyelet-destination" add here --command ./program \
    --json >"$out" 2>"$err") || complain "$when"
member command "[\"$work/program\"]"
run 'a name alone' 64 eyelet-destination add e --command program
words './program: no PATH is searched'
run 'arguments of no command' 64 eyelet-destination add e a --url $url
words '"a" is one word too many'
run 'a command that is not there' 0 eyelet-destination add gone \
    --command "$work/none" --json
words 'warning'
words 'is not there now'
run 'one that cannot be executed' 0 eyelet-destination edit gone \
    --command "$work/pem"
words 'cannot be executed now'
chmod 777 "$work/program"
run 'a command that others may write' 0 eyelet-destination edit here \
    --title T --json
words "warning: others may write in $work/program: chmod go-w $work/program"
chmod 755 "$work/program"
run 'a command that is signed for' 65 eyelet-destination edit cmd --sign stripe
words 'goes with a URL only'
run 'a URL instead' 0 eyelet-destination edit cmd --url $url --json
member url "\"$url\""
member command null
member concurrency 8
run 'a command again' 0 eyelet-destination edit cmd \
    --command "$work/program" --json
member url null
member concurrency 1
run 'no URL, which it had not' 0 eyelet-destination edit cmd --url '' --json
member command "[\"$work/program\"]"
for is in 'sink --url' 'cmd --command'; do
	run "neither: $is" 65 eyelet-destination edit "${is% *}" "${is#* }" ''
	words 'url or a command'
done

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
	run "add $option" 0 eyelet-destination add "$name" --url $url \
	    "$option" "$@" --json
	silent_on "$canary"
	member "$what" "$value"
	run "edit another" 0 eyelet-destination edit "$name" \
	    --client-cert "$work/pem" --client-key "$work/pem"
	run "$what stays" 0 eyelet-destination show "$name" --json
	member "$what" "$value"
	member client_cert "\"$work/pem\""
	[ $# = 1 ] || return 0
	run "reset $option" 0 eyelet-destination edit "$name" "$option" '' --json
	member "$what" "$default"
	run "edit $option" 0 eyelet-destination edit "$name" "$option" "$1" --json
	member "$what" "$value"
}
run 'an endpoint' 0 eyelet-endpoint add shop --scheme nomos
setting title '"A sink"' null --title 'A sink'
setting endpoints '"shop,eyelet"' null --endpoints shop,eyelet
setting events '"order.*,!order.draft"' null --events 'order.*,!order.draft'
setting retry '"5s,5m,30m,2h"' '"days3"' --retry 5s,5m,30m,2h
setting timeout 90 15 --timeout 90s
for is in 'nomos 30' 'nimbus 10' 'nolxy 5' 'none 10'; do
	run "as ${is% *} waits" 0 eyelet-destination add "as-${is% *}" \
	    --url https://a.example/ --sign "${is% *}" --json
	member timeout "${is#* }"
done
setting concurrency 3 8 --concurrency 3
setting rate 10 0 --rate 10/s
setting order '"key:json:/data/id"' '"none"' --order key:json:/data/id
setting park_max 5 1000 --park-max 5
setting disable_after 432000 null --disable-after 5d
setting headers '["X-Key"]' '[]' --header "X-Key: @$work/header"
setting forward '["x-trace"]' null --forward-header X-Trace
setting auth '"Basic"' null --auth-file "$work/basic"
setting ca "\"$work/pem\"" null --ca "$work/pem"
setting allow_net '"10.0.0.0/8, ::1"' null --allow-net '10.0.0.0/8, ::1'
setting proxy '"http://proxy.example:3128"' null \
    --proxy http://proxy.example:3128
setting tests true false --tests
setting allow_http true false --allow-http

run 'client-key' 0 eyelet-destination show set-title --json
member client_key "\"$work/pem\""
for is in headers auth; do
	run "$is, for people" 0 eyelet-destination show set-$is
	silent_on "$canary"
done

run 'another scheme' 0 eyelet-destination edit file --sign nimbus --json
member sign '"nimbus"'
run 'a scheme that the secret is no key for' 65 eyelet-destination edit file \
    --sign ''
words 'is no secret for scheme "standard-webhooks"'
run 'no scheme' 0 eyelet-destination edit file --sign none --json
member sign null
run 'one that signs now' 0 eyelet-destination edit open --sign stripe
says 'value'
words 'Give the value to the receiver'
run 'no tests' 0 eyelet-destination edit set-tests --no-tests --json
member tests false
run 'https again' 0 eyelet-destination edit set-allow-http --require-https \
    --json
member allow_http false
run 'a rate without its unit' 0 eyelet-destination edit sink --rate 7 --json
member rate 7
run 'two headers' 0 eyelet-destination edit sink \
    --header "X-A: @$work/header" --header 'X-B:@-' --json <"$work/header"
member headers '["X-A", "X-B"]'
silent_on "$canary"
run 'one header less' 0 eyelet-destination edit sink --header x-a: --json
member headers '["X-B"]'
run 'two to forward' 0 eyelet-destination edit sink --forward-header x-c \
    --forward-header X-D --json
member forward '["x-c", "x-d"]'
run 'a token' 0 eyelet-destination edit sink --auth-file "$work/bearer" --json
member auth '"Bearer"'
silent_on "$canary"
run 'no certificate' 0 eyelet-destination edit set-title --client-cert '' \
    --client-key '' --json
member client_cert null
checks=$((checks + 1))
when='files from here'
(cd "$work" && "$bin/eyelet-destination" edit sink --ca pem --client-cert pem \
    --client-key ./pem --json >"$out" 2>"$err") || complain "$when"
for is in ca client_cert client_key; do
	member $is "\"$work/pem\""
done
words "warning: others may read $work/pem: chmod go-rwx $work/pem"
chmod 600 "$work/pem"
run 'a key for nobody else' 0 eyelet-destination edit sink --title T --json
no_words
run 'a file that is not there' 0 eyelet-destination edit sink \
    --ca "$work/none"
words 'cannot be read now'
run 'an endpoint that is not there' 0 eyelet-destination edit sink \
    --endpoints shop,till
words 'there is no endpoint "till" yet'

run 'a header on the command line' 64 eyelet-destination edit sink \
    --header "X-A: $canary"
words "'NAME: @FILE'"
silent_on "$canary"
run 'a header without a name' 64 eyelet-destination edit sink --header "$canary"
words "'NAME: @FILE'"
run 'a header twice' 64 eyelet-destination edit sink \
    --header "X-A: @$work/header" --header "x-a: @$work/header"
words 'twice'
run 'no such file' 66 eyelet-destination edit sink --header "X-A: @$work/none"
run 'a header of the scheme' 65 eyelet-destination edit sink \
    --header "Webhook-Id: @$work/header"
words 'signs with'
run 'another login' 65 eyelet-destination edit sink --auth-file "$work/digest"
words 'basic USER:PASSWORD'
silent_on "$canary"
run 'no login' 66 eyelet-destination edit sink --auth-file "$work/none"
run 'a bad plan' 65 eyelet-destination edit sink --retry weekly
words 'days3'
run 'a bad order' 65 eyelet-destination edit sink --order sorted
words 'key:json:/data/id'
run 'a bad key' 65 eyelet-destination edit sink --order key:id
words 'JSON pointer'
run 'a bad rate' 64 eyelet-destination edit sink --rate 1/m
words '--rate takes N/s'
for is in 'timeout 2h' 'timeout soon' 'concurrency 257' 'park-max 100001' \
    'disable-after 366d' 'disable-after often'; do
	run "$is" 64 eyelet-destination edit sink "--${is% *}" "${is#* }"
	words "--${is% *}"
done
run 'no time' 65 eyelet-destination edit sink --timeout 0
words 'timeout'
run 'bad events' 65 eyelet-destination edit sink --events 'a*b'
words 'a*b'
run 'bad endpoints' 65 eyelet-destination edit sink --endpoints 'a*'
words '"a*"'
run 'bad addresses' 65 eyelet-destination edit sink --allow-net here
words '"here"'
run 'bad proxy' 65 eyelet-destination edit sink --proxy proxy:3128
words 'http://HOST:PORT'
run 'both ways' 64 eyelet-destination edit sink --allow-http --require-https
words 'exclude'
run 'tests both ways' 64 eyelet-destination edit sink --tests --no-tests
words 'exclude'
run 'nothing to change' 64 eyelet-destination edit sink
words 'nothing to change'
run 'nothing to change but when' 64 eyelet-destination edit sink --if-gen 1
run 'a hostile title' 65 eyelet-destination edit sink \
    --title "$(printf 'a\033[2Jb')"
words 'title'

# --- from ---------------------------------------------------------------------
printf '%s' "$canary-events-0123456789" >"$work/shop"
run 'its secret' 0 eyelet-secret stage shop --secret-file "$work/shop"
now=$(date -u +%Y-%m-%dT%H:%M:%S.000Z)
for n in 1 2 3; do
	event shop nomos "$work/shop" \
	    "{\"id\":\"e$n\",\"timestamp\":\"$now\",\"topic\":\"a.b\"}" accepted
done
# from WHEN BEHIND [ARGUMENT ...]
from() {
	name=from-$((checks))
	run "$1" 0 eyelet-destination add "$name" --url $url "--from=$3" --json
	run "$1: where it is" 0 eyelet-destination show "$name" --json
	member behind "$2"
}
newest=$("$bin/eyelet-event" list --endpoint shop --limit 1 --json |
    sed -n 's/.*"seq":\([0-9]*\),.*/\1/p')
from 'now' 0 now
from 'from the start' "$newest" start
from 'from a seq' 1 "seq:$newest"
from 'from a time' 0 2999-01-01T00:00:00Z
run 'from a time ago' 0 eyelet-destination add ago --url $url --from 1h --json
run 'from a time ago: where it is' 0 eyelet-destination show ago --json
checks=$((checks + 1))
grep -qE '"behind":[3-9]' "$out" || complain 'from 1h: the events are not in it'
member hold.seq 1
for is in seq: seq:0 seq:x yesterday; do
	run "from $is" 64 eyelet-destination add e --url $url --from $is
	words "$is"
done

# --- if-gen -------------------------------------------------------------------
run 'a generation' 0 eyelet-destination add gen --url $url --json
member generation 1
run 'of now' 0 eyelet-destination edit gen --rate 1 --if-gen 1 --json
member generation 2
for change in 'edit gen --rate 2' 'pause gen' 'resume gen' 'disable gen' \
    'remove gen --yes'; do
	# shellcheck disable=SC2086 # words
	run "$change, of before" 75 eyelet-destination $change --if-gen 1
	words 'generation 2, not 1'
done

# --- states -------------------------------------------------------------------
run 'pause it' 0 eyelet-destination pause gen
says 'paused'
run 'resume it' 0 eyelet-destination resume gen
says 'enabled'
run 'disable it' 0 eyelet-destination disable gen --why 'it is gone'
says 'disabled'
run 'disabled' 0 eyelet-destination show gen
says 'it is gone'
run 'resume it' 0 eyelet-destination resume gen --json
member state '"enabled"'
run 'eyelet says so' 0 eyelet-event list --json
checks=$((checks + 1))
tries=0
until grep -q '"destination.disabled"' "$out" || [ $tries -gt 100 ]; do
	sleep 0.1
	"$bin/eyelet-event" list --json >"$out" 2>"$err"
	tries=$((tries + 1))
done
[ $tries -le 100 ] || complain 'there is no event of it'
run 'remove asks, and there is no terminal' 64 eyelet-destination remove gen \
    </dev/null
words '--yes'
run 'still there' 0 eyelet-destination show gen
run 'remove it' 0 eyelet-destination remove gen --yes </dev/null
run 'gone' 66 eyelet-destination show gen
run 'not listed' 0 eyelet-destination list
silent_on 'gen '
run 'listed with the removed ones' 0 eyelet-destination list --removed
says 'gen '
says 'removed'
run 'the name is free' 0 eyelet-destination add gen --url $url
run 'unknown, near one' 66 eyelet-destination pause snik
words 'did you mean "sink"?'
run 'no name at all' 66 eyelet-destination remove a/b --yes

# --- list ---------------------------------------------------------------------
run 'list for scripts' 0 eyelet-destination list --json
all_json
no_words
silent_on "$canary"
run 'list for people' 0 eyelet-destination list
says 'TARGET'
says "$url"
says "$work/program"
silent_on "$canary"

# --- no secret anywhere -------------------------------------------------------
run 'the audit trail' 0 eyelet-store audit --limit 0 --json
all_json
silent_on "$canary"
silent_on "$shown"
stop_owner
checks=$((checks + 1))
if grep -rqF -e "$canary" -e "$shown" "$work/store"; then
	complain 'a secret stands in the store in clear'
fi

verdict
