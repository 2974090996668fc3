#!/bin/sh
# An owner that dies, at whatever instant, or is stopped, is replaced by who
# needs one next; what was asked of it is asked again, and done once.
# shellcheck source=tests/stand/owner_lib.sh disable=SC2154
. "$top_srcdir/tests/stand/owner_lib.sh"
echo='{"op":"echo"}'

# --- killed between calls
fresh
ask call "$echo"
first=$(last_owner)
kill -KILL "$first"
ask call "$echo"
check "after a kill" "$out" = "$echo"
check "after a kill, soon" $took -lt $patience
check "a second owner" "$(count_owners)" -eq 2

# --- killed in the middle of a call that took effect: one effect, one answer
for role in admin cgi; do
	fresh
	ask call --role $role '{"op":"once","die":1}'
	check "killed over a call ($role)" "$out" = '{"line":1}'
	check "one effect ($role)" "$(wc -l <"$store/journal")" -eq 1
	check "two owners ($role)" "$(count_owners)" -eq 2
	ask call --role $role '{"op":"once"}'
	check "the next call is another one ($role)" "$out" = '{"line":2}'
done

# --- so a call of the deliverer's
fresh
ask feed '{"op":"once","die":1}'
check "killed over a feed" "$out" = '{"line":1}'
check "owners of a feed" "$(count_owners)" -eq 2
ask feed '{"op":"fail"}'
check "a feed that fails" $status -eq 1
ask feed '{"op":"die"}'
says "a deadly feed" "away: tried 5 times"

# --- killed between a row and the end: the row does not come again
fresh
ask call '{"op":"once","late":1}'
check "killed behind the row" $status -eq 0
check "one row" "$out" = '{"line":1}'
check "its one effect" "$(wc -l <"$store/journal")" -eq 1
check "its owners" "$(count_owners)" -eq 2
ask call '{"op":"row-and-die"}'
check "always killed behind the row" $status -eq 1
check "the row came once" "$out" = '{"op":"row-and-die"}'
says "always killed behind the row" "away: tried 5 times"

# --- where the next owner answers otherwise, nobody knows what is missing
fresh
ask call '{"op":"who-and-die"}'
check "another row" $status -eq 1
check "another row's owners" "$(count_owners)" -eq 2
check "only the first one came" "$(echo "$out" | grep -c owner)" -eq 1
says "another row" "away: the owner of the store went away in the middle"

# --- a call that kills every owner does not go on for ever
fresh
ask call '{"op":"die"}'
check "a deadly call" $status -eq 1
check "a deadly call's owners" "$(count_owners)" -eq 5
says "a deadly call" "away: tried 5 times"

# --- requests through many kills: each is answered
fresh
ask call "$echo"
n=0
echo $n >"$scratch/n"
(
	# A request is sent five times, so fewer owners may die over each.
	kills=0
	over=0
	last=
	while [ $kills -lt 25 ] && [ -e "$scratch/n" ]; do
		at=$(cat "$scratch/n")
		[ "${at:-$last}" = "$last" ] || over=0
		last=${at:-$last}
		if [ $over -lt 3 ]; then
			kill -KILL "$(last_owner)" 2>/dev/null
			kills=$((kills + 1))
			over=$((over + 1))
		fi
		sleep 0.3
	done
) &
killer=$!
while kill -0 $killer 2>/dev/null; do
	ask receive --role cgi /later hello
	check "a request among kills" "$out" = "200 text/plain hello"
	check "a request among kills, soon" $took -le $((3 * patience))
	n=$((n + 1))
	echo $n >"$scratch/n"
done
wait $killer
check "owners among kills" "$(count_owners)" -ge 15

# --- stopped: an administrator sees it replaced
fresh
ask call "$echo"
first=$(last_owner)
kill -STOP "$first"
echo "locking_ms 500" >"$scratch/knobs"
ask call --stall 16000 "$echo"
check "a stopped owner" "$out" = "$echo"
check "not before its time" $took -ge 16
check "not long after" $took -lt 29
is_gone "$first" || check "it is gone" no = yes
check "a new one" "$(count_owners)" -eq 2
check "no mark is left" ! -L "$store/silent"

# --- stopped in the middle of a call
fresh
"$helper" call --stall 3000 -c "$file" '{"op":"sleep","ms":1500}' \
    >"$scratch/out" 2>&1 &
caller=$!
until_true 300 test -e "$store/sleeping"
kill -STOP "$(last_owner)"
wait $caller
check "stopped over a call" $? -eq 0
check "stopped over a call: a new one" "$(count_owners)" -eq 2

# --- stopped: a CGI run gives up after 5 s; the next ones count on
fresh
ask call "$echo"
first=$(last_owner)
kill -STOP "$first"
ask receive --role cgi --stall 8000 /hooks/x hello
check "a CGI run gives up" $status -eq 1
check "after 5 s" $took -le $((5 + patience))
says "a CGI run" "timeout: "
check "a mark is left" -L "$store/silent"
! is_gone "$first" || check "it lives still" no = yes
sleep 2
ask receive --role cgi --stall 8000 /hooks/x hello
check "the next CGI run" "$out" = "200 text/plain hello"
check "the next CGI run, in time" $took -le $((5 + patience))
is_gone "$first" || check "it is gone, too" no = yes

# --- the client is stopped, not the owner: nobody is killed
fresh
ask call "$echo"
"$helper" call --stall 3000 -c "$file" '{"op":"sleep","ms":8000}' \
    >"$scratch/out" 2>&1 &
caller=$!
until_true 300 test -e "$store/sleeping"
kill -STOP $caller
sleep 5
kill -CONT $caller
wait $caller
check "a stopped client's call" $? -eq 0
check "a stopped client's owner" "$(count_owners)" -eq 1

# --- stopped for a while, and then not: it lives
fresh
ask call "$echo"
first=$(last_owner)
kill -STOP "$first"
(
	sleep 3
	kill -CONT "$first"
) &
ask call --stall 15000 "$echo"
wait $!
check "continued" "$out" = "$echo"
check "continued, the same" "$(count_owners)" -eq 1
until_true 300 test ! -L "$store/silent"
check "continued, no mark" ! -L "$store/silent"

finish
