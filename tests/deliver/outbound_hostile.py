#!/usr/bin/env python3
"""What servers may do to a post: each end is bounded and has its class."""
import sys
sys.dont_write_bytecode = True

import base64
import email.utils
import gzip
import itertools
import json
import os
import resource
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest
import warnings

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from machine import slack
from sink import CA, Answer, Sink, raw

POST = os.path.join(os.environ.get("top_builddir", "."), "tests",
                    "stand", "outbound_post")
HERE = "127.0.0.0/8, ::1"
PATIENCE_S = 120
SHORT_MS = 1500  # for those whose end is the timeout
OK = b"HTTP/1.1 200 OK\r\n"


def posts(rows, at_once=1000, env=None):
    """The results of rows, in their order; a time-out for all."""
    rows = [dict({"allow": HERE, "body": "{}"}, **row) for row in rows]
    lines = "".join(json.dumps(dict(row, id=str(i))) + "\n"
                    for i, row in enumerate(rows))
    done = subprocess.run([POST, str(at_once)], input=lines, env=env,
                          capture_output=True, text=True, timeout=PATIENCE_S)
    if done.returncode != 0:
        raise AssertionError(f"{done.returncode}: {done.stderr}")
    got = [json.loads(line) for line in done.stdout.splitlines()]
    for row in got:
        row["excerpt"] = base64.b64decode(row["excerpt_b64"])
    return sorted(got, key=lambda row: int(row["id"]))


def post(at_once=1000, env=None, **row):
    got = posts([row], at_once, env)
    assert len(got) == 1, got
    return got[0]


def lines(*text):
    return "".join(line + "\r\n" for line in text).encode("latin-1")


def redirect(status, to):
    return Answer(status, {"Location": to, "Connection": "keep-alive"})


ZIPPED = gzip.compress(b"\0" * 50_000_000)
FLOOD = lines("HTTP/1.1 100 Continue", "")

