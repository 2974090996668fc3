#!/usr/bin/env python3
"""Every cure that a message names cures.

The messages are read out of the sources: each that names a command, an option
or an act has a row here, in one of three tables. RUN provokes it and runs the
cure. TESTED names the test that does, and words of that test. PLAIN is for what
looks like a cure and is none. A message without a row fails this test; so does
a row whose message is gone.

Commands that pages, samples and notes of schemes name are held against the
programs: verb and options have to exist.
"""
import collections
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import BUILD, SOURCE  # noqa: E402

CALL_S = 120
CURE = re.compile(
    r"\beyelet-(deliver|destination|endpoint|event|scheme|secret|store)\b"
    r"|\beyelet\.fcgi\b|(?<![-\w])--[a-z]|\b(sudo|chown|chmod|rm|rmdir|mv|kill|"
    r"systemctl|journalctl|[Uu]se|[Tt]ry)\b")
PROGRAMS = ("destination", "endpoint", "event", "scheme", "secret", "store")

# What each snippet below may use.
PRELUDE = r'''
set -u
# post ENDPOINT SCHEME SECRET-FILE BODY SIGN-OPTIONS...: as a web server hands it on, by CGI.
post() {
	endpoint=$1 scheme=$2 key=$3
	printf '%s' "$4" >body
	shift 4
	header=$(eyelet-scheme sign "$scheme" --secret-file "$key" "$@" <body) ||
	    return
	name=$(printf '%s' "${header%%:*}" | tr 'a-z-' 'A-Z_')
	env -i PATH="$PATH" EYELET_CONFIG="$EYELET_CONFIG" \
	    ASAN_OPTIONS="${ASAN_OPTIONS-}" LSAN_OPTIONS="${LSAN_OPTIONS-}" \
	    GATEWAY_INTERFACE=CGI/1.1 REQUEST_METHOD=POST \
	    PATH_INFO="/hooks/$endpoint" SCRIPT_NAME=/eyelet REMOTE_ADDR=127.0.0.1 \
	    CONTENT_TYPE=application/json CONTENT_LENGTH="$(wc -c <body)" \
	    "HTTP_$name=${header#*: }" eyelet.fcgi <body
}
event() {
	id=$1
	shift
	post ev nomos own "{\"id\":\"$id\",\"topic\":\"order.paid\"}" "$@"
}
last() {
	eyelet-event list --limit 1 --json | sed 's/.*"seq":\([0-9]*\).*/\1/'
}
refusal() {
	eyelet-event quarantine list --json | sed 's/.*"no":\([0-9]*\).*/\1/' |
	    sort -n | tail -n 1
}
# What the last message names behind its last ": ".
mend() {
	cd / && sh -c "$(grep '^eyelet' "$OLDPWD/out" | tail -n 1 |
	    sed 's/.*: //')" && cd "$OLDPWD"
}
# conf NAME FOLDER: NAME.conf, for a store below FOLDER.
conf() {
	sed "s,= $PWD/store,= $PWD/$2/store,;s,= $PWD/keys,= $PWD/$2/keys," \
	    e.conf >"$1.conf"
}
as() {
	user=$1
	shift
	setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"
}
'''

