#!/bin/sh
# eyelet-store: every verb and every option, against a real owner.
# shellcheck source=tests/stand/admin_stand.sh disable=SC2154
. "$top_srcdir/tests/stand/admin_stand.sh"

me=$(id -un)

# --- init ---------------------------------------------------------------------
run 'nothing there yet' 66 eyelet-store status
words 'eyelet-store init'
run 'init' 0 eyelet-store init --user "$me"
says "$work/store"
says "$work/keys/store.key"
words 'Back up'
words 'eyelet-endpoint add'
checks=$((checks + 1))
modes=$(stat -c %a "$work/store" "$work/keys" "$work/keys/store.key" |
    tr '\n' ' ')
[ "$modes" = '700 700 600 ' ] || complain "init: the modes are $modes"
run 'init again' 73 eyelet-store init --user "$me"
words 'store'

sed "s,$work/,$work/two/," "$EYELET_CONFIG" >"$work/two.conf"
run 'init elsewhere, -c' 0 eyelet-store -c "$work/two.conf" init --user "$me" --json
all_json
member store "\"$work/two/store\""
member key_was_there false
sed -i 's/^eyelet-store [0-9]*/eyelet-store 1/' "$work/two/store/STORE"
cp "$work/two/store/STORE" "$work/STORE.was"
run 'a store of an older release' 69 eyelet-store -c "$work/two.conf" status
words "store $work/two/store has format 1, of an older release"
words 'set store.path to another folder'
words 'eyelet-store init'
sed 's,/two/store,/two/another,' "$work/two.conf" >"$work/another.conf"
run 'the cure: init in another folder' 0 eyelet-store \
    -c "$work/another.conf" init --user "$me"
run 'and it serves' 0 eyelet-store -c "$work/another.conf" status --json
member healthy true
checks=$((checks + 1))
cmp -s "$work/STORE.was" "$work/two/store/STORE" ||
    complain 'the store of the older release was changed'
rm -rf "$work/two/another" "$work/another.conf" \
    "$work/STORE.was"
rm -rf "$work/two/store"
run 'init with the key that is there' 0 eyelet-store -c "$work/two.conf" \
    init --user "$me" --json
member key_was_there true
words 'the key that was there'
rm -rf "$work/two/store"
echo junk >"$work/two/keys/store.key"
run 'init with a key that is none' 65 eyelet-store -c "$work/two.conf" init \
    --user "$me"
rm -rf "$work/two"
mkdir -p "$work/two/store"
chmod 755 "$work/two/store"
run 'init in a folder open to others' 77 eyelet-store -c "$work/two.conf" \
    init --user "$me"
words "chmod 700 $work/two/store"
rm -rf "$work/two"
mkdir "$work/two"
ln -s /nowhere "$work/two/store"
run 'init over a symbolic link' 77 eyelet-store -c "$work/two.conf" init \
    --user "$me"
words "t=\$(readlink -f $work/two/store) && rm $work/two/store"
rm -rf "$work/two"
run 'unknown user' 66 eyelet-store -c "$work/two.conf" init \
    --user nobody-here
words 'nobody-here'
run 'oneself' 0 eyelet-store -c "$work/two.conf" init --user "$me" --json
member user "\"$me\""
rm -rf "$work/two"
if [ "$(id -u)" = 0 ]; then
	run 'root names no user' 64 eyelet-store -c "$work/two.conf" init \
	    </dev/null
	words '--user www-data'
	checks=$((checks + 1))
	[ ! -e "$work/two" ] || complain 'something was made all the same'
fi
if [ "$(id -u)" = 0 ] && id daemon >/dev/null 2>&1; then
	chmod 755 "$work"
	run 'for another user' 0 eyelet-store -c "$work/two.conf" init \
	    --user daemon --json
	member user '"daemon"'
	checks=$((checks + 1))
	owners=$(find "$work/two/store" "$work/two/keys" -exec stat -c %U {} + |
	    sort -u)
	[ "$owners" = daemon ] || complain "init: owned by $owners"
	chmod 700 "$work"
	rm -rf "$work/two"
else
	run 'for another user, without being root' 77 eyelet-store \
	    -c "$work/two.conf" init --user root
	words 'sudo'
fi

# --- a new store is empty, and says so ----------------------------------------
run 'no endpoints' 0 eyelet-endpoint list
words 'eyelet-endpoint add NAME'
run 'no endpoints, for scripts' 0 eyelet-endpoint list --json
rows 0
no_words
run 'no events' 0 eyelet-event list
words 'no such events'
run 'no events, for scripts' 0 eyelet-event list --json
rows 0
no_words

# --- status -------------------------------------------------------------------
run 'status starts an owner' 0 eyelet-store status --json
all_json
rows 1
member owner.role '"store"'
member owner.pid "$(owner_pid)"
member healthy true
member endpoints 0
run 'its version is ours' 0 eyelet-store --version
version=$(sed 's/^eyelet-store //' "$out")
run 'status again' 0 eyelet-store status --json
member owner.version "\"$version\""
for name in store events segments secrets bytes_events bytes_log bytes_free \
    dedupe_keys horizon_s horizon_now_s last_checkpoint_at last_flush_at; do
	says "\"$name\":"
