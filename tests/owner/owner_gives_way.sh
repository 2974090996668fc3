#!/bin/sh
# An owner gives way to a newer release, and one that was started on demand to
# a FastCGI process; an older program is told to be replaced. Other users may
# send requests and nothing else.
# shellcheck source=tests/stand/owner_lib.sh disable=SC2154
. "$top_srcdir/tests/stand/owner_lib.sh"
echo='{"op":"echo"}'

# --- a newer client: the old owner leaves, a new one is started
fresh
echo "version 1.2.0" >"$scratch/knobs"
ask call --version 1.2.0 "$echo"
check "the old release" "$out" = "$echo"
first=$(last_owner)
echo "version 1.10.0" >"$scratch/knobs"
ask status --version 1.10.0
check "the new release" "$out" = "$(last_owner) store 1.10.0"
check "two owners" "$(count_owners)" -eq 2
check "the old one left by itself" "$(grep -c "left $first" \
    "$scratch/owners")" -eq 1

# --- while it finishes a call that is under way
fresh
echo "version 1.2.0" >"$scratch/knobs"
ask call --version 1.2.0 "$echo"
"$helper" call --version 1.2.0 -c "$file" '{"op":"sleep","ms":1500}' &
caller=$!
until_true 300 test -e "$store/sleeping"
rm -f "$store/sleeping"
echo "version 1.3.0" >"$scratch/knobs"
ask status --version 1.3.0
check "waited for" "$out" = "$(last_owner) store 1.3.0"
wait $caller
check "the call under way" $? -eq 0

# --- and not waited for when that does not end
"$helper" call --version 1.3.0 -c "$file" '{"op":"sleep","ms":60000}' \
    >"$scratch/long" 2>&1 &
caller=$!
until_true 300 test -e "$store/sleeping"
rm -f "$store/sleeping"
echo "version 1.3.1" >"$scratch/knobs"
ask status --version 1.3.1
check "not waited for" "$out" = "$(last_owner) store 1.3.1"
check "not before its time" $took -ge 4
check "not for ever" $took -le 30
wait $caller
words=$(cat "$scratch/long")
says "the call that did not end" "version: "

# --- an older client
ask call --version 1.2.9 "$echo"
check "an older client" $status -eq 1
says "an older client" "version: the owner of the store (process $(last_owner)) is eyelet 1.3.1, newer than this owner_helper 1.2.9: use the one that is installed"
check "an older client's owner" "$(count_owners)" -eq 3

# --- a newer client whose program stayed old does not try for ever
ask call --version 1.4.0 "$echo"
check "an old program" $status -eq 1
check "an old program, in time" $took -le 30
says "an old program" "away: "

# --- a FastCGI process takes over from an owner on demand
fresh
ask call "$echo"
"$helper" --fastcgi -c "$file" &
started=$!
until_true 300 grep -qs "owned $started" "$scratch/owners"
ask status
check "taken over" "${out% *}" = "$started fastcgi"
check "two owners in turn" "$(count_owners)" -eq 2

# --- and from no other FastCGI process, whose client it becomes
check "a second one" "$("$helper" --fastcgi -c "$file")" = client
ask call --role fastcgi "$echo"
check "a FastCGI client" "$out" = "$echo"
ask status
check "nothing was taken" "${out% *}" = "$started fastcgi"

# --- a FastCGI process that finds no owner starts none: it is to own it
kill -KILL "$started"
wait "$started" 2>/dev/null
ask call --role fastcgi "$echo"
check "no owner" $status -eq 1
check "no owner, at once" $took -lt $patience
says "no owner" "away: nobody owns the store $store"

# --- other users
if [ "$(id -u)" -ne 0 ]; then
	echo "not root: what other users may do is not tested"
	finish
fi
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$helper" "$@"
}
chmod 1777 "$scratch" # so that its owner may write its notes
chmod 644 "$file"

fresh
chown 64321:64322 "$store"
ask call "$echo"
check "root" "$out" = "$echo"
check "the owner is not root" \
    "$(ps -o uid= -p "$(last_owner)" | tr -d ' ')" = 64321
check "the lock file is not root's" "$(stat -c %u "$store/lock")" -eq 64321
check "nothing in it is root's" "$(find "$store" -uid 0 | wc -l)" -eq 0

words=$(as_nobody call -c "$file" "$echo" 2>&1)
says "another administrator" "denied: the store $store belongs to '#64321', and this runs as nobody: use \"sudo -u '#64321' owner_helper ...\""
words=$(as_nobody receive --role cgi -c "$file" /hooks/x hello 2>&1)
says "a CGI run that may not even pass" "denied: "

# A web server's group passes through the folder, and may connect.
fresh
chown 64321:65534 "$store"
chmod 710 "$store"
words=$(as_nobody receive --role cgi -c "$file" /hooks/x hello 2>&1)
begins "no owner, and not its user" \
    "owner_helper: denied: the store $store belongs to"
check "none was started" "$(count_owners)" -eq 0
ask call "$echo"
check "root starts one" "$out" = "$echo"
check "a CGI run of the web server" \
    "$(as_nobody receive --role cgi -c "$file" /hooks/x hello)" \
    = "200 text/plain hello"
words=$(as_nobody call --role cgi -c "$file" "$echo" 2>&1)
says "a call of the web server" "denied: uid 65534 may send requests and nothing else"
check "a FastCGI process of the web server is a client" \
    "$(as_nobody receive --role fastcgi -c "$file" /hooks/x hello)" \
    = "200 text/plain hello"
check "and makes nobody leave" "$(count_owners)" -eq 1

finish
