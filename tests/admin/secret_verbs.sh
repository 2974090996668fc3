#!/bin/sh
# eyelet-secret: every verb and every option, against a real owner.
# shellcheck source=tests/stand/admin_stand.sh disable=SC2154
. "$top_srcdir/tests/stand/admin_stand.sh"

for letter in a b c d e f; do
	printf '%s\n' "$canary-$letter" >"$work/$letter"
done
run 'a store' 0 eyelet-store init --user "$(id -un)"
run 'an endpoint' 0 eyelet-endpoint add shop --scheme nomos

run 'no secret' 0 eyelet-secret show shop
words 'eyelet-secret stage shop'
run 'no secret, for scripts' 0 eyelet-secret show shop --json
rows 0
no_words

# --- the life of a secret -----------------------------------------------------
run 'the first is current' 0 eyelet-secret stage shop --secret-file "$work/a" \
    --json
member state '"current"'
member secret '"sec_1"'
silent_on "$canary"
run 'stage' 0 eyelet-secret stage shop --secret-file "$work/b"
says 'staged'
words 'eyelet-secret activate shop sec_2'
silent_on "$canary"
run 'activate' 0 eyelet-secret activate shop --json
member secret '"sec_2"'
member previous '"sec_1"'
run 'the old one goes on for a day' 0 eyelet-secret show shop --json
checks=$((checks + 1))
python3 - "$out" <<'EOF' || complain 'until is not a day after activated_at'
import datetime, json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
t = lambda s: datetime.datetime.fromisoformat(s.replace("Z", "+00:00"))
span = t(rows[0]["until"]) - t(rows[1]["activated_at"])
sys.exit(span != datetime.timedelta(days=1))
EOF
run 'show for people' 0 eyelet-secret show shop
says 'previous'
says 'current'
silent_on "$canary"

run 'rotate with a grace' 0 eyelet-secret rotate shop \
    --secret-file "$work/c" --grace 1h --json
member previous '"sec_2"'
member secrets_live 3
checks=$((checks + 1))
python3 - "$out" <<'EOF' || complain 'the grace is not an hour'
import datetime, json, sys
row = json.loads(open(sys.argv[1]).read())
until = datetime.datetime.fromisoformat(
    row["previous_until"].replace("Z", "+00:00"))
left = until - datetime.datetime.now(datetime.timezone.utc)
sys.exit(not 3500 < left.total_seconds() <= 3600)
EOF
run 'a fourth' 69 eyelet-secret rotate shop --secret-file "$work/d"
words '--drop-oldest'
run 'a fourth, staged' 69 eyelet-secret stage shop --secret-file "$work/d"
words '--drop-oldest'
run 'a fourth, the first to end goes' 0 eyelet-secret stage shop \
    --secret-file "$work/d" --drop-oldest --json
member dropped '"sec_2"'
run 'activate, and end the old one now' 0 eyelet-secret activate shop sec_4 \
    --now --json
member secrets_live 2
run 'rotate, and end the old one now' 0 eyelet-secret rotate shop \
    --secret-file "$work/e" --now --json
member secrets_live 2
run 'rotate with grace 0' 0 eyelet-secret rotate shop --secret-file "$work/f" \
    --grace 0 --json
