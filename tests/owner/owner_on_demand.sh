#!/bin/sh
# Who needs an owner and finds none starts one; of many who do so at once all
# are served, by one owner.
# shellcheck source=tests/stand/owner_lib.sh disable=SC2154
. "$top_srcdir/tests/stand/owner_lib.sh"
echo='{"op":"echo"}'

# --- the first call starts an owner, the second finds it
fresh
ask call "$echo"
check "the first call" $status -eq 0
check "the first call's row" "$out" = "$echo"
ask status
check "who owns" "$out" = "$(last_owner) store $(cd "$top_builddir" &&
    sed -n 's/^PACKAGE_VERSION = //p' Makefile)"
check "one owner" "$(count_owners)" -eq 1
pid=$(last_owner)
check "it leads a session of its own" "$(ps -o sid= -p "$pid" | tr -d ' ')" \
    = "$pid"
check "its stdin" "$(readlink "/proc/$pid/fd/0")" = /dev/null
check "its stdout" "$(readlink "/proc/$pid/fd/1")" = /dev/null

# --- a clean environment, no descriptor of the caller
fresh
HTTP_PROXY=evil QUERY_STRING=evil SECRET=evil ask call "$echo" 7<"$file"
pid=$(last_owner)
check "its environment" "$(tr '\0' '\n' <"/proc/$pid/environ" |
    grep -c evil)" -eq 0
check "the caller's descriptor" "$(find "/proc/$pid/fd" -lname "$file" |
    wc -l)" -eq 0

# --- a relative configuration
fresh
cd "$scratch" || exit 73
out=$("$helper" call -c eyelet.conf "$echo")
check "a relative configuration" "$out" = "$echo"
check "it is absolute to who stays" "$(tr '\0' ' ' \
    <"/proc/$(last_owner)/cmdline")" = "$helper --store -c $file "
cd / || exit 73

# --- a webhook request starts one, too
fresh
ask receive --role cgi /hooks/x hello
check "a request" "$out" = "200 text/plain hello"

# --- forty at once on a fresh store
fresh
i=0
pids=
while [ $i -lt 40 ]; do
	"$helper" call --role cgi -c "$file" "$echo" >"$scratch/out.$i" 2>&1 &
	pids="$pids $!"
	i=$((i + 1))
done
for pid in $pids; do
	wait "$pid" || check "one of forty" no = yes
done
check "rows of forty" "$(cat "$scratch"/out.* | grep -cxF "$echo")" -eq 40
check "one owner of forty" "$(count_owners)" -eq 1

# --- a long path
long=$scratch/$(printf '%060d/%060d' 0 0)
fresh_at "$long/store"
ask call "$echo"
check "a path of ${#long} bytes" "$out" = "$echo"
fresh

# --- an owner that cannot start: its own words, at once
fresh
echo "fail the key file is gone" >"$scratch/knobs"
ask call "$echo"
check "an owner that fails" $status -eq 1
check "an owner that fails, at once" $took -lt $patience
check "an owner that fails, once" "$(grep -c failed "$scratch/owners")" -eq 1
says "an owner that fails" "away: start $helper --store: owner_helper: the key file is gone"

# --- a program that is not there
fresh
sed "s,^program = .*,program = $scratch/none," "$file" >"$file.2"
mv "$file.2" "$file"
ask call "$echo"
says "no program" "not-found: start $scratch/none --store: No such file"

# --- no store
fresh
rmdir "$store"
ask call "$echo"
says "no store" "not-found: there is no folder $store: make the store with \"eyelet-store init\""

# --- an owner that takes its time to open is waited for; not for ever
fresh
echo "opening_ms 2500" >"$scratch/knobs"
ask call "$echo"
check "a slow owner" "$out" = "$echo"
check "a slow owner took its time" $took -ge 2
fresh
echo "opening_ms 20000" >"$scratch/knobs"
ask call "$echo"
check "a very slow owner is not waited for" $took -lt 20
says "a very slow owner" "is opening it still"
check "a very slow owner was not killed" "$(count_owners)" -eq 1
until_true 300 "$helper" call -c "$file" "$echo" >/dev/null 2>&1
check "later it serves" "$(count_owners)" -eq 1

# --- a tool that works offline is neither served by, nor killed
fresh
"$helper" hold -c "$file" &
started=$!
until_true 300 grep -qs owned "$scratch/owners"
ask call --stall 1000 "$echo"
check "offline" $status -eq 1
check "offline, at once" $took -lt $patience
says "offline" "away: process $started holds the store $store (offline), and serves nobody"
! is_gone "$started" || check "offline, alive" no = yes
kill -KILL "$started"
wait "$started" 2>/dev/null
ask call "$echo"
check "offline no more" "$out" = "$echo"

# --- one that nobody needs leaves
fresh
echo "idle_s 1" >"$scratch/knobs"
ask call "$echo"
check "it leaves" -n "$(last_owner)"
until_true 300 grep -qs left "$scratch/owners"
check "it left" "$(grep -c left "$scratch/owners")" -eq 1
ask call "$echo"
check "the next one serves" "$out" = "$echo"

finish