# In order, on one store: (words of the message, what says it, what cures it).
# Both are shell; the cure has to end with 0.
RUN = (
    ("root has to say whose the store is to be",
     '[ "$(id -u)" != 0 ] && echo root has to say whose the store is to be || '
     "eyelet-store init",
     'eyelet-store init --user "$(id -un)"'),
    ("Back up the key file, apart from the store",
     "eyelet-store -c two.conf init --user \"$(id -un)\"",
     "$(grep -o 'eyelet-endpoint -c .* add' out) x --scheme nomos"),
    ("There are no endpoints yet", "eyelet-endpoint list",
     "eyelet-endpoint add first --scheme nomos"),
    ("--scheme is missing; eyelet-scheme list", "eyelet-endpoint add shop",
     "eyelet-scheme list | grep -q ^nomos && "
     "eyelet-endpoint add shop --scheme nomos"),
    ("eyelet-secret%s%s stage %s --secret-file FILE",
     "eyelet-endpoint add bell --scheme nomos",
     "$(grep -o 'eyelet-secret stage bell --secret-file' out) secret"),
    ("Give it the value above as the secret, too",
     "eyelet-endpoint add tg --scheme telegram",
     "eyelet-secret reveal tg"),
    ("It has none yet: eyelet-secret stage", "eyelet-secret show shop",
     "$(grep -o 'eyelet-secret stage shop' out) --secret-file secret"),
    ("Where the provider sends it to the endpoint ",
     "eyelet-endpoint add tasks --scheme asana; eyelet-secret show tasks",
     "$(grep -o 'eyelet-endpoint edit tasks --expect-secret' out)"),
    ("Give the value to the %s; eyelet-secret reveal",
     "eyelet-secret rotate tg", "eyelet-secret reveal tg"),
    ("eyelet-secret%s%s activate",
     "eyelet-secret stage shop --secret-file second",
     "$(grep -o 'eyelet-secret activate shop sec_[0-9]*' out)"),
    ("--now and --grace exclude each other",
     "eyelet-secret rotate shop --secret-file third --now --grace 1h",
     "eyelet-secret rotate shop --secret-file f8 --now"),
    ("is no text: --json has it as value_b64",
     "head -c 32 /dev/urandom >raw; eyelet-endpoint add raw --scheme nomos "
     "--secret-file raw; eyelet-secret reveal raw",
     "eyelet-secret reveal raw --json | grep -q value_b64"),
    ("there is no scheme", "eyelet-endpoint add no --scheme nomo",
     "eyelet-scheme list | grep -q ^nomos"),
    ("needs the param", "eyelet-endpoint add sns --scheme aws-sns",
     "printf arn:aws:sns:eu-west-1:1:t >arn && eyelet-endpoint add sns "
     "--scheme aws-sns --param topic_arn=@arn"),
    ("--param takes its value from a file",
     "eyelet-endpoint add sns2 --scheme aws-sns --param topic_arn=x",
     "eyelet-endpoint add sns2 --scheme aws-sns --param topic_arn=@arn"),
    ("--param %s: it must be UTF-8 text",
     "eyelet-endpoint add sns3 --scheme aws-sns --param topic_arn=@raw",
     "eyelet-endpoint add sns3 --scheme aws-sns --param topic_arn=@arn"),
    ("signs the URL: it needs the public URL",
     "eyelet-endpoint add sq --scheme square",
     "eyelet-endpoint add sq --scheme square --public-url "
     "https://www.example.org/hooks/sq"),
    ("the public URL stays as it was registered",
     "eyelet-endpoint rename sq sq2",
     "eyelet-endpoint edit sq2 --public-url "
     "https://www.example.org/hooks/sq2"),
    ("--allow-http and --require-https exclude each other",
     "eyelet-endpoint edit shop --allow-http --require-https",
     "eyelet-endpoint edit shop --allow-http"),
    ("knows no types of events", "eyelet-endpoint add db --scheme dropbox "
     "--events a.b", "eyelet-endpoint edit db --events ''"),
    ("There are no destinations yet", "eyelet-destination list",
     "eyelet-destination add d1 --url https://www.example.org/"),
    ("--url or --command is missing", "eyelet-destination add d2",
     "eyelet-destination add d2 --command /bin/true"),
    ("requests are signed with it. eyelet-secret reveal",
     "eyelet-destination add d3 --url https://www.example.org/",
     "eyelet-secret reveal d3 --destination"),
    ("--command takes the program's path",
     "eyelet-destination add d4 --command true",
     "eyelet-destination add d4 --command /bin/true"),
    ("--url and --command exclude each other",
     "eyelet-destination add d5 --command /bin/true --url https://a.example/",
     "eyelet-destination add d5 --command /bin/true"),
    ("only --command takes arguments",
     "eyelet-destination add d6 more --url https://a.example/",
     "eyelet-destination add d6 --command /bin/echo -- more"),
    ("--header takes 'NAME: @FILE'",
     "eyelet-destination add d7 --url https://a.example/ --header 'X-A: b'",
     "eyelet-destination add d7 --url https://a.example/ "
     "--header 'X-A: @second'"),
    ("--header %s: it must be UTF-8 text",
     "eyelet-destination add d8 --url https://a.example/ "
     "--header 'X-A: @raw'",
     "eyelet-destination add d8 --url https://a.example/ "
     "--header 'X-A: @second'"),
    ("--header %.*s is given twice",
     "eyelet-destination edit d8 --header 'X-A: @arn' --header 'X-A: @second'",
     "eyelet-destination edit d8 --header 'X-A: @second'"),
    ('--auth-file: the file must hold \"basic',
     "eyelet-destination edit d8 --auth-file second",
     "echo basic u:p >auth && eyelet-destination edit d8 --auth-file auth"),
    ("--auth-file: it must be UTF-8 text",
     "printf 'bearer \\377' >bad-auth; "
     "eyelet-destination edit d8 --auth-file bad-auth",
     "eyelet-destination edit d8 --auth-file auth"),
    ("--rate takes N/s", "eyelet-destination edit d8 --rate ten",
     "eyelet-destination edit d8 --rate 10/s"),
    ("the URL has credentials",
     "eyelet-destination add d9 --url https://u:p@a.example/",
     "eyelet-destination add d9 --url https://a.example/ --auth-file auth"),
    ("which is not posted to: --allow-net %s allows it for this destination",
     "eyelet-destination add d10 --url https://10.1.2.3/",
     "eyelet-destination add d10 --url https://10.1.2.3/ "
     "$(grep -o -e '--allow-net [0-9./]*' out)"),
    ("is a name of this machine or of a private network",
     "eyelet-destination add d11 --url https://localhost/",
     "eyelet-destination add d11 --url https://localhost/ "
     "$(grep -o -e '--allow-net [0-9./:, ]*' out | head -n 1)"),
    ("sends events in clear: use https://",
     "eyelet-destination add d12 --url http://a.example/",
     "eyelet-destination add d12 --url http://a.example/ --allow-http"),
    ("sign: it must be a scheme's name",
     "eyelet-destination add d13 --url https://a.example/ --sign 'no mo'",
     "eyelet-scheme list | grep -q ^nomos && eyelet-destination add d13 "
     "--url https://a.example/ --sign nomos --secret-file second"),
    ("the provider makes the secrets of this scheme",
     "eyelet-secret rotate shop",
     "eyelet-secret rotate shop --secret-file third"),
    ("are in force already, which is the most",
     "eyelet-secret stage shop --secret-file f4; "
     "eyelet-secret activate shop; eyelet-secret stage shop --secret-file f5; "
     "eyelet-secret stage shop --secret-file f6",
     "eyelet-secret stage shop --secret-file f6 --drop-oldest"),
    ("name the event by its seq, or by --id",
     "eyelet-endpoint add ev --scheme nomos --secret-file own; "
     "event evt_1; event evt_2; eyelet-event show",
     "eyelet-event show --id evt_1"),
    ("is no seq (the number that list shows first)",
     "eyelet-event show evt_1", "eyelet-event show --id evt_1"),
    ("--raw and --json exclude each other",
     "eyelet-event show 1 --raw --json", "eyelet-event show 1 --raw"),
    ("several endpoints have an event of this id",
     "eyelet-secret activate bell; post bell nomos secret '{\"id\":\"evt_1\",\"topic\":\"a.b\"}'; "
     "eyelet-event show --id evt_1",
     "eyelet-event show --id evt_1 --endpoint ev"),
    ("--raw is for one event: name it by its SEQ",
     "eyelet-event export --raw", "eyelet-event export 1 --raw"),
    ("--since and --limit both say where to begin",
     "eyelet-event tail --since 1h --limit 2", "eyelet-event tail --since 1h"),
    ("--destination NAME is missing", "eyelet-event skip 1",
     "eyelet-destination add cmd --command /bin/false --from start && "
     "eyelet-deliver --once; eyelet-event skip 1 --destination cmd"),
    ("--data takes @FILE", "eyelet-event publish --endpoint shop --type a.b "
     "--data x", "echo '{}' >data && eyelet-event publish --endpoint shop "
     "--type order.made --data @data"),
    ("--endpoint NAME is missing", "eyelet-event publish --type a.b "
     "--data @data",
     "eyelet-event publish --endpoint shop --type a.b --data @data"),
    ("an event in an envelope needs a type",
     "eyelet-event publish --endpoint shop --data @data",
     "eyelet-event publish --endpoint shop --type a.b --data @data"),
    (": --content-type is for --raw",
     "eyelet-event publish --endpoint shop --type a.b --data @data "
     "--content-type text/plain",
     "eyelet-event publish --endpoint shop --raw --data @data "
     "--content-type text/plain"),
    ("is disabled: eyelet-endpoint enable",
     "eyelet-endpoint disable shop; "
     "eyelet-event publish --endpoint shop --type a.b --data @data",
     "$(grep -o 'eyelet-endpoint enable shop' out) && "
     "eyelet-event publish --endpoint shop --type a.b --data @data"),
    ("keeps no events of this type",
     "eyelet-endpoint edit shop --events 'order.*'; "
     "eyelet-event publish --endpoint shop --type a.b --data @data",
     "eyelet-endpoint match shop order.paid && "
     "eyelet-event publish --endpoint shop --type order.paid --data @data"),
    ("--wait: a duration of at most 1m",
     "eyelet-event read --cursor c --wait 1h",
     "eyelet-event read --cursor c --wait 1s"),
    ("this cursor is new: it begins with what comes from now on",
     "eyelet-event read --cursor c2",
     "eyelet-event read --cursor c3 --from start"),
    ("--cursor NAME is missing", "eyelet-event read",
     "eyelet-event read --cursor c"),
    ("behind \"seq:\" stands the number",
     "eyelet-event read --cursor c4 --from seq:x",
     "eyelet-event read --cursor c4 --from seq:1"),
    ("is none of now, start, seq:N",
     "eyelet-event read --cursor c5 --from later",
     "eyelet-event read --cursor c5 --from 2h"),
    ("--all and --endpoint NAME go together", "eyelet-event drop --all",
     "eyelet-event drop --all --endpoint shop --yes"),
    ("has no place beside --all",
     "eyelet-event drop 1 --all --endpoint shop",
     "eyelet-event drop --all --endpoint shop --yes"),
    ("name the held events by their seqs", "eyelet-event drop",
     "eyelet-event drop --all --endpoint shop --yes"),
    ("it asks on a terminal before it removes",
     "eyelet-endpoint remove first </dev/null",
     "eyelet-endpoint remove first --yes"),
    ("it asks on a terminal before it drops",
     "eyelet-event dead drop --destination cmd </dev/null",
     "eyelet-event dead drop --destination cmd --yes"),
    ("--secret-file: stdin is the body; give a file",
     "eyelet-scheme sign nomos --secret-file - <data",
     "eyelet-scheme sign nomos --secret-file secret <data"),
    ("--secret-file is missing", "eyelet-scheme sign nomos <data",
     "eyelet-scheme sign nomos --secret-file secret <data"),
    ("--param: must read NAME=VALUE",
     "printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' >get; "
     "eyelet-scheme lint $SCHEMES/meta.json --sample get --param x",
     "eyelet-scheme lint $SCHEMES/meta.json --sample get "
     "--param verify_token=x; [ $? -le 1 ]"),
    ("--param: \"%.64s\" must read NAME=VALUE",
     "eyelet-scheme sign nomos --secret-file secret --param x <data",
     "eyelet-scheme sign nomos --secret-file secret --param a=b <data"),
    ("--header: \"%.64s\" must read",
     "eyelet-scheme verify nomos --secret-file secret --header x <data",
     "eyelet-scheme verify nomos --secret-file secret --header \"$("
     "eyelet-scheme sign nomos --secret-file secret <data)\" <data"),
    ("--now: \"%.32s\"",
     "eyelet-scheme sign nomos --secret-file secret --now later <data",
     "eyelet-scheme sign nomos --secret-file secret --now 1700000000 <data"),
    ("--child-of takes a pid", "eyelet-deliver --child-of me --once",
     "eyelet-deliver --once"),
    ("--secret-file: stdin is the request",
     "eyelet-endpoint explain ev --secret-file - <body",
     "printf 'POST /hooks/ev HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n{}' >rq; "
     "eyelet-endpoint explain ev --secret-file second <rq; [ $? -le 1 ]"),
    ("has no public URL", "eyelet-endpoint test ev",
     "eyelet-endpoint edit ev --public-url http://127.0.0.1:9/hooks/ev && "
     "! eyelet-endpoint test ev 2>&1 | grep 'no public URL'"),
    ("bytes that are no text: --raw has them",
     "eyelet-event publish --endpoint ev --raw --data @raw --content-type a/b "
     "--type a.b; eyelet-event show $(last)",
     "eyelet-event show $(last) --raw | cmp - raw"),
    ("nothing to serve: no web server has started", "eyelet.fcgi </dev/null",
     "eyelet.fcgi --socket \"$PWD/s\" & p=$!; n=0; "
     "while [ ! -S s ] && [ $n -lt 200 ]; do sleep 0.1; n=$((n + 1)); done; "
     "[ -S s ]; r=$?; kill $p; wait $p; exit $r"),
    ("it is not executable for uid", "printf '#!/bin/sh\\n' >nx; "
     "eyelet-destination add nx --command \"$PWD/nx\"; "
     "eyelet-destination test nx", "chmod +x nx && eyelet-destination test nx"),
    ("what only came late needs a larger --tolerance",
     "event late --now $(($(date +%s) - 3600)); "
     "eyelet-event quarantine explain $(refusal)",
     "eyelet-endpoint edit ev --tolerance 2h && "
     "event late --now $(($(date +%s) - 3600)) | grep accepted"),
    ("a larger [quarantine] bytes",
     "conf q q; EYELET_CONFIG=$PWD/q.conf; "
     "printf '[quarantine]\\nbytes = 1k\\n' >>q.conf; "
     "eyelet-store init --user \"$(id -un)\"; "
     "eyelet-endpoint add ev --scheme nomos --secret-file own; "
     "long=$(printf '{\"id\":\"%04000d\",\"topic\":\"a\"}' 1); "
     "post ev nomos mine \"$long\"; "
     "eyelet-event quarantine explain $(refusal)",
     "EYELET_CONFIG=$PWD/q.conf; sed -i 's/^bytes = 1k/bytes = 64k/' q.conf; "
     "kill $(sed -n 's/^pid=//p' q/store/lock); sleep 1; "
     "long=$(printf '{\"id\":\"%04000d\",\"topic\":\"a\"}' 2); "
     "post ev nomos mine \"$long\"; ! "
     "eyelet-event quarantine explain $(refusal) | grep 'can tell more'"),
    ("eyelet-endpoint edit NAME --scheme changes it",
     "eyelet-endpoint add other --scheme nomos --secret-file mine; "
     "post other nolxy mine '{\"event\":\"a\"}'; "
     "eyelet-event quarantine explain $(refusal)",
     "eyelet-endpoint edit other --scheme nolxy && post other nolxy mine "
     "\"{\\\"event\\\":\\\"a\\\",\\\"timestamp\\\":\\\"$(date -u "
     "+%Y-%m-%dT%H:%M:%SZ)\\\"}\" | grep accepted"),
    ("the sender must take the current one: eyelet-secret show",
     "eyelet-secret rotate ev --secret-file next --now; event old; "
     "eyelet-event quarantine explain $(refusal)",
     "eyelet-secret show ev --json | grep current && "
     "post ev nomos next '{\"id\":\"e9\",\"topic\":\"a\"}' | grep accepted"),
    ("shows no envelope: give the whole body with --raw",
     "eyelet-endpoint add code --scheme github; "
     "eyelet-event publish --endpoint code --type push --data @data",
     "eyelet-event publish --endpoint code --raw --type push --data @data"),
    ("where the provider allows it, use one of",
     "echo short >short; eyelet-endpoint add sh --scheme nomos "
     "--secret-file short",
     "eyelet-secret rotate sh --secret-file second --now"),
    ("a new secret goes with --replace only",
     "eyelet-secret revoke sh sec_1 --secret-file f4",
     "eyelet-secret revoke sh $(eyelet-secret show sh --json | "
     "grep -o 'sec_[0-9]*' | tail -n 1) --replace --secret-file f4"),
    ("there is no folder %s: make the store with",
     "conf three three; eyelet-store -c three.conf status",
     "eyelet-store -c three.conf init --user \"$(id -un)\""),
    ("%s is no store: make one with",
     "conf four four; mkdir -m 700 four four/store four/keys; "
     "eyelet-store -c four.conf status",
     "eyelet-store -c four.conf init --user \"$(id -un)\""),
    ("without it no secret of the store can be read; restore it",
     "mv four/keys/key key.saved; eyelet-store -c four.conf status",
     "mv key.saved four/keys/key && eyelet-store -c four.conf status"),
    ('of them changed in the file since; \"eyelet-store reload\" takes',
     "conf w w; EYELET_CONFIG=$PWD/w.conf; "
     "eyelet-store init --user \"$(id -un)\"; eyelet-store status; "
     "printf '[receive]\\nbody_max = 2m\\n' >>w.conf; eyelet-store config",
     "EYELET_CONFIG=$PWD/w.conf; eyelet-store reload && "
     "! eyelet-store config 2>&1 | grep 'changed in the file'"),
    ("of them changed in the file since, and need a restart of",
     "EYELET_CONFIG=$PWD/w.conf; sed -i 's/^cache = .*/cache = 16m/' w.conf; "
     "eyelet-store config",
     "EYELET_CONFIG=$PWD/w.conf; kill $(sed -n 's/^pid=//p' w/store/lock); "
     "sleep 1; eyelet-store status && "
     "! eyelet-store config 2>&1 | grep 'changed in the file'"),
    ("what needs a restart comes into force when",
     "EYELET_CONFIG=$PWD/w.conf; sed -i 's/^cache = .*/cache = 8m/' w.conf; "
     "eyelet-store reload",
     "EYELET_CONFIG=$PWD/w.conf; kill $(sed -n 's/^pid=//p' w/store/lock); "
     "sleep 1; eyelet-store status && "
     "! eyelet-store config 2>&1 | grep 'changed in the file'"),
    ("take its place with --replace",
     "eyelet.fcgi --socket \"$PWD/two.sock\" & p=$!; n=0; while "
     "[ ! -S two.sock ] && [ $n -lt 200 ]; do sleep 0.1; n=$((n + 1)); done; "
     "eyelet.fcgi --socket \"$PWD/two.sock\"; kill $p; wait",
     "eyelet.fcgi --socket \"$PWD/two.sock\" & a=$!; n=0; while "
     "[ ! -S two.sock ] && [ $n -lt 200 ]; do sleep 0.1; n=$((n + 1)); done; "
     "eyelet.fcgi --socket \"$PWD/two.sock\" --replace & b=$!; wait $a; "
     "kill -0 $b; r=$?; kill $b; wait; exit $r"),
    ("--replace takes over a path, not a port",
     "eyelet.fcgi --socket 127.0.0.1:1 --replace",
     "timeout -s TERM 3 eyelet.fcgi --socket \"$PWD/t.sock\" --replace; "
     "r=$?; [ $r = 0 ] || [ $r = 124 ]"),
    ("--replace takes the place of the process",
     "eyelet.fcgi --replace </dev/null",
     "timeout -s TERM 3 eyelet.fcgi --socket \"$PWD/t.sock\" --replace; "
     "r=$?; [ $r = 0 ] || [ $r = 124 ]"),
    ("--expect-secret takes minutes",
     "eyelet-endpoint add asa --scheme asana --expect-secret=many",
     "eyelet-endpoint add asa --scheme asana --expect-secret=5"),
    ("has no secret that the provider sends to the endpoint",
     "eyelet-endpoint add typed --scheme nomos --expect-secret 5",
     "eyelet-endpoint add typed --scheme nomos && "
     "eyelet-secret stage typed --secret-file typed"),
    ("--workers takes a number", "eyelet.fcgi --workers many --store",
     "eyelet.fcgi --help"),
    ("--store serves no requests of web servers",
     "eyelet.fcgi --store --socket /nowhere/s", "eyelet.fcgi --help"),
)

