#!/bin/sh
# eyelet-event publish: every option, and what a sender's own events look like.
# shellcheck source=tests/stand/admin_stand.sh disable=SC2154
. "$top_srcdir/tests/stand/admin_stand.sh"

run 'a store' 0 eyelet-store init --user "$(id -un)"
run 'an endpoint' 0 eyelet-endpoint add orders --scheme nomos
run 'one without an envelope' 0 eyelet-endpoint add code --scheme github

printf '{"n": 12345678901234567890}' >"$work/data"
run 'from a file' 0 eyelet-event publish --endpoint orders --type order.paid \
    --id evt_1 --data "@$work/data" --json
all_json
no_words
member endpoint '"orders"'
member id '"evt_1"'
member type '"order.paid"'
member outcome '"accepted"'
member status '"accepted"'
member seq 1
run 'it is in the log' 0 eyelet-event show 1 --json
member secret null
member content_type '"application/json"'
member headers.0 "\"eyelet-published: by uid $(id -u)\""
run 'the envelope' 0 eyelet-event show 1 --raw
checks=$((checks + 1))
t='20[0-9-]{8}T[0-9:]{8}\.[0-9]{3}Z'
grep -qE "^\{\"id\":\"evt_1\",\"timestamp\":\"$t\",\"topic\":\"order\.paid\",\"context\":\{\"n\": 12345678901234567890\}\}\$" \
    "$out" || complain 'another envelope'

run 'again' 0 eyelet-event publish --endpoint orders --type order.paid \
    --id evt_1 --data "@$work/data" --json
member outcome '"duplicate"'
member seq 1

run 'from stdin, for people' 0 eyelet-event publish --endpoint orders \
    --type order.sent --data @- <"$work/data"
says 'accepted'
says 'evt_'
run 'from stdin without --data' 0 eyelet-event publish --endpoint orders \
    --type order.sent --json <"$work/data"
member seq 3
run 'no data' 0 eyelet-event publish --endpoint orders --type order.sent \
    --id evt_4 </dev/null
run 'no data is an empty object' 0 eyelet-event show 4 --raw
says '"context":{}'

head -c 5000 /dev/urandom >"$work/bytes"
run 'raw' 0 eyelet-event publish --endpoint code --raw \
    --content-type image/png --data "@$work/bytes" --json
member seq 5
member type null
run 'raw is the bytes' 0 eyelet-event show 5 --raw
checks=$((checks + 1))
cmp -s "$work/bytes" "$out" || complain 'other bytes'
run 'with its content type' 0 eyelet-event show 5 --json
member content_type '"image/png"'
run 'raw, no JSON where it is promised' 0 eyelet-event publish \
    --endpoint orders --raw --data "@$work/bytes"
words 'warning: the scheme "nomos" promises JSON'
printf 'one' >"$work/one"
printf 'two' >"$work/two"
run 'raw under an id' 0 eyelet-event publish --endpoint code --raw --id same \
    --data "@$work/one" --json
run 'the same again' 0 eyelet-event publish --endpoint code --raw --id same \
    --data "@$work/one" --json
member outcome '"duplicate"'
run 'others under that id' 73 eyelet-event publish --endpoint code --raw \
    --id same --data "@$work/two"
words 'other bytes under this id already: event 7'

run 'no endpoint' 64 eyelet-event publish --type a </dev/null
words '--endpoint NAME is missing'
run 'no type' 64 eyelet-event publish --endpoint orders </dev/null
words '--type'
run 'no envelope' 64 eyelet-event publish --endpoint code --type a </dev/null
words '--raw'
run 'a content type in an envelope' 64 eyelet-event publish --endpoint orders \
    --type a --content-type text/plain </dev/null
words '--content-type is for --raw'
run 'data in the arguments' 64 eyelet-event publish --endpoint orders \
    --type a --data '{}'
words '@FILE'
run 'no such file' 66 eyelet-event publish --endpoint orders --type a \
    --data "@$work/nothing"
words "$work/nothing"
run 'no JSON' 65 eyelet-event publish --endpoint orders --type a \
    --data "@$work/one"
words 'data is not JSON'
run 'nothing of that is in the log' 0 eyelet-event list --json
rows 7
run 'an endpoint that selects' 0 eyelet-endpoint add some --scheme nomos \
    --events 'order.*'
run 'a type it does not keep' 65 eyelet-event publish --endpoint some \
    --type user.new </dev/null
words 'keeps no events of this type'
printf x >"$work/untyped"
run 'no type, which it may keep' 0 eyelet-event publish --endpoint some \
    --id evt_untyped --raw --data "@$work/untyped"

head -c 1048577 /dev/zero >"$work/large"
run 'a byte more than body_max' 65 eyelet-event publish --endpoint code --raw \
    --data "@$work/large"
words 'at most 1048576'
head -c 1048576 /dev/zero >"$work/large"
run 'as large as body_max' 0 eyelet-event publish --endpoint code --raw \
    --data "@$work/large"

run 'the audit trail' 0 eyelet-store audit
says 'event.publish'

# Durable before it returns: the owner dies at once.
run 'the last one' 0 eyelet-event publish --endpoint orders --type a.b \
    --id evt_last --json </dev/null
kill -9 "$(owner_pid)"
run 'is there' 0 eyelet-event show --id evt_last --json
member endpoint '"orders"'

verdict
