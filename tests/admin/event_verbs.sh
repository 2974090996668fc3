#!/bin/sh
# eyelet-event: every verb and every option, on events that came in by CGI.
# shellcheck source=tests/stand/admin_stand.sh disable=SC2154
. "$top_srcdir/tests/stand/admin_stand.sh"

printf '%s' "$canary" >"$work/secret"
run 'a store' 0 eyelet-store init --user "$(id -un)"
run 'an endpoint' 0 eyelet-endpoint add shop --scheme nimbus \
    --secret-file "$work/secret" --title 'The shop' --label team=web
run 'another' 0 eyelet-endpoint add till --scheme nimbus \
    --secret-file "$work/secret"
words 'same secret'

event_of() {
	printf '{"id":"%s","type":"%s","createdAt":"%s","data":%s}' \
	    "$1" "$2" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$3"
}
first=$(event_of evt_1 order.paid '{"n":12345678901234567890}')
event shop nimbus "$work/secret" "$first" accepted
event shop nimbus "$work/secret" "$first" duplicate
event shop nimbus "$work/secret" "$(event_of evt_2 order.draft '{}')" accepted
event till nimbus "$work/secret" "$(event_of evt_1 order.paid '[]')" accepted
esc=$(printf '\\u001b[2J\\u202egnp')
event till nimbus "$work/secret" "$(event_of "$esc" "$esc" "\"$esc\"")" \
    accepted
middle=$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)
sleep 0.05
event till nimbus "$work/secret" "$(event_of evt_5 user.new '{}')" accepted

