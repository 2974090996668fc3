#!/usr/bin/env python3
"""What a sender meets behind every web server that conf/ has a file for: one
list, the same for all of them. Where they differ the row says how and why.

	web_rows.py [FRONT...]		all of them where none is named

Prints the list with what each said.
"""
import sys
sys.dont_write_bytecode = True

import base64
import concurrent.futures
import gzip
import hashlib
import hmac
import json
import os
import socket
import time
import urllib.parse
import zlib

from machine import free_port
from stand import SECRET, compare, effort, end_load, wait_for
from web_stand import FRONTS, GONE, HOST, WebStand, read_answer

MIB = 1 << 20
PROXY = "127.0.0.2"  # the load balancer, as eyelet.conf has it
ADDRESS = "192.0.2.7"  # may post to /hooks/far; so may 2001:db8::1
STRANGER = "198.51.100.1"
BACK_S = 30  # within which a service that was away is used again
SILENCE_S = 90  # within which a sender that says no more is left
# mod_fcgid says 500 of what it cannot read.
LEFT = (GONE, "408 -", "500 -")
RESTARTS = effort(1, 3, 10)
# Signed with a header that Apache hides, over one that must not come through.
OWN_SCHEME = {
    "title": "Own", "alg": "hmac-sha256",
    "sig": {"from": "header:Authorization", "prefix": "v1=", "enc": "hex"},
    "content": "{header:Proxy?}{body}", "id": "{json:/id}",
    "type": "{json:/topic}", "body": "json",
}


def event(ident, topic):
    what = {"topic": topic} if ident is None else {"id": ident, "topic": topic}
    return json.dumps(what).encode()


def mac(text):
    return hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()


def nomos(body, now=None):
    stamp = str(int(now or time.time()))
    return f"t={stamp},v1={mac(stamp.encode() + b'.' + body)}"


def lines(headers):
    return "".join(f"{name}: {value}\r\n" for name, value in headers)


def post(ident, name="shop", topic="order.paid", before=(), after=(), age=0,
         change=None, framing=None, **how):
    """Sends an event; before and after: headers around the signature's."""
    def send(stand):
        body = event(ident, topic)
        head = (f"POST /hooks/{name} HTTP/1.1\r\nHost: stand\r\n"
                f"Connection: close\r\n{lines(before)}"
                f"X-Nomos-Signature: {nomos(body, time.time() - age)}\r\n"
                f"{lines(after)}Content-Type: application/json\r\n")
        if change is not None:
            body = change(body)
        if framing is not None:
            return stand.exchange(framing(head, body), **how)
        return stand.exchange([head.encode() + b"Content-Length: %d\r\n\r\n"
                               % len(body) + body], **how)
    send.ident = ident
    return send


# --- how a body may come ------------------------------------------------------

def chunks(head, body, also=""):
    return [(head + "Transfer-Encoding: chunked\r\n" + also +
             "\r\n").encode(), b"%x\r\n" % 10 + body[:10] + b"\r\n",
            b"%x;x=y\r\n" % len(body[10:]) + body[10:] + b"\r\n",
            b"0\r\n\r\n"]


def chunks_and_length(head, body):
    return chunks(head, body, f"Content-Length: {len(body)}\r\n")


def no_length(head, body):
    return [head.encode() + b"\r\n"]


def two_lengths(head, body):
    return [head.encode() + b"Content-Length: %d\r\nContent-Length: 5\r\n\r\n"
            % len(body) + body]


def padded(size):
    return lambda body: body + b" " * (size - len(body))


