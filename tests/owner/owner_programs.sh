#!/bin/sh
# The programs as they are installed, one store: an admin program starts the
# owner it needs; whoever dies or is stopped, what was asked for happens once.
# shellcheck source=tests/stand/admin_stand.sh disable=SC2154
. "$top_srcdir/tests/stand/admin_stand.sh"

# expect WHAT TEST-EXPRESSION...
expect() {
	checks=$((checks + 1))
	what=$1
	shift
	[ "$@" ] || complain "$what: [ $* ]"
}

now_ms() {
	echo $(($(date +%s%N) / 1000000))
}

# --- a store that nobody owns -------------------------------------------------
run 'init' 0 eyelet-store init --user "$(id -un)"
expect 'no owner yet' ! -e "$work/store/lock"
before=$(now_ms)
run 'status' 0 eyelet-store status --json
took=$(($(now_ms) - before))
first=$(owner_pid)
member owner.pid "$first"
member owner.role '"store"'
member healthy true
expect 'at once' $took -lt 5000
expect 'by eyelet.fcgi --store' "$(tr '\0' ' ' <"/proc/$first/cmdline")" = \
    "$top_builddir/cgi/eyelet.fcgi --store -c $EYELET_CONFIG "
expect 'that has no terminal' "$(ps -o tty= -p "$first" | tr -d ' ')" = '?'
run 'status again' 0 eyelet-store status --json
member owner.pid "$first"

# --- killed: the next one who asks gets another ------------------------------
kill -KILL "$first"
before=$(now_ms)
run 'status after a kill' 0 eyelet-store status --json
took=$(($(now_ms) - before))
second=$(owner_pid)
member owner.pid "$second"
expect 'another owner' "$second" -ne "$first"
expect 'within five seconds' $took -lt 5000

# --- killed all the time: each change happens, and once ----------------------
n=0
slowest=0
echo $n >"$work/n"
(
	# A change is asked for five times, so fewer owners may die over each.
	kills=0
	over=0
	last=
	while [ $kills -lt 40 ] && [ -e "$work/n" ]; do
		at=$(cat "$work/n")
		[ "${at:-$last}" = "$last" ] || over=0
		last=${at:-$last}
		if [ $over -lt 3 ]; then
			kill -KILL "$(owner_pid)" 2>/dev/null
			kills=$((kills + 1))
			over=$((over + 1))
		fi
		sleep "0.$((kills % 4 + 1))"
	done
) &
killer=$!
while kill -0 $killer 2>/dev/null; do
	n=$((n + 1))
	echo $n >"$work/n"
	before=$(now_ms)
	run "add number $n among kills" 0 eyelet-endpoint add "name$n" \
	    --scheme nomos
	took=$(($(now_ms) - before))
	[ $took -le $slowest ] || slowest=$took
done
wait $killer
expect 'none took long' $slowest -lt 20000
run 'list' 0 eyelet-endpoint list --json
rows "$n"
run 'audit' 0 eyelet-store audit --limit 0 --json
rows "$n"
expect 'each name once' "$(grep -o '"target":"name[0-9]*"' "$out" | sort -u |
    wc -l)" -eq "$n"
run 'check' 0 eyelet-store check
echo "$n changes through 40 kills, the slowest in $slowest ms"

# --- stopped: replaced after thirty seconds, not before ----------------------
stopped=$(owner_pid)
kill -STOP "$stopped"
before=$(now_ms)
run 'status while the owner is stopped' 0 eyelet-store status --json
took=$(($(now_ms) - before))
member owner.pid "$(owner_pid)"
expect 'it was replaced' "$(owner_pid)" -ne "$stopped"
expect 'not before 30 s' $took -ge 29900
expect 'nor long after' $took -lt 45000
run 'what was there is there' 0 eyelet-endpoint list --json
rows "$n"
echo "a stopped owner was replaced after $took ms"

# --- root leaves nothing that the service cannot open ------------------------
if [ "$(id -u)" -ne 0 ]; then
	echo "not root: what root leaves behind is not tested"
	verdict
fi
stop_owner
chown -R 64321:64322 "$work/store" "$work/keys"
chmod 755 "$work"
run 'status as root, of a store that is not root'\''s' 0 eyelet-store \
    status --json
expect 'the owner is the store'\''s' \
    "$(ps -o uid= -p "$(owner_pid)" | tr -d ' ')" = 64321
run 'a change as root' 0 eyelet-endpoint add last --scheme nomos
expect 'nothing is root'\''s' \
    "$(find "$work/store" "$work/keys" -uid 0 | wc -l)" -eq 0
checks=$((checks + 1))
when='another user'
status=0
setpriv --reuid=64323 --regid=64323 --clear-groups "$bin/eyelet-store" \
    -c "$EYELET_CONFIG" status >"$out" 2>"$err" || status=$?
expect 'another user is refused' $status -eq 77
words "sudo -u '#64321' eyelet-store ..."

verdict