# --- list ---------------------------------------------------------------------
run 'list' 0 eyelet-event list --json
all_json
rows 5
no_words
member seq 1
member endpoint '"shop"'
member id '"evt_1"'
member type '"order.paid"'
member secret '"sec_1"'
member status '"accepted"'
member duplicates 1
member size ${#first}
checks=$((checks + 1))
grep -qE '"received_at":"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z"' \
    "$out" || complain 'received_at has another form'
run 'for people' 0 eyelet-event list
says 'RECEIVED'
rows 6
checks=$((checks + 1))
at='20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z'
grep -qE "^ *1  $at  shop +order\.paid +evt_1 +sec_1 +${#first} +1  accepted\$" \
    "$out" || complain 'cells stand under the wrong titles'
run 'endpoint' 0 eyelet-event list --json --endpoint till
rows 3
run 'type' 0 eyelet-event list --json --type 'order.*'
rows 3
run 'type but one' 0 eyelet-event list --json --type 'order.*,!order.draft'
rows 2
run 'id' 0 eyelet-event list --json --id evt_1
rows 2
run 'limit' 0 eyelet-event list --json --limit 2
rows 2
member seq 4
run 'status' 0 eyelet-event list --json --status accepted
rows 5
run 'the other status' 0 eyelet-event list --json --status test
rows 0
run 'no status' 64 eyelet-event list --status tset
words '"accepted" or "test"'
run 'since a time' 0 eyelet-event list --json --since "$middle"
rows 1
run 'until a time' 0 eyelet-event list --json --until "$middle"
rows 4
run 'since an hour ago' 0 eyelet-event list --json --since 1h
rows 5
run 'until an hour ago' 0 eyelet-event list --json --until 1h
rows 0
run 'unknown endpoint' 66 eyelet-event list --endpoint shpo
words 'did you mean "shop"?'
run 'no time' 64 eyelet-event list --since yesterday
words '2026-01-15T10:30:00Z'
run 'no number' 64 eyelet-event list --limit few
words '--limit'
run 'no pattern' 65 eyelet-event list --type 'a*b'

# --- tail ---------------------------------------------------------------------
run 'tail' 0 eyelet-event tail --json
all_json
rows 5
member seq 5
run 'tail of two' 0 eyelet-event tail --json --limit 2
rows 2
member seq 5
run 'tail of an endpoint' 0 eyelet-event tail --json --endpoint shop --limit 1
rows 1
member seq 2
run 'tail of a type' 0 eyelet-event tail --json --type 'order.*'
rows 3
run 'tail of an id' 0 eyelet-event tail --json --id evt_1
rows 2
run 'tail of a status' 0 eyelet-event tail --json --status test
rows 0
run 'tail since a time' 0 eyelet-event tail --json --since "$middle"
rows 1
run 'tail for people' 0 eyelet-event tail
says 'RECEIVED'
rows 6
run 'tail, two beginnings' 64 eyelet-event tail --since 1h --limit 1
words '--since and --limit'
run 'tail of nothing' 0 eyelet-event tail --type nothing
words 'no such events'

# --- show ---------------------------------------------------------------------
run 'show' 0 eyelet-event show 1
says 'The shop'
says 'team=web'
says '"n": 12345678901234567890'
run 'show, for scripts' 0 eyelet-event show 1 --json
all_json
member body "$(python3 -c 'import json, sys; print(json.dumps(sys.argv[1]))' \
    "$first")"
run 'show by id' 0 eyelet-event show --id evt_2 --json
member seq 2
run 'show by an id of two' 64 eyelet-event show --id evt_1
words '--endpoint'
run 'show by id and endpoint' 0 eyelet-event show --id evt_1 \
    --endpoint till --json
member seq 3
run 'raw' 0 eyelet-event show 1 --raw
checks=$((checks + 1))
printf '%s' "$first" | cmp -s - "$out" || complain 'raw is not the body'
run 'no such seq' 66 eyelet-event show 99
run 'no seq' 64 eyelet-event show evt_1
words '--id'
run 'seq 0' 64 eyelet-event show 0
run 'nothing named' 64 eyelet-event show
run 'both named' 64 eyelet-event show 1 --id evt_1
run 'raw and json' 64 eyelet-event show 1 --raw --json
words 'exclude'

# --- export -------------------------------------------------------------------
run 'export' 0 eyelet-event export
all_json
rows 5
member seq 5
member body "$(python3 -c 'import json, sys; print(json.dumps(sys.argv[1]))' \
    "$(cat "$work/body")")"
run 'export, filtered' 0 eyelet-event export --endpoint shop \
    --type order.paid --status accepted --since 1h --until "$middle" --limit 1
rows 1
member seq 1
run 'export by id' 0 eyelet-event export --id evt_5
rows 1
run 'export of a status' 0 eyelet-event export --status test
rows 0
run 'export of one' 0 eyelet-event export 2
rows 1
member seq 2
run 'export of one, raw' 0 eyelet-event export 1 --raw
checks=$((checks + 1))
printf '%s' "$first" | cmp -s - "$out" || complain 'raw is not the body'
run 'export raw of many' 64 eyelet-event export --raw
words 'SEQ'
run 'export of one, filtered' 64 eyelet-event export 1 --endpoint shop
words '--endpoint'

# --- stats --------------------------------------------------------------------
run 'stats' 0 eyelet-event stats --json
all_json
rows 7
run 'stats of one' 0 eyelet-event stats --json --endpoint shop
rows 3
member counts.accepted 2
member counts.duplicate 1
run 'stats of a type' 0 eyelet-event stats --json --endpoint shop \
    --type order.paid
rows 2
run 'stats of a status' 0 eyelet-event stats --json --endpoint shop \
    --status test
rows 1
run 'stats of a time' 0 eyelet-event stats --json --endpoint till \
    --since "$middle"
rows 2
run 'stats before a time' 0 eyelet-event stats --json --endpoint till \
    --until "$middle"
rows 3
run 'stats for people' 0 eyelet-event stats
says 'order.paid'
says 'DUPLICATE'

# --- what an event holds drives no terminal -----------------------------------
for verb in 'list' 'tail' 'show 4' 'stats' 'export' 'list --json' \
    'tail --json' 'show 4 --json' 'stats --json'; do
	# shellcheck disable=SC2086 # words
	run "inert: $verb" 0 eyelet-event $verb
	checks=$((checks + 1))
	python3 - "$out" <<'EOF' || complain "$verb: not inert"
import sys, unicodedata
text = open(sys.argv[1], "rb").read().decode("utf-8")
bad = [c for c in text if c != "\n" and unicodedata.category(c) in
       ("Cc", "Cf", "Zl", "Zp", "Cs")]
sys.exit(repr(bad) if bad else 0)
EOF
done
says 'u001b'

# --- how far it looked --------------------------------------------------------
run 'a short search' 0 eyelet-event list --type user.new
no_words
checks=$((checks + 1))
python3 - "$top_builddir/cgi/eyelet.fcgi" "$canary" <<'EOF' ||
import concurrent.futures, datetime, hashlib, hmac, json, os, subprocess, sys
now = datetime.datetime.utcnow().strftime("%Y-%m-%dT%H:%M:%SZ")
def post(n):
    body = json.dumps({"id": "many_%d" % n, "type": "many.one",
                       "createdAt": now}).encode()
    env = dict(os.environ, GATEWAY_INTERFACE="CGI/1.1", REQUEST_METHOD="POST",
               PATH_INFO="/hooks/shop", SCRIPT_NAME="/x",
               REMOTE_ADDR="127.0.0.1", CONTENT_TYPE="application/json",
               CONTENT_LENGTH=str(len(body)),
               HTTP_X_WEBHOOK_SIGNATURE=hmac.new(
                   sys.argv[2].encode(), body, hashlib.sha256).hexdigest())
    return b"accepted" in subprocess.run(
        [sys.argv[1]], env=env, input=body, capture_output=True).stdout
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    sys.exit(not all(pool.map(post, range(1000))))
EOF
	complain 'a thousand events did not come in'
run 'a long search' 0 eyelet-event list --type user.new --json
rows 1
words 'looked at 1005 events'
words '1 of them match'
run 'a search that ends early' 0 eyelet-event list --type 'many.*' --limit 1
no_words

# --- removed endpoints keep their events --------------------------------------
run 'remove' 0 eyelet-endpoint remove till --yes
run 'its events' 0 eyelet-event list --json --endpoint till
rows 3
run 'one of them' 0 eyelet-event show 3 --json
member endpoint '"till"'
member endpoint_removed true

# --- output that cannot be written --------------------------------------------
for verb in 'list --json --limit 1' 'list --json --limit 0' help; do
	checks=$((checks + 1))
	# shellcheck disable=SC2086 # words
	"$bin/eyelet-event" $verb >/dev/full 2>"$err"
	status=$?
	[ $status = 74 ] || complain "$verb on a full disk: status $status"
done

verdict