def half_and_gone(ident):
    """Half a body, and the sender goes: stored only when it comes again."""
    def send(stand):
        body = event(ident, "order.paid")
        with stand.connect() as s:
            s.sendall(f"POST /hooks/shop HTTP/1.1\r\nHost: stand\r\n"
                      f"X-Nomos-Signature: {nomos(body)}\r\n"
                      f"Content-Length: {len(body)}\r\n\r\n".encode() +
                      body[:len(body) // 2])
            s.shutdown(socket.SHUT_WR)
        return post(ident)(stand)
    send.ident = ident
    return send


def get(path):
    return lambda stand: stand.exchange(
        [f"GET {path} HTTP/1.1\r\nHost: stand\r\nConnection: close\r\n\r\n"
         .encode()])


def hidden(ident, *headers):
    def send(stand):
        body = event(ident, "order.paid")
        return stand.exchange(
            [(f"POST /hooks/own HTTP/1.1\r\nHost: stand\r\n"
              f"Connection: close\r\nAuthorization: v1={mac(body)}\r\n"
              f"{lines(headers)}Content-Length: {len(body)}\r\n\r\n")
             .encode() + body])
    send.ident = ident
    return send


def many(send, times, seldom):
    """Some at once: that answer, if one of them got it, else the last."""
    def send_all(stand):
        with concurrent.futures.ThreadPoolExecutor(times) as pool:
            said = list(pool.map(lambda _: send(stand), range(times)))
        return seldom if seldom in said else said[-1]
    return send_all


# --- how a body may be written ------------------------------------------------

BOM = b"\xef\xbb\xbf"
FORM = "application/x-www-form-urlencoded"
CALL_URL = "https://hooks.example.org/hooks/call"


def written(ident, change, *headers):
    """An event of shop, its body changed before it is signed."""
    def send(stand):
        body = change(event(ident, "order.paid"))
        return stand.exchange(
            [(f"POST /hooks/shop HTTP/1.1\r\nHost: stand\r\n"
              f"Connection: close\r\nX-Nomos-Signature: {nomos(body)}\r\n"
              f"{lines(headers)}Content-Length: {len(body)}\r\n\r\n")
             .encode() + body])
    send.ident = ident
    return send


def hub(body, kind="application/json", *headers):
    """What GitHub sends, by either of its content types."""
    def send(stand):
        return stand.exchange(
            [(f"POST /hooks/hub HTTP/1.1\r\nHost: stand\r\n"
              f"Connection: close\r\nX-Hub-Signature-256: sha256={mac(body)}"
              f"\r\nX-GitHub-Event: issues\r\n"
              f"X-GitHub-Delivery: {mac(body)[:8]}\r\n"
              f"Content-Type: {kind}\r\n{lines(headers)}"
              f"Content-Length: {len(body)}\r\n\r\n").encode() + body])
    return send


def mail(cut=0, kind="multipart/form-data; boundary=\"b'0\""):
    """Mail with an attachment, as Mailgun's routes post it."""
    def send(stand):
        stamp, token = str(int(time.time())), "t" * 50
        fields = (("timestamp", stamp), ("token", token),
                  ("signature", mac((stamp + token).encode())))
        parts = [f'Content-Disposition: form-data; name="{name}"\r\n\r\n'
                 f"{value}".encode() for name, value in fields]
        parts.insert(1, b"Content-Disposition: form-data; name=\"attachment-1"
                     b"\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n"
                     b"\r\n\x89PNG\r\n--b\r\n\0\xff")
        body = b"".join(b"--b'0\r\n" + part + b"\r\n" for part in parts)
        body += b"--b'0--\r\n"
        body = body[:len(body) - cut]
        return stand.exchange(
            [(f"POST /hooks/mail HTTP/1.1\r\nHost: stand\r\n"
              f"Connection: close\r\nContent-Type: {kind}\r\n"
              f"Content-Length: {len(body)}\r\n\r\n").encode() + body])
    return send


def call(query, method="GET", signed=None):
    """A callback by GET, as Twilio sends it."""
    def send(stand):
        sum_ = hmac.new(SECRET.encode(),
                        f"{CALL_URL}?{signed or query}".encode(),
                        hashlib.sha1).digest()
        return stand.exchange(
            [(f"{method} /hooks/call?{query} HTTP/1.1\r\nHost: stand\r\n"
              f"Connection: close\r\nX-Twilio-Signature: "
              f"{base64.b64encode(sum_).decode()}\r\n\r\n").encode()])
    return send


def payload(**members):
    return urllib.parse.urlencode({"payload": json.dumps(members)}).encode()


GZIP = ("Content-Encoding", "gzip")
BODY_ROWS = [
    ("a byte order mark", written("evt_mark", lambda b: BOM + b),
     "200 accepted"),
    ("gzip", written("evt_gzip", gzip.compress, GZIP), "200 accepted"),
    ("deflate", written("evt_deflate", zlib.compress,
                        ("Content-Encoding", "deflate")), "200 accepted"),
    ("gzip, cut short", written("evt_cut", lambda b: gzip.compress(b)[:-5],
                                GZIP), "400 refused"),
    ("gzip, of which too much comes",
     written("evt_bomb", lambda b: gzip.compress(b + b" " * 8 * MIB), GZIP),
     "413 refused"),
    ("not packed as it says", written("evt_br", bytes,
                                      ("Content-Encoding", "br")),
     "400 refused"),
    ("a key twice", written("evt_key", lambda b: b[:-1] + b',"id":"x"}'),
     "400 refused"),
    ("GitHub's JSON", hub(b'{"action":"opened"}'), "200 accepted"),
    ("GitHub's form", hub(payload(action="opened", n=1), FORM),
     "200 accepted"),
    ("GitHub's form, not selected", hub(payload(action="closed"), FORM),
     "200 ignored"),
    ("no JSON where none is promised", hub(b"hello", "text/plain"),
     "200 held"),
    ("mail with an attachment", mail(), "200 accepted"),
    ("mail, cut short", mail(cut=3), "400 refused"),
    ("mail without its boundary", mail(kind="multipart/form-data"),
     "400 refused"),
    # Twilio wants empty answers.
    ("a call by GET", call("CallSid=CA1&CallStatus=completed&To=%2B49%3A1"),
     "200 -"),
    ("another call with its signature",
     call("CallSid=CA2", signed="CallSid=CA1"), "401 -"),
    ("a call by PUT", call("CallSid=CA1", "PUT"), "405 -"),
]


# --- what a query string must not do ------------------------------------------

# A server that speaks CGI may hand these words to the program as its arguments
# (RFC 3875, 4.4), split at "+", "%xx" decoded.
QUERIES = ("--version", "--help", "-h", "x", "--xyzzy", "--", "+", "",
           "--store", "--workers+1", "--socket+{where}", "--socket%3D{where}",
           "%2d%2dsocket+{where}", "--socket", "-c+{theirs}", "-c{theirs}",
           "-c+{theirs}+--store", "-c+{theirs}+--socket+{where}",
           "-c+/etc/passwd", "-c+%2fdev%2fstdin", "-c+/dev/stdin+--store",
           "-c+/proc/self/fd/0", "%2Dc%20{theirs}", "--become-command+/bin/id")
THEIRS = "theirs"  # a folder that only their configuration names


def asked(stand, query):
    """The query, with a socket and a configuration of a client's choice."""
    return query.format(where=f"{HOST}:{stand.trap_port}",
                        theirs=f"{stand.top}/{THEIRS}.conf")


def with_query(query, method, path, body=lambda stand: b"", headers=""):
    def send(stand):
        said = body(stand)
        return stand.exchange(
            [(f"{method} {path}?{asked(stand, query)} HTTP/1.1\r\n"
              f"Host: stand\r\nConnection: close\r\n{headers}"
              f"Content-Length: {len(said)}\r\n\r\n").encode() + said])
    return send


def signed_with_query(ident, query):
    def send(stand):
        body = event(ident, "order.paid")
        return with_query(query, "POST", "/hooks/shop", lambda _: body,
                          f"X-Nomos-Signature: {nomos(body)}\r\n")(stand)
    send.ident = ident
    return send


def their_settings(stand):
    """A configuration by which a store of theirs would be opened, and a
    program of theirs be run."""
    return (f"[store]\npath = {stand.top}/{THEIRS}\nkey_file = "
            f"{stand.home}/{THEIRS}.key\n[process]\nprogram = "
            f"{stand.home}/{THEIRS}.sh\n").encode()


def query_rows():
    for i, query in enumerate(QUERIES):
        yield (f"healthy ?{query}",
               with_query(query, "GET", "/hooks/healthz"), "200 ok")
        yield (f"wrong method ?{query}",
               with_query(query, "GET", "/hooks/shop"), "405 refused")
        yield (f"accepted ?{query}",
               signed_with_query(f"evt_query_{i}", query), "200 accepted")
        yield (f"their settings ?{query}",
               with_query(query, "POST", "/hooks/shop", their_settings),
               "401 refused")


def set_trap(stand):
    """What the rows of query_rows() ask for, if it is looked at."""
    stand.trap_port = free_port()
    with open(f"{stand.top}/{THEIRS}.conf", "wb") as f:
        f.write(their_settings(stand))
    stand.own(f"{stand.top}/{THEIRS}.conf")
    with open(f"{stand.home}/{THEIRS}.sh", "w") as f:
        f.write(f"#!/bin/sh\n: >{stand.home}/{THEIRS}.ran\n")
        os.chmod(f.name, 0o755)
    stand.own(f"{stand.home}/{THEIRS}.sh")


def trapped(stand):
    """What a client's words have done; nothing is right."""
    found = [name for name in (f"{stand.home}/{THEIRS}.ran",
                               f"{stand.top}/{THEIRS}",
                               f"{stand.home}/{THEIRS}.key")
             if os.path.exists(name)]
    with socket.socket() as s:
        if s.connect_ex((HOST, stand.trap_port)) == 0:
            found.append(f"a socket at {HOST}:{stand.trap_port}")
    for pid in stand.processes():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read()
        except OSError:
            continue
        if THEIRS.encode() in words or str(stand.trap_port).encode() in words:
            found.append(words)
    return found


def via(ident, *headers, name="far", source=PROXY, **how):
    """Through the load balancer, which took it over HTTPS if not said."""
    headers = [("X-Forwarded-" + n, v) for n, v in headers]
    if not any("Proto" in n for n, _ in headers):
        headers.append(("X-Forwarded-Proto", "https"))
    return post(ident, name=name, before=headers, source=source, **how)


# --- the list -----------------------------------------------------------------

FORGED = ("X-Nomos-Signature", "t=1,v1=00")
SHADOW = ("X_Nomos_Signature", "t=1,v1=00")
SHADOWED = ("lighttpd gives both one name; the others drop a \"_\"",
            {"lighttpd": "400 refused"})
SHADOWED_FOR = ("as above, and no order of theirs can be trusted",
                {"lighttpd": "400 refused"})
ROWS = [
    *query_rows(),
    # when, what is sent, what is answered, (why, where it differs)
    ("healthy", get("/hooks/healthz"), "200 ok"),
    ("accepted", post("evt_new"), "200 accepted"),
    ("duplicate", post("evt_new"), "200 duplicate"),
    ("over TLS", post("evt_tls", tls=True), "200 accepted"),
    ("tampered", post("evt_tampered",
                      change=lambda b: b.replace(b"paid", b"sent")),
     "401 refused"),
    ("stale", post("evt_stale", age=3600), "401 refused"),
    ("unknown endpoint", post("evt_unknown", name="nobody"), "404 refused"),
    ("wrong method", get("/hooks/shop"), "405 refused"),
    ("1 MiB", post("evt_mib", change=padded(MIB)), "401 refused"),
    ("too large by one byte", post("evt_large", change=padded(MIB + 1)),
     "413 refused"),
    ("far too large", post("evt_huge", change=padded(3 * MIB)), "413 -",
     ("mod_proxy_fcgi begins with the head, which is enough for eyelet",
      {"apache": "413 refused"})),
    ("short body, then whole", half_and_gone("evt_half"), "200 accepted"),
    ("no length", post("evt_none", framing=no_length), "411 refused",
     ("lighttpd asks for one itself; mod_fcgid says 0 where none is",
      {"lighttpd": "411 -", "apache-fcgid": "401 refused"})),
    ("two lengths", post("evt_two", framing=two_lengths), "400 -"),
    ("chunked", post("evt_chunked", framing=chunks), "200 accepted",
     ("mod_cgid passes chunks on without a length",
      {"apache-cgi": "411 refused"})),
    ("chunked, and a length", post("evt_both", framing=chunks_and_length),
     "400 -",
     ("Apache lets the chunks count, as RFC 9112 allows",
      {"apache2": "200 accepted", "apache-cgi": "411 refused"})),
    ("doubled signature", post("evt_doubled", after=[FORGED]),
     "401 refused",
     ("nginx passes both on; the others join them to one, which is no "
      "signature", {"nginx": "400 refused"})),
    ("look-alike before", post("evt_alike_1", before=[SHADOW]),
     "200 accepted", SHADOWED),
    ("look-alike behind", post("evt_alike_2", after=[SHADOW]),
     "200 accepted", SHADOWED),
    ("Authorization arrives", hidden("evt_auth"), "200 accepted"),
    ("Proxy does not", hidden("evt_proxy", ("Proxy", "http://x/")),
     "200 accepted"),
    *BODY_ROWS,
    ("unselected", post("evt_other", topic="customer.new"), "200 ignored"),
    ("test with an id", post("evt_test", topic="test.event"), "200 test"),
    ("test with that id again", post("evt_test", topic="test.event"),
     "200 test"),
    ("test without an id", post(None, topic="test.event"), "200 test"),
    ("keyless", post("evt_keyless", name="keyless"), "503 unavailable"),
    ("rate exceeded", many(post("evt_rate", name="slow"), 12, "429 refused"),
     "429 refused"),
    # Who sent it.
    ("address not allowed", post("evt_far", name="far"), "403 refused"),
    ("forged by a stranger",
     via("evt_f1", ("For", ADDRESS), source=HOST), "403 refused"),
    ("genuine", via("evt_f2", ("For", ADDRESS)), "200 accepted"),
    ("rightmost of a list is another",
     via("evt_f3", ("For", f"{ADDRESS}, {STRANGER}")), "403 refused"),
    ("rightmost of a list",
     via("evt_f4", ("For", f"{STRANGER}, {ADDRESS}")), "200 accepted"),
    ("proxies of ours to its right",
     via("evt_f5", ("For", f"{STRANGER},{ADDRESS} ,10.1.2.3, 10.1.2.4")),
     "200 accepted"),
    ("garbage to its left", via("evt_f6", ("For", f"<x>, {ADDRESS}")),
     "200 accepted"),
    ("garbage", via("evt_f7", ("For", f"{ADDRESS}, unknown")),
     "400 refused"),
    ("two headers that agree",
     via("evt_f8", ("For", ADDRESS), ("For", "10.1.2.3")), "200 accepted"),
    ("two headers, one forged",
     via("evt_f9", ("For", ADDRESS), ("For", STRANGER)), "403 refused",
     ("nginx 1.22 does not join them; in which order they came counts for "
      "nothing, since a look-alike may be among them",
      {"nginx": "400 refused"})),
    ("look-alike before it",
     post("evt_f10", name="far", source=PROXY,
          before=[("X_Forwarded_For", ADDRESS), ("X-Forwarded-For", STRANGER),
                  ("X-Forwarded-Proto", "https")]),
     "403 refused", SHADOWED_FOR),
    ("look-alike behind it",
     post("evt_f11", name="far", source=PROXY,
          before=[("X-Forwarded-For", STRANGER), ("X_Forwarded_For", ADDRESS),
                  ("X-Forwarded-Proto", "https")]),
     "403 refused", SHADOWED_FOR),
    ("IPv6", via("evt_f12", ("For", "2001:db8::1")), "200 accepted"),
    ("IPv6 in brackets", via("evt_f13", ("For", "[2001:db8::1]")),
     "200 accepted"),
    ("IPv6 with a port", via("evt_f14", ("For", "[2001:db8::1]:443")),
     "200 accepted"),
    ("IPv6 of a stranger", via("evt_f15", ("For", "2001:db9::1")),
     "403 refused"),
    ("IPv4 within IPv6", via("evt_f16", ("For", f"::ffff:{ADDRESS}")),
     "200 accepted"),
    ("IPv4 with a port", via("evt_f17", ("For", f"{ADDRESS}:61234")),
     "200 accepted"),
    ("a port that is none", via("evt_f18", ("For", f"{ADDRESS}:x")),
     "400 refused"),
    # Over what.
    ("plain HTTP", via("evt_p1", ("For", ADDRESS), ("Proto", "http")),
     "403 refused"),
    ("plain HTTP, said nowhere",
     post("evt_p2", name="far", source=PROXY,
          before=[("X-Forwarded-For", ADDRESS)]), "403 refused"),
    ("TLS as far as here",
     post("evt_p3", name="far", source=PROXY, tls=True,
          before=[("X-Forwarded-For", ADDRESS)]), "200 accepted"),
    ("plain HTTP before the proxy's TLS",
     via("evt_p4", ("For", ADDRESS), ("Proto", "http"), tls=True),
     "403 refused"),
    ("rightmost of two schemes",
     via("evt_p5", ("For", ADDRESS), ("Proto", "http, HTTPS")),
     "200 accepted"),
    ("a scheme forged to its left",
     via("evt_p6", ("For", ADDRESS), ("Proto", "https, http")),
     "403 refused"),
]


def expected(row, front):
    """What the answer must be behind this front."""
    _, differs = row[3] if len(row) > 3 else ("", {})
    return differs.get(front.name, differs.get(front.server, row[2]))


# --- senders that say no more -------------------------------------------------

def fall_silent(stand):
    """One in its head and one in its body; both are left in the end."""
    silent = {}
    for when, said in (
            ("silent in its head", b"POST /hooks/shop HTTP/1.1\r\nHost: s"),
            ("silent in its body", b"POST /hooks/shop HTTP/1.1\r\nHost: s\r\n"
             b"Content-Length: 100\r\n\r\nonly this")):
        silent[when] = stand.connect()
        silent[when].sendall(said)
    return silent


def last_words(s, began):
    s.settimeout(max(1, began + SILENCE_S - time.monotonic()))
    try:
        return read_answer(s)
    finally:
        s.close()


# --- a restart under load -----------------------------------------------------

def restarts(stand):
    """Every event's first answer came: none was told of as a duplicate."""
    load = stand.load(connections=4 if stand.front.is_cgi else 16)
    some = 20 if stand.front.is_cgi else 200
    for _ in range(RESTARTS):
        at = load.board.acked
        wait_for("load", 60, lambda: load.board.acked > at + some)
        stand.graceful()
        at = load.board.acked
        wait_for("load", 60, lambda: load.board.acked > at + some)
    figures = end_load(load)
    with open(load.journal) as f:
        words = [line.split() for line in f]
    found = compare(stand, [load.journal])
    unanswered = [ident for ident, word in words if word == "duplicate"]
    return {"acked": len(words), "broken": figures["broken"],
            "lost": found["lost"],
            "twice": [i for i in found["twice"] if i != "evt_test"],
            "unanswered": unanswered}


def comes_back(stand):
    """The service was away, and a request came meanwhile: no server holds
    that against it for long."""
    stand.stop_service()
    away = post("evt_away")(stand)
    stand.start_service()
    took = wait_for("service again", BACK_S, lambda: post("evt_back")(
        stand) == "200 accepted", 0.1)
    return away, took


# --- one server ---------------------------------------------------------------

def prepare(stand):
    with open(f"{stand.top}/schemes/own.json", "w") as f:
        json.dump(OWN_SCHEME, f)
    key = ("--secret-file", f"{stand.top}/secret")
    for name, *options in (
            ("shop", "nomos", "--events", "order.*", *key),
            ("own", "own", *key),
            ("hub", "github", "--events", "issues.opened", *key),
            ("mail", "mailgun-form", *key),
            ("call", "twilio", "--public-url", CALL_URL, *key),
            ("slow", "nomos", "--rate", "1", *key),
            ("far", "nomos", "--allow-from", f"{ADDRESS}, 2001:db8::/32",
             *key),
            ("keyless", "nomos")):
        stand.tool("endpoint", "add", name, "--scheme", *options)


def run(front):
    """What was answered, by row; and the faults found, in words."""
    said, faults, kept = {}, [], set()
    with WebStand(front, {"receive.trusted_proxies":
                          f"{PROXY}, 10.0.0.0/8"}) as stand:
        prepare(stand)
        stand.start()
        set_trap(stand)
        began = time.monotonic()
        silent = fall_silent(stand)
        for row in ROWS:
            when, send = row[:2]
            said[when] = send(stand)
            if said[when] in ("200 accepted", "200 test"):
                kept.add(getattr(send, "ident", None) or "evt_rate")
            if said[when] != expected(row, stand.front):
                faults.append(f"{when}: {said[when]}, not "
                              f"{expected(row, stand.front)}")
        for what in trapped(stand):
            faults.append(f"a query string did this: {what}")
        held = {r["id"] for r in stand.rows("event", "list", "--limit", "0")}
        strange = {i for i in held ^ kept if i and i.startswith("evt_")}
        if strange - {"evt_rate"}:
            faults.append(f"held or not, against the answer: {strange}")
        for when, s in silent.items():
            words = last_words(s, began)
            said[when] = f"{words}, {time.monotonic() - began:.0f} s"
            if words not in LEFT:
                faults.append(f"{when}: {words}")
        load = restarts(stand)
        said["answers lost in a restart"] = len(load["unanswered"])
        for what in ("lost", "twice", "unanswered"):
            if load[what]:
                faults.append(f"{what} in a restart: {load[what][:5]}")
        said["away, and back again"] = ""
        if stand.front.has_service:
            away, took = comes_back(stand)
            said["away, and back again"] = f"{away}, {took:.1f} s"
            if away not in ("502 -", "503 -"):
                faults.append(f"the service is away: {away}")
        print(f"{front}: {load['acked']} acked in {RESTARTS} restarts, "
              f"{load['broken']} broken connections")
    return said, faults


def show(columns):
    names = [row[0] for row in ROWS]
    first = next(iter(columns.values()))
    names += [name for name in first if name not in names]
    wide = max(map(len, names))
    width = {f: max(16, len(f)) for f in columns}
    print(" " * wide, *(f"{f:{width[f]}}" for f in columns), sep="  ")
    for name in names:
        print(f"{name:{wide}}", *(f"{str(said[name]):{width[f]}}"
                                  for f, said in columns.items()), sep="  ")
    for row in ROWS:
        if len(row) > 3:
            print(f"{row[0]}: {row[3][0]}")


def main(*fronts):
    columns, bad = {}, 0
    for front in fronts or FRONTS:
        columns[front], faults = run(front)
        for fault in faults:
            print(f"FAIL: {front}: {fault}")
        bad += len(faults)
    show(columns)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*[a for a in sys.argv[1:] if not a.startswith("--")]))
