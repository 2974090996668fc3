#!/bin/bash
# Completion, by bash itself: every verb and option that a program's help has,
# names of endpoints, schemes and secrets out of the store, files.
# shellcheck disable=SC2154 # admin_stand.sh sets them
# shellcheck source=tests/stand/admin_stand.sh
. "$top_srcdir/tests/stand/admin_stand.sh"
# shellcheck source=conf/eyelet.bash
. "$top_srcdir/conf/eyelet.bash"

printf '%s' "$canary" >"$work/secret"
run 'a store' 0 eyelet-store init --user "$(id -un)"
run 'an endpoint' 0 eyelet-endpoint add shop --scheme nimbus \
    --secret-file "$work/secret"
run 'another' 0 eyelet-endpoint add shed --scheme nomos
run 'a destination' 0 eyelet-destination add sink --command /bin/true
run 'one with a secret' 0 eyelet-destination add signed \
    --url https://sink.example/
mkdir "$work/files"
: >"$work/files/one.conf"
: >"$work/files/two.conf"

# offers WANT WORD...: what is offered in the place of the last word.
offers() {
	local want=$1 got
	shift
	checks=$((checks + 1))
	COMP_WORDS=("$bin/$1" "${@:2}")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_eyelet
	got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | tr '\n' ' ')
	[ "${got% }" = "$want" ] ||
	    complain "$*: \"${got% }\" is offered, not \"$want\""
}

for noun in destination endpoint event scheme secret store; do
	name=eyelet-$noun
	mapfile -t verbs < <("$bin/$name" help |
	    sed -n '/^$/,/^  -c /s/^  \([a-z][a-z-]*\)  *[A-Za-z].*/\1/p')
	[ ${#verbs[@]} -gt 3 ] || complain "$name: help names no verbs"
	offers "$(printf '%s\n' help "${verbs[@]}" --help --version -c | sort |
	    tr '\n' ' ' | sed 's/ $//')" "$name" ''
	for verb in "${verbs[@]}"; do
		offers "$("$bin/$name" help "$verb" |
		    sed -n 's/^  \(--[a-z-]*\).*/\1/p' | sort | tr '\n' ' ' |
		    sed 's/ $//')" "$name" "$verb" -
	done
	offers "$work/files/one.conf $work/files/two.conf" "$name" -c \
	    "$work/files/"
done

offers 'list' eyelet-event li
offers 'list' eyelet-event -c "$work/e.conf" li
offers 'show skip stats' eyelet-event help s
offers 'shed shop' eyelet-event list --endpoint ''
offers 'shop' eyelet-event list --endpoint sho
offers 'shop' eyelet-event list --limit 5 --endpoint sho
offers 'shed shop' eyelet-event list --endpoint =
offers 'shop' eyelet-event list --endpoint = sho
offers 'accepted dead delivered dropped held parked pending released retrying test' \
    eyelet-event list --status ''
offers 'accepted dropped held released test' eyelet-event export --status ''
offers 'dead parked retrying' eyelet-event retry --status ''
offers 'signed sink' eyelet-event retry --destination ''
offers 'exhausted expired' eyelet-event dead list --reason ex
offers 'type\ unknown' eyelet-event dead list --reason ty
offers 'drop list retry' eyelet-event dead ''
offers 'now' eyelet-event read --from n
offers 'ack list remove' eyelet-event cursor ''
offers '' eyelet-event list --since ''
offers '--limit' eyelet-event list --l
offers '' eyelet-event list ''
offers 'admit explain list show' eyelet-event quarantine ''
offers '' eyelet-event quarantine show ''
offers '@' eyelet-event publish --data ''
offers "$work/files/one.conf" eyelet-event publish --data @ "$work/files/o"
offers "$work/files/one.conf" eyelet-event publish --data =@ "$work/files/o"
offers "@$work/files/one.conf" eyelet-event publish --data "@$work/files/o"
offers 'shop' eyelet-event publish --data @ "$work/f" --endpoint sho
offers 'shed shop' eyelet-endpoint show ''
offers '' eyelet-endpoint add sh
offers 'nimbus' eyelet-endpoint add new --scheme nimb
offers "$work/files/two.conf" eyelet-endpoint add new --secret-file \
    "$work/files/tw"
offers 'shop' eyelet-endpoint rename sho
offers '' eyelet-endpoint rename shop sh
offers 'signed sink' eyelet-destination show ''
offers '' eyelet-destination add si
offers 'signed sink' eyelet-destination edit si
offers '' eyelet-destination edit sink s
offers 'nimbus' eyelet-destination edit sink --sign nimb
offers 'key:SOURCE none strict' eyelet-destination edit sink --order ''
offers 'shed shop' eyelet-destination add new --endpoints ''
offers "$work/files/two.conf" eyelet-destination add new --command \
    "$work/files/tw"
offers 'signed sink' eyelet-secret show --destination ''
offers 'shed shop' eyelet-secret show ''
offers 'sec_2' eyelet-secret revoke --destination signed ''
offers '' eyelet-secret revoke signed ''
offers 'sec_1' eyelet-secret revoke shop ''
offers '' eyelet-secret revoke nothing ''
offers 'nimbus' eyelet-scheme show nimb
offers "$work/files/one.conf" eyelet-scheme lint "$work/files/o"
offers "$work/files/one.conf" eyelet-scheme lint x "$work/files/o"
unset EYELET_CONFIG
offers 'shed shop' eyelet-event -c "$work/e.conf" list --endpoint ''
offers '' eyelet-event -c "$work/nothing.conf" list --endpoint ''
COMP_WORDS=("$work/nothing" '')
COMP_CWORD=1
COMPREPLY=(old)
_eyelet
[ ${#COMPREPLY[@]} = 0 ] || complain 'a program that is not there'
for noun in destination endpoint event scheme secret store; do
	when=registered
	complete -p "eyelet-$noun" >"$out" 2>"$err" ||
	    complain "eyelet-$noun: nothing is registered"
done

verdict