# The same, for root alone: where users differ.
ROOT = (
    ("no user was named: give --user",
     "conf r0 r0; echo | script -qec 'eyelet-store -c r0.conf init' /dev/null",
     "echo root | script -qec 'eyelet-store -c r0.conf init' /dev/null"),
    ("sudo eyelet-store %sinit",
     "conf r1 r1; as nobody eyelet-store -c $PWD/r1.conf init --user www-data",
     "mkdir -p bin && printf '#!/bin/sh\\nexec \"$@\"\\n' >bin/sudo && "
     "chmod +x bin/sudo && PATH=$PWD/bin:$PATH && mend"),
    ("others may write in @, where a store of root's would lie",
     "conf r2 r2; mkdir r2; chmod 777 r2; "
     "eyelet-store -c r2.conf init --user root",
     "mend && eyelet-store -c r2.conf init --user root"),
    ("@, where a store of root's would lie, belongs to %s",
     "conf r3 r3; mkdir r3; chown nobody r3; "
     "eyelet-store -c r3.conf init --user root",
     "mend && eyelet-store -c r3.conf init --user root"),
    ("@ is there and open to others",
     "conf r4 r4; mkdir -p r4/keys; chown nobody r4/keys; "
     "eyelet-store -c r4.conf init --user nobody",
     "mend && eyelet-store -c r4.conf init --user nobody"),
    ("@ is there, empty, and belongs to %s",
     "conf r5 r5; mkdir -p r5/keys; "
     "eyelet-store -c r5.conf init --user nobody",
     "mend && eyelet-store -c r5.conf init --user nobody"),
    ("name another place for a new store",
     "eyelet-store -c r5.conf init --user www-data",
     "conf r6 r6 && eyelet-store -c r6.conf init --user www-data"),
    ("may not make the folder %s: name another place",
     "conf r7 r7; mkdir r7; chown daemon r7; "
     "eyelet-store -c r7.conf init --user nobody",
     "conf r7 r7b && eyelet-store -c r7.conf init --user nobody"),
    ("is a symbolic link that is not root's",
     "conf r8 r8/a; mkdir -m 755 r8; ln -s /nowhere r8/a; "
     "chown -h nobody r8/a; eyelet-store -c r8.conf init --user nobody",
     "mend && eyelet-store -c r8.conf init --user nobody"),
    ('use \"sudo -u %s %s',
     "as www-data eyelet-store -c $PWD/r5.conf status",
     "as nobody eyelet-store -c $PWD/r5.conf status"),
    ("may not connect to the owner of the store",
     "as nobody eyelet-store -c $PWD/r5.conf status; as www-data env "
     "EYELET_CONFIG=$PWD/r5.conf GATEWAY_INTERFACE=CGI/1.1 "
     "REQUEST_METHOD=GET PATH_INFO=/hooks/healthz eyelet.fcgi",
     "as nobody env EYELET_CONFIG=$PWD/r5.conf GATEWAY_INTERFACE=CGI/1.1 "
     "REQUEST_METHOD=GET PATH_INFO=/hooks/healthz eyelet.fcgi | grep ok"),
    ('shows under \"Another user\"',
     "conf r9 r9; eyelet-store -c r9.conf init --user root; "
     "eyelet-endpoint -c r9.conf add ev --scheme nomos --secret-file secret; "
     "kill $(sed -n 's/^pid=//p' r9/store/lock); "
     "as www-data eyelet.fcgi -c $PWD/r9.conf --socket $PWD/r9.sock",
     # The command as the page has it.
     "sed -n '/^flock .*chown/,/keys$/p' $PAGES/eyelet-store.8 | "
     "sed \"s,--from=www-data eyelet:eyelet,--from=root www-data:www-data,;"
     "s,/var/lib/eyelet/,$PWD/r9/,g;s,e$,,\" >move && sh -e move && "
     "as www-data env EYELET_CONFIG=$PWD/r9.conf GATEWAY_INTERFACE=CGI/1.1 "
     "REQUEST_METHOD=GET PATH_INFO=/hooks/healthz eyelet.fcgi | grep '\"ok\"' "
     "&& eyelet-endpoint -c r9.conf show ev"),
)

