#!/bin/sh
# eyelet-event's verbs about deliveries: every one and every option, on what a
# deliverer would have reported.
# shellcheck source=tests/stand/admin_stand.sh disable=SC2154
. "$top_srcdir/tests/stand/admin_stand.sh"

report() {
	"$top_builddir/tests/stand/delivery_report" "$@" ||
	    complain "delivery_report $*"
}
publish() {
	run "publish $1" 0 eyelet-event publish --endpoint shop --id "$1" \
	    --type "$2" --json </dev/null
}

run 'a store' 0 eyelet-store init --user "$(id -un)"
run 'an endpoint' 0 eyelet-endpoint add shop --scheme nomos
publish e1 order.paid
publish e2 order.sent
publish e3 user.new
publish e4 order.paid
publish e5 order.paid
publish e6 user.new
run 'a destination' 0 eyelet-destination add crm --command /bin/true \
    --from start --order strict
run 'another' 0 eyelet-destination add late --command /bin/true
report attempt crm 1 1 delivered 200
report attempt crm 2 1 failed 503 'HTTP 503'
report row crm 2 shop e2 order.sent retrying 1 503 '' 'HTTP 503'
report attempt crm 3 1 dead 500
report row crm 3 shop e3 user.new dead 1 500 exhausted 'HTTP 500' '<h1>no</h1>'
report row crm 4 shop e4 order.paid parked
report row crm 5 shop e5 order.paid pending
report cursor crm 6

# --- list, show ---------------------------------------------------------------
run 'dead' 0 eyelet-event list --status dead --json
all_json
rows 1
member seq 3
member destination '"crm"'
member state '"dead"'
member reason '"exhausted"'
member attempts_made 1
member last_status 500
run 'dead, for people' 0 eyelet-event list --status dead
rows 2
says 'exhausted'
says 'DESTINATION'
run 'retrying' 0 eyelet-event list --status retrying --destination crm --json
rows 1
member seq 2
run 'parked' 0 eyelet-event list --status parked --json
member seq 4
run 'pending' 0 eyelet-event list --status pending --destination crm --json
rows 2
member seq 5
run 'delivered' 0 eyelet-event list --status delivered --json
rows 1
member seq 1
run 'all of one' 0 eyelet-event list --destination crm --json
rows 6
run 'and a type' 0 eyelet-event list --destination crm --type user.new --json
rows 2
run 'none' 0 eyelet-event list --destination late
words 'no such deliveries'
run 'no such destination' 66 eyelet-event list --destination cmr
words 'did you mean "crm"?'
run 'events are events still' 0 eyelet-event list --status accepted --json
member status '"accepted"'
run 'show' 0 eyelet-event show 2
says 'crm: retrying, next attempt at 20'
says 'HTTP 503'
says '503'
run 'show the dead' 0 eyelet-event show 3
says 'crm: dead (exhausted)'
says 'last reply: <h1>no</h1>'
run 'show, for scripts' 0 eyelet-event show 2 --json
member deliveries.0.state '"retrying"'
member deliveries.0.attempts.0.status 503
member deliveries.0.attempts.0.took_ms 12

# --- retry --------------------------------------------------------------------
run 'retry one' 0 eyelet-event retry 2 --json
all_json
rows 1
member outcome '"retried"'
member was '"retrying"'
member state '"pending"'
run 'retry it again' 1 eyelet-event retry 2
says 'it is pending already'
run 'retry some' 1 eyelet-event retry 3 1 --destination crm --json
rows 2
member outcome '"nothing"'
run 'retry by destination and status' 0 eyelet-event retry --destination crm \
    --status parked --json
member deliveries 1
run 'there is no more' 0 eyelet-event retry --destination crm
words 'no such deliveries'
run 'retry nothing' 64 eyelet-event retry
words 'name events by their seqs'
run 'retry a word' 64 eyelet-event retry three
words '"three" is no seq'
run 'retry what is delivered' 64 eyelet-event retry --destination crm \
    --status delivered
words 'retrying, parked or dead'