member secrets_live 2
run 'states' 0 eyelet-secret show shop --json
member state '"current"'
checks=$((checks + 1))
states=$(python3 -c '
import json, sys
print(*[json.loads(line)["state"] for line in open(sys.argv[1])])' "$out")
[ "$states" = 'previous revoked expired expired expired current' ] ||
    complain "the states are $states"

# --- reveal -------------------------------------------------------------------
run 'reveal the current one' 0 eyelet-secret reveal shop
[ "$(cat "$out")" = "$canary-f" ] || complain 'reveal: another value'
no_words
run 'reveal a previous one' 0 eyelet-secret reveal shop sec_1
[ "$(cat "$out")" = "$canary-a" ] || complain 'reveal: another value'
run 'reveal for scripts' 0 eyelet-secret reveal shop --json
member value "\"$canary-f\""
run 'reveal an expired one' 65 eyelet-secret reveal shop sec_3
words 'expired'
run 'reveal a revoked one' 65 eyelet-secret reveal shop sec_2
words 'revoked'
run 'reveal none' 66 eyelet-secret reveal shop sec_99
run 'reveal no id' 65 eyelet-secret reveal shop "$canary-a"
silent_on "$canary"
printf '\377\376binary-%s\n' "$canary" >"$work/bytes"
run 'a secret of bytes' 0 eyelet-endpoint add bytes --scheme nomos \
    --secret-file "$work/bytes"
run 'is no text' 65 eyelet-secret reveal bytes
words 'value_b64'
run 'but base64' 0 eyelet-secret reveal bytes --json
checks=$((checks + 1))
python3 -c '
import base64, json, sys
row = json.load(open(sys.argv[1]))
sys.exit(base64.b64decode(row["value_b64"]) + b"\n" !=
    open(sys.argv[2], "rb").read())' "$out" "$work/bytes" ||
    complain 'value_b64 is not the file'

# --- revoke -------------------------------------------------------------------
run 'revoke' 0 eyelet-secret revoke shop sec_1 --json
member state '"revoked"'
silent_on '"until"' # it verifies until no time any more
run 'what is shown of it' 0 eyelet-secret show shop --json
checks=$((checks + 1))
grep -F '"secret":"sec_1"' "$out" | grep -qF '"until":null' ||
    complain 'a revoked secret has an end to come'
run 'revoke again' 73 eyelet-secret revoke shop sec_1
words 'already'
run 'a revoked value' 73 eyelet-secret stage shop --secret-file "$work/a"
words 'revoked'
run 'a revoked value, elsewhere' 73 eyelet-endpoint add other \
    --scheme nomos --secret-file "$work/a"
run 'a live value' 73 eyelet-secret stage shop --secret-file "$work/f"
words 'current'
run 'replace' 64 eyelet-secret revoke shop sec_6 --replace
words '--secret-file'
printf '%s\n' "$canary-g" >"$work/g"
run 'replace with a given one' 0 eyelet-secret revoke shop sec_6 --replace \
    --secret-file "$work/g" --json
member replaced_by '"sec_8"'
run 'a new one without --replace' 64 eyelet-secret revoke shop sec_8 \
    --secret-file "$work/b"
words '--replace'
run 'the last one' 0 eyelet-secret revoke shop sec_8
words '503'
run 'none to reveal' 66 eyelet-secret reveal shop

# --- generated ----------------------------------------------------------------
run 'an endpoint of ours' 0 eyelet-endpoint add code --scheme github
run 'generated: stage' 0 eyelet-secret stage code --json
checks=$((checks + 1))
value=$(python3 -c '
import json, sys; print(json.load(open(sys.argv[1]))["value"])' "$out")
run 'it is what reveal shows' 0 eyelet-secret reveal code sec_10
[ "$(cat "$out")" = "$value" ] || complain 'another value than was printed'
run 'generated: rotate' 0 eyelet-secret rotate code
says 'value'
words 'provider'
run 'generated: replace takes the staged one' 0 eyelet-secret revoke code \
    sec_11 --replace --json
member replaced_by '"sec_10"'
run 'the provider makes it' 64 eyelet-secret rotate shop
words '--secret-file'

# --- if-gen -------------------------------------------------------------------
run 'now' 0 eyelet-endpoint show code --json
gen=$(python3 -c '
import json, sys; print(json.load(open(sys.argv[1]))["generation"])' "$out")
old=$((gen - 1))
for verb in 'stage code' 'rotate code' 'revoke code sec_10' 'activate code'
do
	# shellcheck disable=SC2086 # words
	run "$verb, of before" 75 eyelet-secret $verb --if-gen $old
	words "generation $gen, not $old"
done
run 'stage, of now' 0 eyelet-secret stage code --if-gen "$gen" --json
member generation $((gen + 1))

# --- pasted into a terminal ---------------------------------------------------
# paste HOW: into a terminal of its own, and is anything of it shown?
paste() {
	checks=$((checks + 1))
	when="pasted: $1"
	timeout 60 python3 - "$bin/eyelet-secret" "$1" "$canary-$1" <<'EOF' \
	    >"$out" 2>"$err"
import os, pty, sys, termios
program, how, secret = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(program, [program, "stage", "shop", "--secret-file", "-",
                       "--drop-oldest"])
def echoes():
    return bool(termios.tcgetattr(fd)[3] & termios.ECHO)
seen = b""
while b"shown: " not in seen:
    seen += os.read(fd, 1000)
if echoes():
    sys.exit("the terminal echoes")
if how == "interrupt":
    os.write(fd, b"\x03")
else:
    os.write(fd, secret.encode() + b"\n\x04")
    try:
        while True:
            more = os.read(fd, 1000)
            if not more:
                break
            seen += more
    except OSError:
        pass # the terminal is gone with the program
status = os.waitpid(pid, 0)[1]
print(seen.decode())
if how == "interrupt":
    sys.exit(not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == 2
                  and echoes()))
sys.exit(os.waitstatus_to_exitcode(status))
EOF
	status=$?
	[ $status = 0 ] || complain "$when: status $status"
	silent_on "$canary"
}
paste enter
paste interrupt
run 'what was pasted' 0 eyelet-secret reveal shop
[ "$(cat "$out")" = "$canary-enter" ] || complain 'pasted: another value'

# --- wrong use ----------------------------------------------------------------
run 'grace and now' 64 eyelet-secret rotate code --grace 1h --now
words 'exclude'
run 'grace above all' 64 eyelet-secret rotate code --grace 8d
words '7d'
run 'grace of just above' 64 eyelet-secret rotate code --grace 604801
run 'bad grace' 64 eyelet-secret rotate code --grace long
words '--grace'
run 'bad generation' 64 eyelet-secret rotate code --if-gen x
words '--if-gen'
run 'no such file' 66 eyelet-secret stage code --secret-file "$work/none"
run 'no such endpoint' 66 eyelet-secret stage nix --secret-file "$work/b"
run 'no secret named' 64 eyelet-secret revoke code
words 'NAME SECRET is missing'

# --- the end of a previous one ------------------------------------------------
# until_in FIRST LAST: the row's "until" is so many seconds from now.
until_in() {
	checks=$((checks + 1))
	python3 - "$out" "$1" "$2" <<'EOF' || complain "$when: until is wrong"
import datetime, json, sys
row = json.loads(open(sys.argv[1]).read())
until = datetime.datetime.fromisoformat(row["until"].replace("Z", "+00:00"))
left = until - datetime.datetime.now(datetime.timezone.utc)
sys.exit(not int(sys.argv[2]) <= left.total_seconds() <= int(sys.argv[3]))
EOF
}
for letter in h i j k l; do
	printf '%s\n' "$canary-$letter" >"$work/$letter"
done
run 'an endpoint for its ends' 0 eyelet-endpoint add ends --scheme nomos
run 'nothing to extend' 66 eyelet-secret extend ends
words 'no previous secret'
run 'its first' 0 eyelet-secret stage ends --secret-file "$work/h" --json
member secret '"sec_14"'
run 'rotated, an hour' 0 eyelet-secret rotate ends --secret-file "$work/i" \
    --grace 1h
run 'extend, as long as ever' 0 eyelet-secret extend ends --json
member state '"previous"'
member secret '"sec_14"'
until_in 86300 86400
run 'extend, for so long' 0 eyelet-secret extend ends sec_14 --grace 7d --json
until_in 604700 604800
run 'extend by less' 65 eyelet-secret extend ends --grace 1h
words 'let it expire'
run 'extend above all' 64 eyelet-secret extend ends --grace 604801
words '7d'
run 'extend the current one' 65 eyelet-secret extend ends sec_15
words 'sec_15 is current'
run 'extend none' 66 eyelet-secret extend ends sec_99
words 'sec_99'
run 'a second one ends' 0 eyelet-secret rotate ends --secret-file "$work/j"
run 'which one?' 64 eyelet-secret expire ends
words '2 secrets are previous'
run 'expire, of before' 75 eyelet-secret expire ends sec_14 --if-gen 1
run 'extend, of before' 75 eyelet-secret extend ends sec_15 --grace 7d \
    --if-gen 1
run 'expire' 0 eyelet-secret expire ends sec_14 --json
member state '"expired"'
until_in -60 0
run 'expire again' 65 eyelet-secret expire ends sec_14
words 'sec_14 is expired'
run 'what is over stays over' 65 eyelet-secret extend ends sec_14
words 'sec_14 is expired'
run 'expire the other' 0 eyelet-secret expire ends
says 'sec_15'
says 'expired'
run 'the current one does not expire' 65 eyelet-secret expire ends sec_16
words 'sec_16 is current'

# --- suspects -----------------------------------------------------------------
run 'an endpoint that is posted to' 0 eyelet-endpoint add leak \
    --scheme nimbus --secret-file "$work/k" --json
member secret '"sec_17"'
run 'none yet' 0 eyelet-secret suspects leak sec_17
words 'no event'
run 'none yet, for scripts' 0 eyelet-secret suspects leak sec_17 --json
rows 0
no_words
# suspect LETTER ID: an event signed with that secret.
suspect() {
	event leak nimbus "$work/$1" \
	    "{\"id\":\"$2\",\"type\":\"a.b\",\"createdAt\":\"$(date -u \
	        +%Y-%m-%dT%H:%M:%SZ)\"}" accepted
}
suspect k s1
suspect k s2
sleep 0.01 # the time of the log goes on by milliseconds
then=$(date -u +%Y-%m-%dT%H:%M:%S.%3NZ)
suspect k s3
run 'another secret' 0 eyelet-secret rotate leak --secret-file "$work/l" \
    --grace 30m
suspect l s4
run 'show warns of an end that comes too early' 0 eyelet-secret show leak
words 'sec_17 ends in'
words 'still signs with it'
run 'suspects' 0 eyelet-secret suspects leak sec_17 --json
rows 3
member id '"s3"'
member secret '"sec_17"'
run 'suspects, for people' 0 eyelet-secret suspects leak sec_17
says 's1'
silent_on s4
run 'suspects since then' 0 eyelet-secret suspects leak sec_17 \
    --since "$then" --json
rows 1
member id '"s3"'
run 'suspects until then' 0 eyelet-secret suspects leak sec_17 \
    --until "$then" --json
rows 2
member id '"s2"'
run 'so many suspects' 0 eyelet-secret suspects leak sec_17 --limit 1 --json
rows 1
member id '"s1"'
run 'suspects of the other' 0 eyelet-secret suspects leak sec_18 --json
rows 1
member id '"s4"'
run 'of an endpoint that has it not' 66 eyelet-secret suspects shop sec_17
words 'sec_17'
run 'expire one in use' 0 eyelet-secret expire leak
words 'within the last hour'
run 'another name' 0 eyelet-endpoint rename leak leaked
run 'suspects, under the new name' 0 eyelet-secret suspects leaked sec_17 \
    --json
rows 3
member endpoint '"leaked"'

# --- destinations -------------------------------------------------------------
# of VERB ARGUMENT...: about the destination.
of() {
	verb=$1
	shift
	run "destination: $verb $*" "$want_status" eyelet-secret "$verb" sink \
	    --destination "$@"
}
want_status=0
run 'a destination' 0 eyelet-destination add sink \
    --url https://sink.example/in --json
first=$(sed 's/.*"secret":"\(sec_[0-9]*\)".*/\1/' "$out")
run 'an endpoint of that name' 0 eyelet-endpoint add sink --scheme nomos
run 'the endpoint has none' 0 eyelet-secret show sink
words 'It has none yet: eyelet-secret stage sink'
of show --json
rows 1
member destination '"sink"'
member secret "\"$first\""
of reveal
outbound=$(cat "$out")
[ ${#outbound} -ge 32 ] || complain "it is short: ${#outbound}"
of stage --json
member state '"staged"'
staged=$(sed 's/.*"secret":"\(sec_[0-9]*\)".*/\1/' "$out")
of stage
words 'Give the value to the receiver; eyelet-secret reveal --destination'
words 'It signs nothing yet'
words 'eyelet-secret activate --destination sink sec_'
of activate "$staged" --grace 1h --json
member previous "\"$first\""
of extend --grace 2h --json
member state '"previous"'
of expire --json
member state '"expired"'
of rotate --now --json
member previous "\"$staged\""
current=$(sed 's/.*"secret":"\(sec_[0-9]*\)".*/\1/' "$out")
run 'a secret that is none of the scheme' 65 eyelet-secret rotate sink \
    --destination --secret-file "$work/k"
words 'standard-webhooks'
want_status=64
of suspects "$current"
words 'lets nothing in'
want_status=75
of stage --if-gen 1
words 'destination "sink" is at generation'
want_status=66
of revoke sec_9999
words 'destination "sink" has no secret sec_9999'
run 'as an endpoint it has none' 66 eyelet-secret revoke sink "$current"
words 'endpoint "sink" has no secret'
want_status=0
of revoke "$current" --replace
silent_on warning
run 'which is current' 0 eyelet-secret show sink --destination --json
current=$(sed -n 's/.*"secret":"\(sec_[0-9]*\)","state":"current".*/\1/p' \
    "$out")
of revoke "$current"
words 'deliveries wait'
run 'one that signs nothing' 0 eyelet-destination add quiet \
    --command /bin/true
run 'has no use for a secret' 65 eyelet-secret stage quiet --destination
words 'of no use'
run 'no such destination' 66 eyelet-secret show snik --destination
words 'did you mean "sink"?'

# --- no secret anywhere -------------------------------------------------------
run 'the audit trail' 0 eyelet-store audit --limit 0 --json
all_json
silent_on "$canary"
silent_on "$value"
silent_on "$outbound"
says 'secret.reveal'
stop_owner
checks=$((checks + 1))
if grep -rqF -e "$canary" -e "$value" -e "$outbound" "$work/store"; then
	complain 'a secret stands in the store in clear'
fi
verdict
