#!/bin/sh
# Every admin program: its help, its wrong uses, and that its page and its
# tables name the same verbs and options.
# shellcheck source=tests/stand/admin_stand.sh disable=SC2154
. "$top_srcdir/tests/stand/admin_stand.sh"

programs='destination endpoint event scheme secret store'

# the verbs of a program, one a line, out of its help
verbs_of() {
	"$bin/eyelet-$1" help | sed -n '/^$/,/^  -c /s/^  \([a-z]*\)  *[A-Za-z].*/\1/p'
}

for noun in $programs; do
	name=eyelet-$noun
	page=$top_srcdir/admin/$name.8

	run 'help' 0 "$name" help
	says "usage: $name"
	cp "$out" "$work/help"
	run 'h' 0 "$name" -h
	cmp -s "$out" "$work/help" || complain "-h is not help"
	run 'long help' 0 "$name" --help
	cmp -s "$out" "$work/help" || complain "--help is not help"
	run 'version' 0 "$name" --version
	checks=$((checks + 1))
	grep -qE "^$name [0-9]+\.[0-9]+" "$out" || complain "no version"

	run 'no verb' 64 "$name"
	words 'a verb is missing'
	words "usage: $name"
	run 'unknown verb' 64 "$name" xyzzy
	words 'no verb "xyzzy"'
	words "$name help"
	run 'help of an unknown verb' 64 "$name" help xyzzy
	run 'option before the verb' 64 "$name" --xyzzy
	words '--xyzzy'
	run '-c without a file' 64 "$name" -c
	words '-c needs a file'
	run 'hostile verb' 64 "$name" "$(printf 'a\033[2J')"
	words 'a\x1b[2J'

	verbs_of "$noun" >"$work/verbs"
	checks=$((checks + 1))
	[ -s "$work/verbs" ] || complain "$name: help names no verbs"
	: >"$work/options"
	while IFS= read -r verb; do
		run 'help of a verb' 0 "$name" help "$verb"
		cp "$out" "$work/help"
		run 'verb with --help' 0 "$name" "$verb" --help
		cmp -s "$out" "$work/help" || complain "--help is not help"
		run 'verb with -h' 0 "$name" "$verb" -h
		cmp -s "$out" "$work/help" || complain "-h is not help"
		sed -n 's/^  --\([a-z-]*\).*/\1/p' "$work/help" \
		    >>"$work/options"
		run 'unknown option' 64 "$name" "$verb" --xyzzy
		words "$name: $verb: there is no option \"--xyzzy\""
		words "usage: $name [-c FILE] $verb"
		words "\"$name help $verb\""
		run 'unknown short option' 64 "$name" "$verb" -z
		words '"-z"'
		run 'value for none' 64 "$name" "$verb" --json=1
		words '--json takes no value'
		checks=$((checks + 1))
		grep -qE "^\.(It )?Cm .*\b$verb\b" "$page" ||
		    complain "$page lacks the verb $verb"
	done <"$work/verbs"

	sort -u "$work/options" >"$work/in-help"
	{
		sed -n 's/^\.It Fl -\([a-z-]*\).*/\1/p' "$page"
		sed -n 's/^\.It .* , Fl -\([a-z-]*\).*/\1/p' "$page"
	} | sort -u >"$work/in-page"
	while IFS= read -r option; do
		checks=$((checks + 1))
		grep -qx -e "$option" "$work/in-page" ||
		    complain "$page lacks the option --$option"
	done <"$work/in-help"
	while IFS= read -r option; do
		checks=$((checks + 1))
		[ "$option" = version ] ||
		    grep -qx -e "$option" "$work/in-help" ||
		    complain "$page has --$option, which no verb has"
	done <"$work/in-page"
	for section in 'EXIT STATUS' FILES EXAMPLES; do
		checks=$((checks + 1))
		grep -qx "\.Sh $section" "$page" ||
		    complain "$page lacks $section"
	done
done

# --- the frame itself, on verbs at hand ---------------------------------------
run 'near verb' 64 eyelet-event lits
words 'did you mean "list"?'
run 'near option' 64 eyelet-event list --typ x
words 'did you mean "--type"?'
run 'missing value' 64 eyelet-event list --type
words '--type needs a value: PATTERNS'
run 'twice' 64 eyelet-event list --type a --type b
words '--type is given twice'
run 'missing operand' 64 eyelet-endpoint show
words 'NAME is missing'
run 'one too many' 64 eyelet-endpoint show a b
words '"b" is one word too many'
run 'no store' 66 eyelet-endpoint list
words 'eyelet-store init'

run 'a store' 0 eyelet-store init --user "$(id -un)"
run 'value behind =' 0 eyelet-endpoint add shop --scheme=nomos --json
member scheme '"nomos"'
run 'options before operands' 0 eyelet-endpoint show --json shop
member endpoint '"shop"'
run 'nothing is an option behind --' 66 eyelet-endpoint show -- --json
words '"--json"'
run 'empty value behind =' 0 eyelet-endpoint edit shop --title= --json
member title null

# --- the configuration --------------------------------------------------------
sed 's/^floor/flor/' "$EYELET_CONFIG" >"$work/bad.conf"
run 'wrong configuration' 78 eyelet-endpoint -c "$work/bad.conf" list
words "$work/bad.conf:4: unknown key \"flor\" in [store]"
run 'no configuration' 66 eyelet-endpoint -c "$work/none.conf" list
words 'none.conf'

# --- started by a web server --------------------------------------------------
# In a folder of CGI programs, by mistake: the query string is the arguments.
touch "$work/here"
for gateway in GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=GET REQUEST_METHOD=; do
	for name in destination endpoint event scheme secret store deliver; do
		for words in '' x --version --help -h 'list --json' help \
		    "-c $EYELET_CONFIG list" '-c /dev/stdin list' '--once' \
		    '--complete' "--become-command /bin/rm $work/here"; do
			when="$gateway eyelet-$name $words"
			checks=$((checks + 1))
			# shellcheck disable=SC2086 # words
			env "$gateway" "$bin/eyelet-$name" $words \
			    </dev/null >"$out" 2>"$err"
			status=$?
			[ $status = 64 ] || complain "$when: status $status"
			[ -s "$out" ] && complain "$when: it wrote an answer"
			words 'started as a CGI program'
		done
	done
done
[ -e "$work/here" ] || complain 'a client ran a command'
# The cure that it names, for a script in a web page.
cure=$(sed -n 's/.*"\(env -u [^"]*\)".*/\1/p' "$err")
export GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=POST
checks=$((checks + 1))
$cure "$bin/eyelet-endpoint" list --json >"$out" 2>"$err" ||
    complain "\"$cure\" does not help"
says '"shop"'
unset GATEWAY_INTERFACE REQUEST_METHOD
unset EYELET_CONFIG
run '-c instead of the environment' 0 eyelet-endpoint -c "$work/e.conf" list \
    --json
member endpoint '"shop"'

verdict
