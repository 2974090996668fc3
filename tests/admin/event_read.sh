#!/bin/sh
# eyelet-event read and cursor: the same events until they are acknowledged,
# whoever dies meanwhile; each name has its own place.
# shellcheck source=tests/stand/admin_stand.sh disable=SC2154
. "$top_srcdir/tests/stand/admin_stand.sh"

publish() {
	run "publish $1" 0 eyelet-event publish --endpoint "$2" --id "$1" \
	    --type "$3" --json </dev/null
}

run 'a store' 0 eyelet-store init --user "$(id -un)"
run 'an endpoint' 0 eyelet-endpoint add shop --scheme nomos
run 'another' 0 eyelet-endpoint add till --scheme nomos
publish e1 shop order.paid
publish e2 till order.paid
publish e3 shop user.new
publish e4 shop order.sent

# --- the same until it is acknowledged ----------------------------------------
run 'from the start' 0 eyelet-event read --cursor all --from start
all_json
no_words
rows 4
member seq 4
member status '"accepted"'
checks=$((checks + 1))
grep -q '"body":"{' "$out" || complain 'no payload'
run 'the same again' 0 eyelet-event read --cursor all --limit 2
rows 2
member seq 2
run 'acknowledge one' 0 eyelet-event cursor ack all 1
says '2'
run 'go on behind it' 0 eyelet-event read --cursor all --limit 1
member seq 2
run 'acknowledge and read' 0 eyelet-event read --cursor all --acked 2
rows 2
member seq 4
run 'never back' 0 eyelet-event cursor ack all 1 --json
member seq 3
stop_owner
run 'another owner knows' 0 eyelet-event read --cursor all --limit 1
member seq 3
run 'what is written is acknowledged' 0 eyelet-event read --cursor all \
    --limit 1 --ack
member seq 3
run 'as it says' 0 eyelet-event read --cursor all
rows 1
member seq 4
checks=$((checks + 1))
"$bin/eyelet-event" read --cursor all --ack >/dev/full 2>"$err"
status=$?
[ $status = 74 ] || complain "a full disk: status $status"
run 'what is not written is not' 0 eyelet-event read --cursor all
rows 1
run 'what is not there yet' 64 eyelet-event read --cursor all --acked 99
words 'event 99 is not there yet'
run 'all is acknowledged' 0 eyelet-event read --cursor all --ack
run 'nothing is left' 0 eyelet-event read --cursor all --ack
rows 0

# --- each name has its place, and its filter ----------------------------------
run 'from now on' 0 eyelet-event read --cursor new
rows 0
words 'begins with what comes from now'
run 'of one endpoint' 0 eyelet-event read --cursor shop --from seq:2 \
    --endpoint shop --json
rows 2
member seq 4
run 'of a type' 0 eyelet-event read --cursor orders --from 1h \
    --type 'order.*' --limit 0
rows 3
run 'its filter stays' 0 eyelet-event read --cursor orders
rows 3
run 'and may be said again' 0 eyelet-event read --cursor orders \
    --type 'order.*'
rows 3
run 'another is refused' 75 eyelet-event read --cursor orders --type user.new
words 'was made with type "order.*"'
publish e5 shop user.new
run 'what came since' 0 eyelet-event read --cursor new
rows 1
member seq 5

# --- waiting ------------------------------------------------------------------
run 'in vain' 0 eyelet-event read --cursor all --acked 5 --wait 1s
rows 0
(
	sleep 1
	"$bin/eyelet-event" publish --endpoint till --type late.one --id e6 \
	    </dev/null >/dev/null 2>&1
) &
late=$!
run 'until it comes' 0 eyelet-event read --cursor all --wait 1m
rows 1
member seq 6
wait "$late"
run 'no duration' 64 eyelet-event read --cursor all --wait 2m
words 'at most 1m'

# --- cursors ------------------------------------------------------------------
run 'list' 0 eyelet-event cursor list --json
all_json
rows 4
run 'list, for people' 0 eyelet-event cursor list
rows 5
says 'BEHIND'
says 'order.*'
run 'remove' 0 eyelet-event cursor remove shop --json
member state '"removed"'
run 'it is gone' 66 eyelet-event cursor remove shop
words 'no cursor "shop"'
run 'and nothing to acknowledge' 66 eyelet-event cursor ack shop 1
run 'a new one of the name' 0 eyelet-event read --cursor shop --from start
rows 6
run 'no name' 64 eyelet-event read
words '--cursor NAME is missing'
run 'a bad name' 64 eyelet-event read --cursor 'a b'
words 'letters, digits'
run 'an unknown endpoint' 66 eyelet-event read --cursor x --endpoint shpo
words 'did you mean "shop"?'
run 'and no cursor was made' 0 eyelet-event cursor list --json
rows 4
run 'no such word' 64 eyelet-event cursor lits
words 'did you mean "list"?'
run 'ack needs a seq' 64 eyelet-event cursor ack all
run 'a word as seq' 64 eyelet-event cursor ack all one
run 'a place that is none' 64 eyelet-event read --cursor y --from tomorrow
words 'now, start, seq:N'
run 'the audit trail' 0 eyelet-store audit --json
checks=$((checks + 1))
grep -q '"verb":"event.read","target":"all"' "$out" ||
    complain 'that a cursor was made is not on record'
checks=$((checks + 1))
grep -q '"verb":"cursor.remove","target":"shop"' "$out" ||
    complain 'that one was removed is not on record'

# --- retention, and who holds what --------------------------------------------
run 'a destination' 0 eyelet-destination add crm --command /bin/true \
    --from start
run 'prune' 0 eyelet-event prune --json
member segments_dropped 0
member held '[]'
run 'prune, for people' 0 eyelet-event prune
says 'segments dropped'
stop_owner
sed -i 's/^cache = 8m/&\nretain = 1s\nsegment_age = 1s/' "$work/e.conf"
sleep 2
run 'what is old is held' 0 eyelet-event prune --json
member segments_dropped 0
member held.0.holder '"destination"'
member held.0.name '"crm"'
member held.0.seq 1
member held.1.holder '"cursor"'
run 'for people' 0 eyelet-event prune
says 'HELD BY'
says 'crm'
stop_owner
sed -i 's/^retain = 1s/&\nhold_max = 0/' "$work/e.conf"
run 'but not for ever' 0 eyelet-event prune --json
member held '[]'
run 'which a reader is told' 0 eyelet-event read --cursor shop
rows 0
words 'dropped before they were acknowledged'
run 'what eyelet says, where it is asked for' 0 eyelet-event read \
    --cursor own --from start --endpoint eyelet --type delivery.dead \
    --limit 1 --wait 1m
member type '"delivery.dead"'
newest=$("$bin/eyelet-store" status --json |
    sed 's/.*"newest_seq":\([0-9]*\).*/\1/')
run 'once it has acknowledged, no more' 0 eyelet-event read --cursor shop \
    --acked "$newest"
no_words
run 'a dead letter stays' 0 eyelet-event dead list --reason expired --json \
    --limit 1
member seq 6
run 'without its event' 1 eyelet-event retry 6 --destination crm
says 'the log has this event no more'
run 'nor are many' 0 eyelet-event dead retry --reason expired --json
member deliveries 0

verdict