# (words of the message, test, words in it that show the cure being run)
AUDIT = "tests/tree/permission_audit.sh", 'sh "$work/$1.mend"'
ADOPT = "tests/admin/store_copied.py", 'st.do("store", "adopt")'
CLOCK = "tests/owner/clock_doubt.py", 'tool(stand, "store", "clock", "--accept")'
EXPLAINS = "tests/admin/quarantine_explains.py"
HELD = "tests/admin/held_events.py", 'f"eyelet-event release {seq}"'
LOSS = "tests/fault/damaged_log.py", 'stand.rows("store", "accept-loss")'
LOST = "tests/fault/damaged_segment.py", '"store", "check"'
NOTICES = "tests/admin/notices.py", '["eyelet-event", "retry"]'
UNDELIVERED = "tests/admin/undelivered.py"
TESTED = (
    ("raise the limit of memory", "tests/web/fcgi_start.py", "RAISE in words"),
    ("chown %s @", *AUDIT),
    ("chown %u @", *AUDIT),
    ("chown root @", *AUDIT),
    ("chmod go-w @", *AUDIT),
    ("chmod go-rwx @", *AUDIT),
    ("chmod g-w,o-rwx @", *AUDIT),
    ("chmod +t @", *AUDIT),
    ("chmod 600 @", *AUDIT),
    ("chmod 640 @", "tests/unit/crypto/test_seal.c", ": chmod 640 owned"),
    ("chmod 700 @", "tests/tree/cures.py", "@ is there and open to others"),
    ("rmdir @", "tests/tree/cures.py", "@ is there, empty, and belongs"),
    ("rm @", *AUDIT),
    ("mv @ @.moved", *AUDIT),
    ("t=$(readlink -f @)", *AUDIT),
    ('mv "$(readlink -f @)" @', *AUDIT),
    ("deliveries are held, as this store is a copy", *ADOPT),
    ("deliveries are held, as the store is a copy", *ADOPT),
    ("deliveries are held, so that the original's", *ADOPT),
    ("nothing was changed; when it is right, say so", *CLOCK),
    ("when it is right, eyelet-store clock --accept, or wait", *CLOCK),
    ("--body-file can bring it", EXPLAINS, '"--body-file", body'),
    ("register the URL with eyelet-endpoint edit NAME", EXPLAINS,
     '"other-url"'),
    ("It was delivered to no destination. If the provider", *HELD),
    ("what is or was held is not delivered", *HELD),
    ("is held, and was never delivered", *HELD),
    ("--status held --endpoint %s, then eyelet-event show", *HELD),
    ("--status held --endpoint %s, then eyelet-event release", *HELD),
    ("some may be done: the same call with --request-id",
     "tests/deliver/deliver_operated.py", '"--request-id"'),
    ("could be read, and the destination selects by type",
     "tests/deliver/deliver_types.py", "could be read, and the "),
    ("or have logrotate use copytruncate", "tests/web/log_rotates.py",
     "copytruncate"),
    ("then eyelet-destination resume %s", "tests/admin/destination_verbs.sh",
     "eyelet-destination resume"),
    ("eyelet-store check names what is lost; ask its sender", *LOST),
    ("eyelet-store check names what is lost; ask the senders", *LOST),
    ('\"eyelet-event dead list\" names the destinations',
     "tests/fault/damaged_segment.py", '"dead", "list"'),
    ("then eyelet-event retry %llu --destination %s", *NOTICES),
    ("eyelet-event dead list --destination %s", "tests/admin/delivery_verbs.sh",
     "eyelet-event dead list --destination"),
    ("see eyelet-event replay", "tests/fault/damaged_segment.py",
     '("replay", str(seq)'),
    ("(--allow-net allows a block for the destination)",
     "tests/admin/destination_test_sends.py", '"edit", name, "--allow-net"'),
    ("where deliveries may not connect; to allow it, use",
     "tests/admin/destination_names.py", "--allow-net"),
    ("eyelet-secret stage takes the one that the provider has",
     "tests/admin/endpoint_scheme.py", '"secret", "stage", "shop"'),
    ("see with eyelet-endpoint match what --events takes",
     "tests/admin/endpoint_scheme.py", '"endpoint", "match", "shop"'),
    ("allow them with eyelet-endpoint edit NAME --max-body",
     "tests/web/web_large.py", '"--max-body"'),
    ("once body_max or --max-body allows so much", "tests/web/web_large.py",
     '"--max-body"'),
    ("allow larger ones with eyelet-endpoint edit", "tests/web/web_large.py",
     '"--max-body"'),
    ("takes events by GET alone", "tests/admin/endpoint_test_posts.py",
     "takes events by GET alone"),
    ("look at eyelet-store status", UNDELIVERED, '"status"'),
    ("see with eyelet-secret show %s that it came",
     "tests/admin/secret_in_band.py", "activate"),
    ("one such secret waits at a time", "tests/admin/secret_in_band.py",
     "one at a time"),
    ("sent to the endpoint itself: activate it ", "tests/admin/secret_in_band.py",
     '"secret", "activate", "pages"'),
    ('until \"eyelet-store accept-loss\"', *LOSS),
    ("it went with a loss that was accepted", *LOSS),
    ("a loss that was accepted left a gap", *LOSS),
    ("keep it for the release that made it", "tests/admin/store_verbs.sh",
     "the cure: init in another folder"),
    ("store folder %s is not there", "tests/unit/engine_bdb/test_store.c",
     '"eyelet-store init"'),
    ('or make a new key with \"eyelet-store rekey\"',
     "tests/fault/names_taken.py", "is gone: restore it from its backup"),
    ("use the one that is installed", "tests/owner/owner_gives_way.sh",
     "use the one that is installed"),
    ('which would stand for all of them; use \"each\"',
     "tests/unit/scheme/test_scheme_identity.c", "reads one element of a list"),
    ("nothing is delivered: no eyelet-deliver runs; start it", UNDELIVERED,
     "eyelet-deliver"),
    ("as deliver.mode is child", UNDELIVERED, "child"),
    ("it hangs or was stopped; kill -CONT", UNDELIVERED, "kill -CONT"),
    ("eyelet-store status says what lacks", UNDELIVERED, '"status"'),
    ("see whether the provider still has the URL", "tests/admin/notices.py",
     "silent"),
    ("nothing; eyelet-event list --endpoint", "tests/admin/notices.py", "list"),
    ("then eyelet-event quarantine explain with a number", EXPLAINS,
     '"quarantine", "explain"'),
    ("says what it waits for", "tests/admin/destination_verbs.sh",
     "eyelet-destination show"),
    ("or eyelet-secret extend %s", "tests/admin/secret_verbs.sh",
     "eyelet-secret extend ends"),
)