# --- skip, park ---------------------------------------------------------------
run 'park' 0 eyelet-event park 2 --destination crm
says 'parked'
says 'blocks nobody'
run 'skip' 0 eyelet-event skip 2 --destination crm --json
member state '"dead"'
run 'skip what is not reached' 1 eyelet-event skip 6 --destination crm
says 'in its turn'
run 'skip, nowhere' 64 eyelet-event skip 2
words '--destination NAME is missing'
run 'park, nowhere' 64 eyelet-event park 2
words '--destination NAME is missing'

# --- dead ---------------------------------------------------------------------
run 'dead list' 0 eyelet-event dead list --json
rows 1
member reason '"skipped"'
run 'dead list of one' 0 eyelet-event dead list --destination late
words 'no such deliveries'
run 'dead list by reason' 0 eyelet-event dead list --reason exhausted --json
rows 0
run 'dead list, limited' 0 eyelet-event dead list --limit 1 --json
rows 1
run 'dead retry by reason' 0 eyelet-event dead retry --reason skipped --json
member deliveries 1
run 'it is pending now' 0 eyelet-event list --status pending --json \
    --destination crm --limit 10
rows 5
run 'skip it anew' 0 eyelet-event skip 2 --destination crm
run 'dead retry by seq' 0 eyelet-event dead retry 2 --destination crm --json
member outcome '"retried"'
run 'and dead again' 0 eyelet-event skip 2 3 --destination crm
run 'drop asks' 64 eyelet-event dead drop 2 </dev/null
words '--yes'
run 'drop one' 0 eyelet-event dead drop 2 --yes --json
member outcome '"dropped"'
run 'drop by destination' 0 eyelet-event dead drop --destination crm --yes \
    --json
member deliveries 1
run 'it shows' 0 eyelet-event show 2
says 'crm: dropped'
run 'drop all there are' 64 eyelet-event dead drop --yes
words 'a destination or a reason'
run 'no such word' 64 eyelet-event dead lits
words 'did you mean "list"?'
run 'dead list takes no seq' 64 eyelet-event dead list 3
run 'dead list asks nothing' 64 eyelet-event dead list --yes
run 'dead retry asks nothing' 64 eyelet-event dead retry 3 --yes
run 'dead drop has no limit' 64 eyelet-event dead drop 3 --limit 1 --yes

# --- replay -------------------------------------------------------------------
run 'dry run' 0 eyelet-event replay --from-seq 1 --dry-run
says 'NOT REACHED'
words 'nothing was changed'
run 'dry run, for scripts' 0 eyelet-event replay --from-seq 1 --to-seq 3 \
    --destination crm --dry-run --json
all_json
rows 2
member dry_run true
member events 3
run 'nothing was' 0 eyelet-event list --status pending --destination late \
    --json
rows 0
run 'replay one' 0 eyelet-event replay 1 --destination crm --json
member events 1
run 'it waits' 0 eyelet-event show 1 --json
member deliveries.0.state '"pending"'
id=00112233445566778899aabbccddeeff
run 'replay with a request id' 0 eyelet-event replay --destination late \
    --type 'order.*' --since 1h --until 2100-01-01T00:00:00Z --endpoint shop \
    --status accepted --request-id $id --json
member request_id "\"$id\""
run 'of each type one' 0 eyelet-event list --status pending \
    --destination late --json
rows 4
run 'and again' 0 eyelet-event replay --destination late --type 'order.*' \
    --since 1h --until 2100-01-01T00:00:00Z --endpoint shop \
    --status accepted --request-id $id
says 'late'
words "request $id"
run 'by id' 0 eyelet-event replay --id e6 --destination late
says 'late'
run 'no such event' 0 eyelet-event replay --type nothing
words 'no such events'
run 'nobody wants it' 0 eyelet-destination edit late --events nothing
run 'nobody wants it' 0 eyelet-event replay 3 --destination late
words 'No destination wants these events'
run 'replay nothing' 64 eyelet-event replay
words 'name the events'
run 'replay what there is not' 66 eyelet-event replay 99
run 'no request id' 64 eyelet-event replay 1 --request-id 12
words '32 hexadecimal digits'

run 'the audit trail' 0 eyelet-store audit --limit 0
for verb in retry skip park drop replay; do
	says "delivery.$verb"
done

verdict