# When, what is sent, the class, and what else the result must have.
PLAIN = [
    ("an answer", 200, "answered", {"status": 200, "cut": False}),
    ("no content", 204, "answered", {"status": 204, "excerpt": b""}),
    ("an error of theirs", Answer(500, {}, b"oops"), "answered",
     {"status": 500, "excerpt": b"oops"}),
    ("gone", 410, "answered", {"status": 410}),
    ("a login is asked for", Answer(401, {"WWW-Authenticate": "Basic"}),
     "answered", {"status": 401}),
    ("a login is asked for, by negotiation",
     Answer(401, {"WWW-Authenticate": "Negotiate, NTLM"}), "answered",
     {"status": 401}),
    ("an expectation that failed", 417, "answered", {"status": 417}),
    ("2048 bytes", Answer(200, {}, b"x" * 2048), "answered",
     {"cut": False, "excerpt": b"x" * 2048}),
    ("2049 bytes", Answer(200, {}, b"x" * 2049), "answered",
     {"cut": True, "excerpt": b"x" * 2048}),
    ("a body without an end", raw(OK, b"\r\n", b"x" * 16384, then="again"),
     "answered", {"status": 200, "cut": True, "excerpt": b"x" * 2048}),
    ("chunks without an end", raw(
        OK + lines("Transfer-Encoding: chunked", ""),
        b"1000\r\n" + b"y" * 4096 + b"\r\n", then="again"),
     "answered", {"status": 200, "cut": True, "excerpt": b"y" * 2048}),
    ("a GiB", raw(OK + lines("Content-Length: 1073741824", ""), b"z" * 16384,
                  then="again"), "answered", {"status": 200, "cut": True}),
    ("gzip stays as it came", raw(OK + lines(
        "Content-Encoding: gzip", f"Content-Length: {len(ZIPPED)}", ""),
        ZIPPED), "answered", {"excerpt": ZIPPED[:2048]}),
    ("gzip that is none", raw(OK + lines(
        "Content-Encoding: gzip, br, zstd", "Content-Length: 3", ""), b"abc"),
     "answered", {"excerpt": b"abc"}),
    ("a compressed transfer", raw(OK + lines(
        "Transfer-Encoding: gzip, chunked", "", f"{len(ZIPPED):x}"), ZIPPED,
        b"\r\n0\r\n\r\n"), ("answered", "protocol"), {}),
    ("a hint, then an answer", raw(
        lines("HTTP/1.1 103 Early Hints", "Link: </a>", "Retry-After: 9", ""),
        OK + lines("Content-Length: 2", "", "")[:-2], b"ok"), "answered",
     {"status": 200, "excerpt": b"ok", "retry_after_ms": -1}),
    ("other protocols are switched to", raw(lines(
        "HTTP/1.1 101 Switching Protocols", "Upgrade: h2c",
        "Connection: Upgrade", ""), then="hang"),
     ("timeout", "protocol", "answered"), {}),
    ("1xx without an end", raw(FLOOD * 100, then="again"), "protocol",
     {"says": "64 KiB"}),
    ("1xx, then nothing", raw(FLOOD, then="hang"), "timeout", {}),
    ("headers of 64 KiB", raw(OK, *(lines("A: " + "b" * 1000)
                                    for _ in range(70)), lines("")),
     "protocol", {"says": "64 KiB"}),
    ("headers without an end", raw(OK, lines("A: " + "b" * 1000),
                                   then="again"), "protocol",
     {"says": "64 KiB"}),
    ("a header line without an end", raw(OK + b"A: ", b"b" * 4096,
                                         then="again"), "protocol",
     {"says": "header line"}),
    ("a status line without an end", raw(b"HTTP/1.1 200 ", b"b" * 4096,
                                         then="again"), "protocol", {}),
    ("trailers without an end", raw(
        OK + lines("Transfer-Encoding: chunked", "", "0"),
        lines("A: " + "b" * 1000), then="again"), "protocol", {}),
    ("500 headers", raw(OK, *(lines(f"A{i}: b") for i in range(500)),
                        lines("Content-Length: 0", "")), "answered",
     {"status": 200}),
    ("folded headers", raw(OK + lines("A: b", " c", "\td",
                                      "Content-Length: 0", "")), "answered",
     {"status": 200}),
    ("a NUL in a header", raw(OK + b"A: b\0c\r\n\r\n"), "protocol", {}),
    ("line ends of one byte", raw(b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx"),
     "answered", {"status": 200, "excerpt": b"x"}),
    ("nothing", raw(then="hang"), "timeout", {}),
    ("a byte a second", raw(OK + b"\r\n", b"x", then="again", pause_s=1),
     "timeout", {}),
    ("a header byte a second", raw(b"H", b"T", b"T", b"P", b"/", then="hang",
                                   pause_s=1), "timeout", {}),
    ("silence behind the status", raw(OK, then="hang"), "timeout", {}),
    ("silence within a header", raw(OK + b"Content-Le", then="hang"),
     "timeout", {}),
    ("silence within the body", raw(OK + lines("Content-Length: 9", "") +
                                    b"abc", then="hang"), "timeout", {}),
    ("silence within a chunk", raw(OK + lines(
        "Transfer-Encoding: chunked", "", "9") + b"abc", then="hang"),
     "timeout", {}),
    ("silence instead of the last chunk", raw(OK + lines(
        "Transfer-Encoding: chunked", "", "3", "abc"), then="hang"),
     "timeout", {}),
    ("a close instead of an answer", raw(), "protocol", {}),
    ("a close within the status", raw(b"HTTP/1.1 2"), "protocol", {}),
    ("a close within a header", raw(OK + b"Content-Le"),
     ("protocol", "answered"), {}),
    ("a close within the body", raw(OK + lines("Content-Length: 9", "") +
                                    b"abc"), "protocol", {}),
    ("a close within a chunk", raw(OK + lines(
        "Transfer-Encoding: chunked", "", "9") + b"abc"), "protocol", {}),
    ("a close instead of the last chunk", raw(OK + lines(
        "Transfer-Encoding: chunked", "", "3", "abc")), "protocol", {}),
    ("a reset instead of an answer", raw(then="reset"), "protocol", {}),
    ("a reset behind the status", raw(OK, then="reset", pause_s=0.1),
     "protocol", {}),
    ("a reset within a header", raw(OK + b"Content-Le", then="reset",
                                    pause_s=0.1), "protocol", {}),
    ("a reset within the body", raw(OK + lines("Content-Length: 9", "") +
                                    b"abc", then="reset", pause_s=0.1),
     "protocol", {}),
    ("a length that is too short", raw(OK + lines("Content-Length: 2", "") +
                                       b"abcdef"), "answered",
     {"excerpt": b"ab"}),
    ("a length below zero", raw(OK + lines("Content-Length: -5", "") + b"ab"),
     ("protocol", "answered"), {}),
    ("a length beyond all", raw(OK + lines(
        "Content-Length: 99999999999999999999999", "") + b"ab"),
     ("protocol", "answered"), {}),
    ("a length of letters", raw(OK + lines("Content-Length: many", "") +
                                b"ab"), ("protocol", "answered"), {}),
    ("two lengths", raw(OK + lines("Content-Length: 2", "Content-Length: 9",
                                   "") + b"ab"), ("protocol", "answered"),
     {}),
    ("a chunk's length of letters", raw(OK + lines(
        "Transfer-Encoding: chunked", "", "many", "abc")), "protocol", {}),
    ("a chunk's length beyond all", raw(OK + lines(
        "Transfer-Encoding: chunked", "", "f" * 30, "abc")), "protocol", {}),
    ("no content, with some", raw(lines("HTTP/1.1 204 No Content", "") +
                                  b"abc"), "answered",
     {"status": 204, "excerpt": b""}),
    ("HTTP/0.9", raw(b"hello\n"), "protocol", {}),
    ("a page of HTML", raw(b"<html>" + b"x" * 4096), "protocol", {}),
    ("random bytes", raw(bytes(range(128, 256)) * 40), "protocol", {}),
    ("another protocol", raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "protocol", {}),
    ("HTTP of the future", raw(b"HTTP/9.9 200 OK\r\n\r\n"), "protocol", {}),
    ("a status of letters", raw(b"HTTP/1.1 abc OK\r\n\r\n"), "protocol", {}),
    ("a status of one digit", raw(b"HTTP/1.1 2 OK\r\n\r\n"), "protocol", {}),
    ("a status below 100", raw(b"HTTP/1.1 000 OK\r\n\r\n"), "protocol", {}),
    ("control bytes for a reason", raw(
        b"HTTP/1.1 200 \x1b[2J\r\nContent-Length: 0\r\n\r\n"), "answered",
     {"status": 200}),
]

RETRY_AFTER = [
    ("seconds", "7", 7000),
    ("none", "0", 0),
    ("blanks around", "  120\t", 120000),
    ("a year", "31536000", 31536000000),
    ("for ever", "99999999999", 31622400000),
    ("more than a number holds", "9" * 25, -1),
    ("below zero", "-5", -1),
    ("a fraction", "1.5", -1),
    ("hex", "0x10", -1),
    ("a list", "5, 6", -1),
    ("words", "soon", -1),
    ("empty", "", -1),
    ("a date that is past", "Wed, 21 Oct 2015 07:28:00 GMT", 0),
    ("a date of RFC 850", "Wednesday, 21-Oct-15 07:28:00 GMT", 0),
    ("a date of C", "Wed Oct 21 07:28:00 2015", 0),
    ("no date", "Wed, 99 Foo 2015 07:28:00 GMT", -1),
    ("very long", "Wed, 21 Oct 2015 07:28:00 GMT" + " " * 30 + "x", -1),
]


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        cls.ca = CA(cls.folder)

    def sink(self, *args, **more):
        sink = Sink(*args, **more)
        self.addCleanup(sink.close)
        return sink

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def judge(self, when, got, want, more=None):
        with self.subTest(when):
            self.assertIn(got["class"], (want,) if isinstance(want, str)
                          else want, got)
            more = dict(more or {})
            self.assertIn(more.pop("says", ""), got["words"])
            for name, value in more.items():
                self.assertEqual(got[name], value, name)
            self.assertEqual(got["words"] == "", got["class"] == "answered")
            self.assertNotRegex(got["words"], r"[\x00-\x1f\x7f]")
            self.assertLessEqual(len(got["excerpt"]), 2048)

    def test_what_comes_back(self):
        sink, rows = self.sink(), []
        for i, (_, behaviour, want, _) in enumerate(PLAIN):
            sink.answers(f"/{i}", behaviour)
            rows.append({"url": sink.url(f"/{i}"), "timeout_ms":
                         SHORT_MS if "timeout" in want else 1000 * PATIENCE_S})
        began = time.monotonic()
        for (when, _, want, more), got in zip(PLAIN, posts(rows)):
            self.judge(when, got, want, more)
        self.assertLess(time.monotonic() - began, PATIENCE_S / 2)
        # Nobody was asked twice: libcurl repeats only what a kept connection
        # lost, and there was none.
        self.assertEqual(len(sink.requests()), len(PLAIN))

    def test_retry_after(self):
        sink = self.sink()
        for i, (_, value, _) in enumerate(RETRY_AFTER):
            sink.answers(f"/{i}", Answer(503, {"rEtRy-AfTeR": value}))
        got = posts([{"url": sink.url(f"/{i}")}
                     for i in range(len(RETRY_AFTER))])
        for (when, _, want), row in zip(RETRY_AFTER, got):
            with self.subTest(when):
                self.assertEqual(row["status"], 503)
                self.assertEqual(row["retry_after_ms"], want)
        sink.answers("/soon", lambda _: Answer(429, {
            "Retry-After": email.utils.formatdate(time.time() + 600,
                                                  usegmt=True)}))
        after = post(url=sink.url("/soon"))["retry_after_ms"]
        self.assertTrue(480_000 < after <= 600_000, after)

    def test_nobody_is_followed(self):
        inside = self.sink()
        sink = self.sink()
        places = [inside.url("/secret"), "file:///etc/passwd",
                  "http://169.254.169.254/latest/meta-data/",
                  "gopher://127.0.0.1:6379/_x", "/elsewhere",
                  f"//127.0.0.1:{inside.port}/secret"]
        rows = []
        for status, place in itertools.product(
                (300, 301, 302, 303, 304, 305, 307, 308), places):
            path = f"/{len(rows)}"
            sink.answers(path, redirect(status, place))
            rows.append(({"url": sink.url(path)}, status))
        for headers in ({"Refresh": f"0; url={inside.url('/secret')}"},
                        {"Content-Location": inside.url("/secret")},
                        {"Link": f"<{inside.url('/secret')}>; rel=preload"},
                        {"Alt-Svc": f'h1="127.0.0.1:{inside.port}"'},
                        {"Alt-Svc": f'http/1.1=":{inside.port}"; ma=3600'},
                        {"Strict-Transport-Security": "max-age=3600"},
                        {"Set-Cookie": "a=b; path=/"}):
            path = f"/{len(rows)}"
            sink.answers(path, Answer(200, headers))
            # Twice: what was learned would change the second.
            rows += [({"url": sink.url(path)}, 200)] * 2
        got = posts([row for row, _ in rows], at_once=1)
        self.assertEqual([row["status"] for row in got],
                         [status for _, status in rows])
        self.assertEqual(inside.connects, 0)
        self.assertEqual(len(sink.requests()), len(rows))
        for request in sink.requests():
            self.assertEqual(request.method, "POST")
            self.assertNotIn("cookie", request.headers)

    def test_what_goes_out(self):
        sink = self.sink()
        body = "bytes \u00e4 \x01 " * 100
        got = post(url=sink.url("/a/../b?c=d&e=%20f"), body=body,
                   headers="Webhook-Id: evt_1\nEmpty:\nX-Tab: a\tb\n")
        self.assertEqual(got["status"], 200)
        self.assertEqual(got["address"], "127.0.0.1")
        request, = sink.requests()
        self.assertEqual(request.path, "/a/../b?c=d&e=%20f")
        self.assertEqual(request.body.decode(), body)
        self.assertEqual(request.headers, {
            "host": f"127.0.0.1:{sink.port}", "accept": "*/*",
            "user-agent": request.headers["user-agent"], "empty": "",
            "webhook-id": "evt_1", "x-tab": "a\tb",
            "content-length": str(len(body.encode()))})
        self.assertRegex(request.headers["user-agent"], r"^eyelet/[0-9.]+")
        # A big body, without a word from the other side before.
        body = "b" * 3_000_000
        post(url=sink.url("/big"), body=body, headers="Content-Type: a/b\n")
        request, = sink.requests("/big")
        self.assertEqual(request.body, body.encode())
        self.assertEqual(request.headers["content-type"], "a/b")
        self.assertNotIn("expect", request.headers)
        post(url=sink.url("/none"), body="")
        self.assertEqual(sink.requests("/none")[0].headers["content-length"],
                         "0")

    def test_connections_are_kept(self):
        sink = self.sink(tls=self.ca.issue())
        got = posts([{"url": sink.url("/k"), "ca": self.ca.file,
                      "times": 20}], at_once=1)
        self.assertEqual({row["status"] for row in got}, {200})
        self.assertEqual((sink.connects, len(sink.requests())), (1, 20))
        # Many that hang take none of the places of those that are kept.
        hang = self.sink()
        got = posts([{"url": hang.url("/hang"), "times": 300,
                      "timeout_ms": 3000},
                     {"url": sink.url("/k"), "ca": self.ca.file}] +
                    [{"url": sink.url("/k"), "ca": self.ca.file,
                      "times": 30}], at_once=301)
        self.assertEqual(sink.connects, 2)
        self.assertEqual(len(sink.requests()), 51)

    def test_a_kept_connection_that_is_spoiled_is_left(self):
        sink = self.sink()
        sink.answers("/more", raw(
            OK + lines("Content-Length: 2", "") + b"ok" +
            lines("HTTP/1.1 500 Not Yours", "Content-Length: 0", ""),
            then="keep"))
        sink.answers("/late", raw(
            lines("HTTP/1.1 204 No Content", "") + b"abc", then="keep"))
        sink.answers("/cut", raw(OK + b"\r\n" + b"x" * 200_000, then="keep"))
        sink.answers("/leaves", raw(
            OK + lines("Content-Length: 0", ""), then="close"))
        sink.answers("/says", Answer(200, {"Connection": "close"}))
        rows = []
        for path in ("/more", "/late", "/cut", "/leaves", "/says"):
            rows += [{"url": sink.url(path)}, {"url": sink.url("/ok")}]
        got = posts(rows * 3, at_once=1)
        self.assertEqual([row["class"] for row in got],
                         ["answered"] * len(rows) * 3, got)
        self.assertEqual({row["status"] for row in got[1::2]}, {200})
        self.assertEqual({row["excerpt"] for row in got[1::2]}, {b"ok\n"})

    def test_a_kept_connection_is_judged_again(self):
        sink = self.sink()
        row = {"url": sink.url("/j")}
        got = posts([dict(row, pool=1), dict(row, pool=1),
                     dict(row, pool=2, allow="10.0.0.0/8"),
                     dict(row, pool=1)], at_once=1)
        self.assertEqual([row["class"] for row in got],
                         ["answered", "answered", "blocked", "answered"])
        # The one that was denied is closed: nobody sends on it again.
        self.assertEqual([r.connection for r in sink.requests()], [1, 1, 2])
        self.assertEqual(sink.connects, 2)

    def test_answers_before_all_was_read(self):
        """A refusal while a big body goes out is heard, or a reset is."""
        def early(then):
            listener = socket.create_server(("127.0.0.1", 0))
            self.addCleanup(listener.close)

            def serve():
                peer, _ = listener.accept()
                with peer:
                    peer.recv(1000)
                    peer.sendall(b"HTTP/1.1 413 Too Big\r\n"
                                 b"Content-Length: 0\r\n"
                                 b"Connection: close\r\n\r\n")
                    if then == "reset":
                        time.sleep(0.2)
            threading.Thread(target=serve, daemon=True).start()
            return f"http://127.0.0.1:{listener.getsockname()[1]}/"
        for then in ("reset", "close"):
            got = post(url=early(then), body="x" * 8_000_000)
            self.judge(then, got, ("answered", "protocol"))
            if got["class"] == "answered":
                self.assertEqual(got["status"], 413)

    def test_where_nobody_is(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            free = taken.getsockname()[1]
        full = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.addCleanup(full.close)
        port = full.getsockname()[1]
        held = []
        for _ in range(8):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", port))
            held.append(s)
            self.addCleanup(s.close)
        got = posts([
            {"url": f"http://127.0.0.1:{free}/"},
            {"url": f"http://[::1]:{free}/"},
            {"url": "http://no-such-host.invalid/"},
            {"url": f"http://127.0.0.1:{port}/", "connect_ms": SHORT_MS},
            {"url": f"https://127.0.0.1:{port}/", "timeout_ms": SHORT_MS},
        ])
        for when, row, want in zip(
                ("refused", "refused, IPv6", "no name", "no place in a queue",
                 "the same over TLS"), got,
                ("connect", "connect", "name", "timeout", "timeout")):
            self.judge(when, row, want)

    def test_tls(self):
        other = CA(self.folder, "other authority")
        demands = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        demands.load_cert_chain(*self.ca.issue())
        demands.load_verify_locations(self.ca.file)
        demands.verify_mode = ssl.CERT_REQUIRED
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        old.load_cert_chain(*self.ca.issue())
        old.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is old, as it is meant to
            old.minimum_version = ssl.TLSVersion.TLSv1
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        cert, key = self.ca.issue()
        locked = os.path.join(self.folder, "locked.key")
        CA.openssl("ec", "-in", key, "-out", locked, "-aes256", "-passout",
                   "pass:word")
        good = self.sink(tls=self.ca.issue())
        plain = self.sink()
        rubbish = self.file("rubbish.pem", "no certificate\n")
        mine = {"cert": cert, "key": key}
        rows = [
            ("verified", good, {}, "answered", {"status": 200}),
            ("by address", good, {"host": "127.0.0.1"}, "answered", {}),
            ("another authority", good, {"ca": other.file}, "tls",
             {"says": "certificate"}),
            ("the system's authorities", good, {"ca": None}, "tls",
             {"says": "certificate"}),
            ("expired", self.sink(tls=self.ca.issue(days=-1)), {}, "tls",
             {"says": "expired"}),
            ("another name", self.sink(tls=self.ca.issue("DNS:a.example")),
             {}, "tls", {"says": "name"}),
            ("a name for the address", self.sink(
                tls=self.ca.issue("DNS:localhost")), {"host": "127.0.0.1"},
             "tls", {}),
            ("TLS 1.1", self.sink(context=old), {}, "tls", {}),
            # It may wait for the end of a line that never comes.
            ("TLS, to a plain one", plain, {"url": plain.url().replace(
                "http:", "https:"), "timeout_ms": SHORT_MS},
             ("tls", "timeout"), {}),
            ("plain, to a TLS one", good, {"url": good.url().replace(
                "https:", "http:")}, "protocol", {}),
            ("words before TLS", self.sink(
                tls=self.ca.issue(), greeting=raw(
                    b"HTTP/1.1 200 OK\r\n\r\n", then="keep")), {}, "tls", {}),
            ("silence before TLS", self.sink(
                tls=self.ca.issue(), greeting=raw(then="hang")),
             {"timeout_ms": SHORT_MS}, "timeout", {}),
            ("a close before TLS", self.sink(
                tls=self.ca.issue(), greeting=raw()), {},
             ("tls", "connect"), {}),
            ("a reset before TLS", self.sink(
                tls=self.ca.issue(), greeting=raw(then="reset")), {},
             ("tls", "connect"), {}),
            ("a certificate is demanded", self.sink(context=demands), {},
             ("tls", "protocol"), {}),
            ("and given", self.sink(context=demands), mine, "answered", {}),
            ("another key", good, {"cert": cert, "key": self.ca.key},
             "usage", {}),
            ("a key behind a password", good, {"cert": cert, "key": locked},
             "usage", {}),
            ("no key file", good, {"cert": cert, "key": "/no/such.key"},
             "usage", {"says": "/no/such.key"}),
            ("no authorities", good, {"ca": "/no/such.pem"}, "usage",
             {"says": "/no/such.pem"}),
            ("rubbish for authorities", good, {"ca": rubbish}, "usage",
             {"says": "rubbish.pem"}),
        ]
        told = []
        for _, sink, more, _, _ in rows:
            more = dict(more)
            row = {"url": sink.url(host=more.pop("host", None)),
                   "ca": self.ca.file, **more}
            told.append({k: v for k, v in row.items() if v is not None})
        for (when, _, _, want, check), got in zip(rows, posts(told)):
            self.judge(when, got, want, check)

    def test_a_connection_counts_for_its_own_tls_only(self):
        """One that was verified by another file, or without one."""
        other = CA(self.folder, "third authority")
        sink = self.sink(tls=self.ca.issue())
        row = {"url": sink.url()}
        got = posts([dict(row, ca=self.ca.file), dict(row, ca=other.file),
                     row, dict(row, ca=self.ca.file)], at_once=1)
        self.assertEqual([row["class"] for row in got],
                         ["answered", "tls", "tls", "answered"])
        self.assertEqual([r.connection for r in sink.requests()], [1, 1])

    def test_nor_for_another_client(self):
        asks = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        asks.load_cert_chain(*self.ca.issue())
        asks.load_verify_locations(self.ca.file)
        asks.verify_mode = ssl.CERT_OPTIONAL
        sink = self.sink(context=asks)
        row = {"url": sink.url(), "ca": self.ca.file}
        first, second = ({"cert": cert, "key": key} for cert, key in
                         (self.ca.issue(), self.ca.issue()))
        got = posts([dict(row, **first), row, dict(row, **second),
                     dict(row, **first)], at_once=1)
        self.assertEqual({row["class"] for row in got}, {"answered"})
        self.assertEqual([r.connection for r in sink.requests()],
                         [1, 2, 3, 1])

    def test_no_descriptor_is_left(self):
        """A fault of ours, said of those it struck; the others go on."""
        hang, sink = self.sink(), self.sink()
        rows = [{"url": sink.url("/x"), "times": 5},
                {"url": hang.url("/hang"), "timeout_ms": SHORT_MS,
                 "times": 60}]
        lines_ = "".join(json.dumps(dict(row, id=str(i), allow=HERE)) + "\n"
                         for i, row in enumerate(rows))
        done = subprocess.run(
            [POST, "30"], input=lines_, capture_output=True, text=True,
            timeout=PATIENCE_S, preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_NOFILE, (24, 24)))
        self.assertEqual(done.returncode, 0, done.stderr)
        got = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(got), 65)
        self.assertEqual({row["class"] for row in got if row["id"] == "0"},
                         {"answered"})
        self.assertEqual({row["class"] for row in got if row["id"] == "1"},
                         {"timeout", "fault"})

    def test_nothing_of_the_environment(self):
        proxy, sink = self.sink(), self.sink()
        self.file(".netrc", "machine 127.0.0.1 login me password secret\n"
                  "default login me password secret\n")
        self.file(".curlrc", f'proxy = "{proxy.url()}"\n')
        env = dict(os.environ, HOME=self.folder, no_proxy="",
                   CURL_HOME=self.folder, SSL_CERT_FILE=self.ca.file)
        for name in ("http", "https", "all", "HTTPS", "ALL"):
            env[name + "_proxy" if name.islower() else name + "_PROXY"] = \
                proxy.url()
        got = post(url=sink.url("/e"), env=env)
        self.assertEqual(got["status"], 200)
        self.assertNotIn("authorization", sink.requests()[0].headers)
        tls = self.sink(tls=self.ca.issue())
        got = post(url=tls.url(), env=env)
        self.assertEqual((got["class"], proxy.connects), ("tls", 0))

    def test_a_proxy_that_is_given(self):
        proxy, sink = self.sink(), self.sink()
        row = {"url": "http://sink.example/x?y", "proxy": proxy.url("")}
        got = post(headers="Authorization: Bearer b\n", **row)
        self.assertEqual(got["status"], 200)
        request, = proxy.requests()
        self.assertEqual(request.path, "http://sink.example/x?y")
        # It is judged itself; whom it goes to is its own affair.
        self.assertEqual(post(**dict(row, allow="10.0.0.0/8"))["class"],
                         "blocked")
        # What is for the destination is not for the proxy.
        row["url"] = "https://sink.example/"
        proxy.answers("sink.example:443", 403)
        got = post(headers="Authorization: Bearer b\n", **row)
        self.judge("no tunnel", got, "protocol", {"says": "CONNECT"})
        tunnel, = (r for r in proxy.requests() if r.method == "CONNECT")
        self.assertNotIn("authorization", tunnel.headers)
        # Nor does no_proxy of the environment go around it.
        before = proxy.connects
        post(**dict(row, url=sink.url()),
             env=dict(os.environ, no_proxy="*", NO_PROXY="*"))
        self.assertEqual((proxy.connects, sink.connects), (before + 1, 0))

    def test_a_second_try_has_what_is_left_of_the_time(self):
        """Each kept connection dies under the post a while after it came;
        the last, which is its own, hangs: all of it in one timeout."""
        sink, kept = self.sink(), 7
        left = itertools.chain(range(kept - 1), itertools.repeat(None))

        def lose(_):
            if next(left) is None:
                return raw(then="hang")
            time.sleep(0.25)
            return raw(then="reset")

        sink.answers("/lose", lose)
        warm = {"url": sink.url("/delay/0.5"), "times": kept}
        got = posts([warm, {"url": sink.url("/lose"), "timeout_ms": 4000}],
                    at_once=kept)[-1]
        self.assertEqual(got["class"], "timeout", got)
        self.assertEqual(len(sink.requests("/lose")), kept)
        self.assertEqual(sink.connects, kept + 1)
        self.assertLess(got["took_us"], 5_000_000)

    def test_many_that_hang_slow_nobody(self):
        hang, sink = self.sink(), self.sink()
        began = time.monotonic()
        timeout_ms = round(5000 * slack())
        got = posts([{"url": hang.url("/hang"), "timeout_ms": timeout_ms,
                      "times": 200}, {"url": sink.url("/s"), "times": 300}])
        fast = [row for row in got if row["id"] == "1"]
        self.assertEqual({row["status"] for row in fast}, {200})
        self.assertLess(max(row["took_us"] for row in fast),
                        900 * timeout_ms)
        self.assertEqual({row["class"] for row in got if row["id"] == "0"},
                         {"timeout"})
        self.assertLess(time.monotonic() - began, PATIENCE_S / 2)


if __name__ == "__main__":
    unittest.main()