# What names no cure, by its words.
PLAIN = (
    "usage: eyelet-deliver", "usage: eyelet.fcgi",  # usage and help
    "%s help VERB", "say what came of it, and end",
    "only serve the store to other processes",
    "how the provider signs: eyelet-scheme list", "one more secret to try",
    "of this endpoint, with --id", "this one, with --all",
    "of this type; --raw needs none", "the data, or with --raw the body",
    "of a --raw body", "the same as --grace 0",
    "put a new one in its place: --secret-file",
    "Shows the clocks of the store; --accept ends a doubt",
    "the store could not be closed within",  # the program's own name
    "eyelet.fcgi: %s\n", "eyelet.fcgi %s (%s)", "start %s --store",
    "--store was started, and does not serve",
    "--become-command is for eyelet-deliver itself",
    "a secret would be of no use", "kill it",
    "scheme: an endpoint needs one",  # the program says: --scheme is missing
    "a secret of this scheme cannot be made here",  # as of a new destination
    "it has no secret to sign with",
    # Every scheme that signs has secrets that are made here, so far.
    'a secret of scheme \"%s\" cannot be made here',
    "as long as --events asks for types",
    "the endpoint's --max-body",
    "mv %s %s",
)


# --- what the sources say -----------------------------------------------------

TOKEN = re.compile(r"/\*.*?\*/|'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.S)


def literals(path):
    """Each string of a source, those that stand side by side put together."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    found, end = [], None
    for m in TOKEN.finditer(text):
        if not m[0].startswith('"'):
            continue
        between = "x" if end is None else re.sub(
            r"/\*.*?\*/", "", text[end:m.start()], flags=re.S)
        if between.strip():
            found.append("")
        found[-1] += re.sub(r"\\(.)", lambda e: {"n": "\n"}.get(e[1], e[1]),
                            m[0][1:-1])
        end = m.end()
    return found


def texts():
    """(source, words) of every string."""
    for folder in ("admin", "cgi", "lib"):
        for path in sorted(glob.glob(f"{SOURCE}/{folder}/**/*.[ch]",
                                     recursive=True)):
            for words in literals(path):
                yield os.path.relpath(path, SOURCE), words


def messages():
    """Those that look like a cure. One word is a name: of a program, say."""
    for path, words in texts():
        if CURE.search(words) and " " in words.strip():
            yield path, words


def check_tables(wrong):
    """Each message has its row, and each row its message."""
    rows = collections.Counter(
        [row[0] for row in RUN + ROOT] + [row[0] for row in TESTED] + list(PLAIN))
    wrong += [f"two rows: {words}" for words, n in rows.items() if n > 1]
    every = "\n".join(words for _, words in texts())
    for path, words in messages():
        if not any(row in words for row in rows):
            wrong.append(f"{path}: a cure without a row: {words!r}")
    wrong += [f"no message has these words: {words!r}"
              for words in rows if words not in every]
    for words, path, shown in TESTED:
        with open(f"{SOURCE}/{path}", encoding="utf-8") as f:
            if shown not in f.read():
                wrong.append(f"{path} does not have {shown!r}: {words}")


# --- the programs' own tables -------------------------------------------------

def known():
    """{program: {verb: options}}"""
    found = {}
    for noun in PROGRAMS:
        verbs = found[f"eyelet-{noun}"] = {}
        text = subprocess.run([f"{BUILD}/admin/eyelet-{noun}", "--complete"],
                              capture_output=True, text=True, check=True,
                              timeout=CALL_S).stdout
        for line in text.splitlines():
            verb, *option = line.split("\t")[0].split()
            verbs.setdefault(verb, set()).update(option)
    return found


NAMED = re.compile(r"\b(eyelet-(?:%s)) (?:-c \S+ )?([a-z][a-z-]*)"
                   r"((?:[^\n.;:\"]|\.\S)*)" % "|".join(PROGRAMS))


def pages():
    """(file, text) of what people read, mdoc's marks taken out."""
    names = [*glob.glob(f"{SOURCE}/admin/*.[58]"),
             *glob.glob(f"{SOURCE}/cgi/*.8"), f"{SOURCE}/README.md",
             *[path for path in glob.glob(f"{SOURCE}/conf/**/*", recursive=True)
               if os.path.isfile(path)]]
    for path in sorted(names):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        if path.endswith(".json"):
            text = json.dumps(json.loads(text).get("notes", ""))
        yield os.path.relpath(path, SOURCE), text.replace("\\e\n", " ") \
            .replace("\\\n", " ").replace("\\-", "-")


def check_named(wrong):
    """A command that something names has that verb, and those options."""
    verbs, n = known(), 0
    for path, text in [*messages(), *pages()]:
        for program, verb, rest in NAMED.findall(text):
            if verb not in verbs[program]:
                continue  # words of a sentence
            n += 1
            for option in re.findall(r"(?<![-\w])--[a-z][a-z-]*",
                                     re.split(r"[|&)]| (?:eyelet-|what|where|with) ?",
                                              rest)[0]):
                if option not in verbs[program][verb]:
                    wrong.append(f"{path}: {program} {verb} has no {option}")
    if n < 100:
        wrong.append(f"only {n} commands were found in pages and messages")
    return n


# --- running ------------------------------------------------------------------

def shell(work, env, text):
    return subprocess.run(["sh", "-c", PRELUDE + text], cwd=work, env=env,
                          capture_output=True, text=True, timeout=CALL_S,
                          stdin=subprocess.DEVNULL)


def plain(words):
    """A message as a pattern: what is filled in may be anything."""
    return re.sub(r"%(?:\\\.)?(?:\\\*|\d)*(?:ll|z)?[a-z]", ".*",
                  re.escape(words).replace("\\%", "%").replace("@", ".*"))


def run_rows(work, wrong):
    for name in ("", "two"):
        with open(f"{work}/{name or 'e'}.conf", "w", encoding="utf-8") as f:
            f.write(f"[store]\npath = {work}/{name}store\n"
                    f"key_file = {work}/{name}keys/key\nfloor = 0\n"
                    "ballast = 0\ncache = 8m\n[schemes]\n"
                    f"path = {SOURCE}/conf/schemes\n[process]\n"
                    f"program = {BUILD}/cgi/eyelet.fcgi\n")
    for name in ("secret", "second", "third", "f4", "f5", "f6", "f8", "own",
                 "next", "mine", "typed"):
        with open(f"{work}/{name}", "w", encoding="utf-8") as f:
            f.write(f"{name}-of-a-test-0123456789abcdef\n")
    with open(f"{work}/ed25519", "w", encoding="utf-8") as f:
        f.write("9d61b19deffd5a60ba844af492ec2cc4"
                "4449c5697b326919703bac031cae7f60\n")
    env = dict(os.environ, EYELET_CONFIG=f"{work}/e.conf",
               PATH=f"{BUILD}/admin:{BUILD}/cgi:{os.environ['PATH']}")
    env["PAGES"] = f"{SOURCE}/admin"
    env["SCHEMES"] = f"{SOURCE}/conf/schemes"
    for words, says, cure in RUN + (ROOT if os.geteuid() == 0 else ()):
        done = shell(work, env, says)
        out = done.stdout + done.stderr
        with open(f"{work}/out", "w", encoding="utf-8") as f:
            f.write(out)
        if re.search(plain(words), out) is None:
            wrong.append(f"{says}: does not say {words!r}: {out.strip()!r}")
            continue
        done = shell(work, env, cure)
        if done.returncode != 0:
            wrong.append(f"{words!r}: {cure}: status {done.returncode}: "
                         f"{(done.stdout + done.stderr).strip()}")


def main():
    wrong = []
    check_tables(wrong)
    named = check_named(wrong)
    with tempfile.TemporaryDirectory(prefix="eyelet-cures.") as work:
        os.chmod(work, 0o755)  # also for those who are not root
        try:
            run_rows(work, wrong)
        finally:
            subprocess.run(
                ["sh", "-c", "for f in *store/lock */store/lock; do "
                 "kill $(sed -n 's/^pid=//p' \"$f\") 2>/dev/null; done; "
                 "sleep 1"], cwd=work, stderr=subprocess.DEVNULL,
                timeout=CALL_S)
    for words in wrong:
        print("FAIL:", words)
    print(f"{len(RUN + ROOT)} cures were run, {len(TESTED)} are run by other tests, "
          f"{named} commands exist")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