done
run 'status for people' 0 eyelet-store status
says 'owner'
says "pid=$(owner_pid)"
says 'horizon'
says '35d'

# --- check, prune -------------------------------------------------------------
run 'check' 0 eyelet-store check
says 'as it should be'
run 'check for scripts' 0 eyelet-store check --json
all_json
member problems 0
run 'prune' 0 eyelet-store prune --json
all_json
member segments_dropped 0
run 'prune for people' 0 eyelet-store prune
says 'segments dropped'

# --- config -------------------------------------------------------------------
run 'config' 0 eyelet-store config
says 'store.retain'
says "$work/e.conf:2"
words "$work/e.conf, named by EYELET_CONFIG"
run 'config for scripts' 0 eyelet-store config --json
all_json
rows "$(grep -cE '^#?[a-z_]+ = ?' "$top_srcdir/conf/eyelet.conf")"
says '{"setting":"store.retain","value":"30d","from":"default",'
says "{\"setting\":\"store.floor\",\"value\":\"0\",\"from\":\"$work/e.conf:4\","
member named_by '"EYELET_CONFIG"'
run 'config, -c' 0 eyelet-store -c "$work/e.conf" config --json
member named_by '"-c"'
long=/$(printf '%0150d' 0)
printf '[store]\npath = %s\n[receive]\ntrusted_proxies = 10.0.0.1\n  10.0.0.2\n' \
    "$long" >"$work/long.conf"
run 'config without a store' 0 eyelet-store -c "$work/long.conf" config
says "$long  $work/long.conf:2"
says '10.0.0.1 10.0.0.2'
echo 'x = 1' >"$work/bad.conf"
run 'config that is none' 78 eyelet-store -c "$work/bad.conf" config
words "$work/bad.conf:1"

# --- audit --------------------------------------------------------------------
run 'a change' 0 eyelet-endpoint add shop --scheme nomos
run 'audit' 0 eyelet-store audit --json
all_json
rows 3
member verb '"endpoint.add"'
member target '"shop"'
member program '"eyelet-endpoint"'
member uid "$(id -u)"
run 'audit for people' 0 eyelet-store audit
says 'store.prune'
run 'audit, the newest' 0 eyelet-store audit --json --limit 1
rows 1
member verb '"endpoint.add"'
run 'audit since' 0 eyelet-store audit --json --since 1h
rows 3
middle=$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)
run 'later' 0 eyelet-endpoint disable shop
run 'audit since a time' 0 eyelet-store audit --json --since "$middle"
rows 1
member verb '"endpoint.disable"'
n=0
while [ $n -lt 60 ]; do
	"$bin/eyelet-endpoint" enable shop >/dev/null 2>&1
	n=$((n + 1))
done
run 'audit shows 50 unless told' 0 eyelet-store audit --json
rows 50
run 'audit shows all' 0 eyelet-store audit --json --limit 0
rows 64
run 'no time' 64 eyelet-store audit --since never
words '--since'
run 'no number' 64 eyelet-store audit --limit x
words '--limit'

# --- rekey --------------------------------------------------------------------
printf '%s' "$canary" >"$work/secret"
run 'a secret' 0 eyelet-secret stage shop --secret-file "$work/secret"
cp "$work/keys/store.key" "$work/old.key"
run 'rekey' 0 eyelet-store rekey
says 'before'
words "back up $work/keys/store.key"
checks=$((checks + 1))
! cmp -s "$work/keys/store.key" "$work/old.key" || complain 'rekey: one key'
run 'rekey for scripts' 0 eyelet-store rekey --json
all_json
rows 1
member endpoints 1
member secrets 1
stop_owner
run 'the secret is the same' 0 eyelet-secret reveal shop
says "$canary"
run 'it is recorded' 0 eyelet-store audit --json --limit 2
says '"verb":"store.rekey"'
silent_on "$canary"
stop_owner
mv "$work/keys/store.key" "$work/new.key"
cp "$work/old.key" "$work/keys/store.key"
run 'the old key opens nothing' 69 eyelet-secret reveal shop
words 'from its backup'
mv "$work/new.key" "$work/keys/store.key"
run 'the new one does' 0 eyelet-secret reveal shop

# --- adopt: all of what it does is in store_copied.py --------------------------
run 'no copy' 75 eyelet-store adopt
words 'is no copy'
stop_owner
cp -a "$work/store" "$work/kept"
rm -r "$work/store"
cp -a "$work/kept" "$work/store"
rm -r "$work/kept"
run 'a copy' 1 eyelet-store status
says 'yes'
words 'eyelet-store adopt'
run 'adopt' 0 eyelet-store adopt --json
all_json
rows 1
member was '"yes"'
words 'the original must not deliver'
run 'it is recorded, too' 0 eyelet-store audit --json --limit 1
says '"verb":"store.adopt"'
run 'a copy no longer' 0 eyelet-store status --json
member copy '"no"'
member deliveries_held false

# --- damage -------------------------------------------------------------------
stop_owner
chmod 644 "$work/keys/store.key"
run 'a key that others can read' 69 eyelet-store status
words 'chmod'
chmod 600 "$work/keys/store.key"
run 'mended' 0 eyelet-store status

verdict
