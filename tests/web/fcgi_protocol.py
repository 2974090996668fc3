#!/usr/bin/env python3
"""What eyelet.fcgi makes of the bytes that a web server sends.

Over a receive() that tells what it was given (tests/stand/fake_lib.c).
"""
import sys
sys.dont_write_bytecode = True

import json
import os
import socket
import struct
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from fcgi_client import *  # noqa: F401,F403
from machine import free_port

MIB = 1 << 20


def checksum(body):
    total = 0
    for byte in body:
        total = (total * 31 + byte) & 0xffffffff
    return total


class WithProgram(unittest.TestCase):
    settings = "[receive]\nbody_max = 1m\nupload_timeout = 3s\n"
    options = ("--workers", "2")

    @classmethod
    def setUpClass(cls):
        cls.folder = Folder(cls.settings)
        cls.journal = cls.folder.file("journal")
        env = dict(cls.env(), FAKE_JOURNAL=cls.journal)
        cls.program = Program(cls.folder, *cls.options, env=env)

    @classmethod
    def env(cls):
        return {}

    @classmethod
    def tearDownClass(cls):
        status = cls.program.stop()
        log = cls.program.log()
        cls.folder.remove()
        if status != 0:
            raise AssertionError(f"it ended with {status}: {log}")

    def ask(self, data):
        answer = ask(self.program.socket, data)
        self.assertIsNotNone(answer, "no answer")
        return answer

    def echo(self, env, body=b""):
        answer = self.ask(request(env, body))
        self.assertEqual(answer.status, 200, answer.body)
        return json.loads(answer.body)

    def journaled(self):
        try:
            with open(self.journal) as f:
                return f.read().split()
        except FileNotFoundError:
            return []


class Environment(WithProgram):
    def test_request_is_passed_whole(self):
        body = bytes(range(256)) * 5
        got = self.echo([
            ("REQUEST_METHOD", "POST"), ("SCRIPT_NAME", "/hooks/shop"),
            ("QUERY_STRING", "a=1%20&b"), ("REMOTE_ADDR", "2001:db8::7"),
            ("CONTENT_LENGTH", str(len(body))),
            ("CONTENT_TYPE", "application/json; charset=utf-8"),
            ("HTTP_X_HUB_SIGNATURE_256", " \tsha256=00 "),
            ("SERVER_SOFTWARE", "any/1.0")], body)
        self.assertLess(abs(got.pop("now") / 1000 - time.time()), PATIENCE)
        self.assertEqual(got, {
            "https": False, "declared": len(body), "length": len(body),
            "sum": checksum(body), "nheaders": 2, "method": "POST",
            "path": "/hooks/shop", "query": "a=1%20&b",
            "peer": "2001:db8::7",
            "headers": [["x-hub-signature-256", "sha256=00"],
                        ["content-type", "application/json; charset=utf-8"]]})

    def test_path_comes_from_the_first_that_says_it(self):
        rows = [
            ("PATH_INFO first", {"PATH_INFO": "/a", "SCRIPT_NAME": "/b",
                                 "REQUEST_URI": "/c"}, "/a"),
            ("empty PATH_INFO", {"PATH_INFO": "", "SCRIPT_NAME": "/b"}, "/b"),
            ("REQUEST_URI last", {"SCRIPT_NAME": "", "REQUEST_URI": "/c"},
             "/c"),
            ("decoded", {"REQUEST_URI": "/h%6Foks/%41%2f?x=%41"},
             "/hooks/A/"),
            ("wrong escapes stay", {"REQUEST_URI": "/a%4/%zz%"}, "/a%4/%zz%"),
            ("decoded once", {"REQUEST_URI": "/%2541"}, "/%41"),
            ("PATH_INFO is decoded already", {"PATH_INFO": "/%41"}, "/%41"),
            ("none", {}, ""),
        ]
        for when, env, want in rows:
            with self.subTest(when):
                got = self.echo([("REQUEST_METHOD", "POST"),
                                 ("CONTENT_LENGTH", "0"), *env.items()])
                self.assertEqual(got["path"], want)

    def test_query_of_request_uri_where_there_is_no_other(self):
        env = [("REQUEST_METHOD", "POST"), ("CONTENT_LENGTH", "0"),
               ("REQUEST_URI", "/c?status=200&x=%41")]
        self.assertEqual(self.echo(env)["query"], "status=200&x=%41")
        env.append(("QUERY_STRING", "here"))
        self.assertEqual(self.echo(env)["query"], "here")

    def test_tls(self):
        rows = [({}, False), ({"HTTPS": "on"}, True), ({"HTTPS": "1"}, True),
                ({"HTTPS": "off"}, False), ({"HTTPS": ""}, False),
                ({"HTTPS": "0"}, False), ({"REQUEST_SCHEME": "https"}, True),
                ({"REQUEST_SCHEME": "http"}, False),
                ({"HTTPS": "off", "REQUEST_SCHEME": "https"}, False),
                ({"HTTP_HTTPS": "on"}, False)]
        for env, want in rows:
            with self.subTest(str(env)):
                got = self.echo(variables(**env))
                self.assertEqual(got["https"], want)

    def test_headers_that_come_twice_stay_two(self):
        got = self.echo(variables() + [
            ("HTTP_X_SIG", "one"), ("HTTP_X_SIG", "two"),
            ("HTTP_X_sig", "three")])
        self.assertEqual(got["headers"], [["x-sig", "one"], ["x-sig", "two"],
                                          ["x-sig", "three"]])

    def test_what_nginx_repeats_counts_once(self):
        got = self.echo(variables() + [
            ("HTTP_CONTENT_TYPE", "text/evil"), ("HTTP_CONTENT_LENGTH", "9"),
            ("CONTENT_TYPE", "text/plain")])
        self.assertEqual(got["headers"], [["content-type", "text/plain"]])
        self.assertEqual(got["nheaders"], 1)
        got = self.echo(variables(CONTENT_TYPE="", HTTP_CONTENT_TYPE="x"))
        self.assertEqual(got["nheaders"], 0)

    def test_variables_of_the_server_that_come_twice(self):
        for name in ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO",
                     "QUERY_STRING", "REMOTE_ADDR", "CONTENT_LENGTH",
                     "CONTENT_TYPE", "HTTPS", "REQUEST_URI",
                     "REQUEST_SCHEME"):
            with self.subTest(name):
                env = [v for v in variables() if v[0] != name]
                answer = self.ask(request(env + [(name, "0"), (name, "1")]))
                self.assertEqual(answer.status, 400)
                self.assertNotIn(name.encode(), answer.body)
                self.program.wait_for_log(f"sent {name} twice")
        answer = self.ask(request(variables() + variables()))
        self.assertEqual(answer.status, 200)

    def test_number_of_headers(self):
        for n, status in ((127, 200), (128, 200), (129, 431), (5000, 431)):
            with self.subTest(n=n):
                env = variables() + [(f"HTTP_X_{i}", "v") for i in range(n)]
                self.assertEqual(self.ask(request(env)).status, status)
        # What eyelet reads of CONTENT_TYPE counts as a header, too.
        env = variables(CONTENT_TYPE="a/b")
        env += [(f"HTTP_X_{i}", "v") for i in range(128)]
        self.assertEqual(self.ask(request(env)).status, 431)

    def test_ten_thousand_variables(self):
        env = variables() + [(f"SOME_{i}", "v" * 20) for i in range(10000)]
        self.assertEqual(self.ask(request(env)).status, 200)

    def test_long_names_and_values(self):
        env = variables(HTTP_X_LONG="v" * 100000)
        env.append(("N" * 70000, "x"))
        self.assertEqual(self.ask(request(env)).status, 200)

    def test_odd_names(self):
        got = self.echo(variables() + [
            ("HTTP_X_A=B", "c"), ("HTTP_", "nameless"), ("", "x"),
            ("http_x_lower", "not a header"), ("HTTP_X_\u00c4", "v")])
        self.assertIn(["x-a", "B=c"], got["headers"])
        self.assertEqual(got["nheaders"], 3)


class Lengths(WithProgram):
    def test_declared_length(self):
        rows = [
            ("absent", None, 411), ("empty", "", 411), ("zero", "0", 400),
            ("minus one", "-1", 400), ("a sign", "+5", 400),
            ("a blank", " 5", 400), ("a blank behind", "5 ", 400),
            ("a letter", "5x", 400), ("hexadecimal", "0x5", 400),
            ("a list", "5, 5", 400), ("a fraction", "5.0", 400),
            ("2^63", str(2 ** 63), 413), ("2^64", str(2 ** 64), 413),
            ("2^64 + 5", str(2 ** 64 + 5), 413),
            ("zeros before it", "00005", 200), ("as sent", "5", 200),
            ("too small", "4", 400), ("too large", "6", 400),
            ("above the limit", str(MIB + 1), 413),
        ]
        for when, length, status in rows:
            with self.subTest(when):
                env = variables(length=None, HTTP_X_ID="length-" + when[:3])
                if length is not None:
                    env.append(("CONTENT_LENGTH", length))
                answer = self.ask(request(env, b"hello"))
                self.assertEqual(answer.status, status)
        self.assertEqual(self.journaled().count("length-as"), 1)

    def test_limit_is_inclusive(self):
        body = os.urandom(MIB)
        got = self.echo(variables(length=MIB), body)
        self.assertEqual((got["length"], got["sum"]), (MIB, checksum(body)))

    def test_refused_body_does_not_lose_the_answer(self):
        # Far more than any socket holds. A web server that could not write
        # all of it would take that for a broken program, and not look for an
        # answer.
        with Connection(self.program.socket) as c:
            c.send(post(b"x" * (20 * MIB)))
            self.assertEqual(c.answer().status, 413)

    def test_cut_upload(self):
        with Connection(self.program.socket) as c:
            whole = post(b"x" * 1000, HTTP_X_ID="cut")
            c.send(whole[:-500])
            c.sock.shutdown(socket.SHUT_WR)
            self.assertEqual(c.answer().status, 400)
            self.assertTrue(c.is_closed())
        self.assertNotIn("cut", self.journaled())

    def test_slow_upload(self):
        with Connection(self.program.socket) as c:
            began = time.monotonic()
            c.send(post(b"x" * 1000, HTTP_X_ID="slow")[:-100])
            answer = c.answer()
            took = time.monotonic() - began
            self.assertEqual(answer.status, 408)
            self.assertTrue(2.5 < took < 15, took)
            self.assertTrue(c.is_closed())
        self.assertNotIn("slow", self.journaled())

    def test_trickled_upload(self):
        """A byte now and then does not keep a connection alive."""
        with Connection(self.program.socket) as c:
            whole = post(b"x" * 1000)
            c.send(whole[:-900])
            for at in range(100):
                c.send_what_goes(whole[at - 900:at - 899])
                time.sleep(0.05)
            self.assertEqual(c.answer().status, 408)


class OverTcp(WithProgram):
    @classmethod
    def setUpClass(cls):
        cls.where = ("127.0.0.1", free_port())
        cls.options = ("--socket", "%s:%d" % cls.where)
        super().setUpClass()
        cls.program.socket = cls.where

    def test_requests(self):
        for _ in range(20):
            self.assertEqual(self.ask(post(os.urandom(5000))).status, 200)

    def test_refused_body_does_not_lose_the_answer(self):
        with Connection(self.where) as c:
            c.send(post(b"x" * (20 * MIB)))
            self.assertEqual(c.answer().status, 413)


class Records(WithProgram):
    def test_answer_is_well_formed(self):
        rows = [
            ("plain", "", 200, {"content-type": "application/json",
                                "cache-control": "no-store"}, True),
            ("other status", "status=503", 503, {}, True),
            ("status without words", "status=599", 599, {}, True),
            ("empty", "empty", 200, {"content-length": "0"}, False),
            ("as long as can be", "big", 200, {"content-length": "2048"},
             True),
        ]
        for when, query, status, headers, body in rows:
            with self.subTest(when):
                answer = self.ask(post(query=query))
                self.assertEqual(answer.status, status)
                self.assertEqual(answer.end, (0, 0))
                self.assertEqual(answer.stderr, b"")
                self.assertNotIn("set-cookie", answer.headers)
                for name, value in headers.items():
                    self.assertEqual(answer.headers[name], value)
                self.assertEqual(len(answer.body),
                                 int(answer.headers["content-length"]))
                self.assertEqual(answer.body != b"", body)
        answer = self.ask(request(variables(method="PUT", length=None)))
        self.assertEqual((answer.status, answer.headers["allow"]),
                         (405, "POST"))

    def test_no_parameters_is_no_webhook(self):
        for when, env in (("none", []), ("no method", variables()[1:]),
                          ("empty method", [("REQUEST_METHOD", "")])):
            with self.subTest(when):
                answer = self.ask(request(env, b"{}"))
                self.assertEqual(answer.status, 400)

    def test_cut_at_every_byte(self):
        whole = post(b"body", HTTP_X_ID="whole")
        for n in range(len(whole)):
            with Connection(self.program.socket) as c:
                c.send(whole[:n])
                c.sock.shutdown(socket.SHUT_WR)
                answer = c.answer()
                if answer is not None:
                    self.assertEqual(answer.status, 400, f"cut at {n}")
        self.assertEqual(self.journaled().count("whole"), 0)
        self.assertEqual(self.ask(whole).status, 200)
        self.assertEqual(self.journaled().count("whole"), 1)

    def test_abort(self):
        whole = post(b"body", HTTP_X_ID="aborted")
        params = whole.index(record(PARAMS))
        stdin = whole.index(record(STDIN))
        rows = [("behind BEGIN", begin() + record(ABORT), None),
                ("among parameters", whole[:params] + record(ABORT), None),
                ("before the body", whole[:params + 8] + record(ABORT), 400),
                ("within the body", whole[:stdin] + record(ABORT), 400)]
        for when, data, status in rows:
            with self.subTest(when):
                answer = ask(self.program.socket, data)
                if status is None:
                    self.assertIsNone(answer)
                else:
                    self.assertEqual(answer.status, status)
        self.assertNotIn("aborted", self.journaled())

    def test_records_that_nobody_may_send(self):
        good = post(b"x")
        rows = [
            ("another version", b"\x02" + good[1:]),
            ("another role", request(variables(), role=9)),
            ("an authorizer", request(variables(), role=AUTHORIZER)),
            ("STDIN before PARAMS", begin() + stream(STDIN, b"x")),
            ("a short BEGIN", record(BEGIN, b"\0\1\0")),
            ("request id 0", begin(ident=0)),
            ("a length that is not there",
             begin() + record(PARAMS, b"\xff\xff\xff\xff\x01x") +
             record(PARAMS)),
            ("half a length", begin() + record(PARAMS, b"\x80") +
             record(PARAMS)),
        ]
        for when, data in rows:
            with self.subTest(when):
                with Connection(self.program.socket) as c:
                    c.send_what_goes(data)
                    self.assertIsNone(c.answer())
        self.assertEqual(self.ask(good).status, 200)

    def test_other_requests_on_the_same_connection(self):
        whole = post(b"x" * 100)
        at = whole.index(record(STDIN))
        with Connection(self.program.socket) as c:
            c.send(whole[:at] + begin(ident=2) + record(PARAMS, b"", 3) +
                   whole[at:])
            kind, ident, content = c.record()
            self.assertEqual((kind, ident), (END, 2))
            self.assertEqual(content[4], CANT_MULTIPLEX)
            self.assertEqual(c.answer().status, 200)

    def test_body_in_small_records(self):
        body = os.urandom(999)
        env = variables(length=len(body))
        params = b"".join(pair(n, v) for n, v in env)
        data = begin() + b"".join(record(PARAMS, params[i:i + 1])
                                  for i in range(len(params)))
        data += record(PARAMS)
        data += b"".join(record(STDIN, body[i:i + 7])
                         for i in range(0, len(body), 7)) + record(STDIN)
        answer = self.ask(data)
        self.assertEqual(json.loads(answer.body)["sum"], checksum(body))

    def test_padding(self):
        body = b"padded"
        data = begin() + stream(PARAMS, b"".join(
            pair(n, v) for n, v in variables(length=len(body))))
        data += struct.pack(">BBHHBB", 1, STDIN, 1, len(body), 255, 0)
        data += body + b"\xee" * 255 + record(STDIN)
        self.assertEqual(json.loads(self.ask(data).body)["sum"],
                         checksum(body))


def lengths(name, value):
    """The four bytes each that announce a pair, and 16 bytes behind them."""
    return struct.pack(">II", name | 1 << 31, value | 1 << 31) + b"A" * 16


class Hostile(WithProgram):
    """What ended the program, or kept it busy, while libfcgi read it.

    After each row it is the same process that answers a good request.
    """
    settings = "[receive]\nbody_max = 1m\nupload_timeout = 2s\n"

    def cuts_off(self, data):
        """Closed without an answer, and at once: not by the deadline."""
        began = time.monotonic()
        with Connection(self.program.socket) as c:
            c.send_what_goes(data)
            self.assertIsNone(c.answer())
        self.assertLess(time.monotonic() - began, 8)
        self.assertEqual(self.ask(post()).status, 200)

    def test_lengths_that_cannot_be(self):
        most = (1 << 31) - 1
        rows = [
            ("the sum is 2^31", 1 << 30, 1 << 30),
            ("the sum is 2^31 - 2", most - 1, 0),
            ("the sum is 2^31 - 1", 1 << 30, (1 << 30) - 1),
            ("the sum is 2^32 - 2", most, most),
            ("the name alone", most, 0), ("the value alone", 0, most),
            ("the name and a byte", most, 1), ("a byte and it", 1, most),
            ("a GiB", 0, 1 << 30), ("above the limit", 0, (1 << 20) + 1),
            ("the sum is above the limit", 1 << 19, (1 << 19) + 1),
        ]
        for when, name, value in rows:
            pairs = lengths(name, value)
            for kind in (PARAMS, GET_VALUES):
                for more in (b"", record(kind), post()):
                    with self.subTest(when, kind=kind, more=len(more)):
                        first = begin() if kind == PARAMS else b""
                        ident = 1 if kind == PARAMS else 0
                        self.cuts_off(first + record(kind, pairs, ident) +
                                      more)
                with self.subTest(when, kind=kind, split=True):
                    if kind == PARAMS:
                        self.cuts_off(begin() + b"".join(
                            record(PARAMS, pairs[i:i + 1])
                            for i in range(len(pairs))))
        short = begin() + record(PARAMS, b"\xfe\xff\xff\xfe\0" + b"A" * 19)
        self.cuts_off(short)

    def test_pairs_that_reach_beyond_their_stream(self):
        good = b"".join(pair(n, v) for n, v in variables())
        for when, pairs in (
                ("a name", b"\x05\0abcd"), ("a value", b"\1\x05aabcd"),
                ("long ones", lengths(100, 100)), ("a length", b"\x80\0\0"),
                ("one length", b"\1"), ("the second", b"\0\x80\0\0"),
                ("behind good ones", good + b"\x05\x05abc"),
                ("good ones, cut", good[:-1])):
            with self.subTest(when):
                self.cuts_off(begin() + stream(PARAMS, pairs))

    def test_so_many_variables(self):
        rows = [(16384 - 5, "", 200), (16384, "", 431), (1000000, "", 431),
                (9000, "v" * 200, 431)]
        for n, value, status in rows:
            with self.subTest(n=n, value=len(value)):
                env = variables() + [(f"N{i}", value) for i in range(n)]
                answer = self.ask(request(env))
                self.assertEqual(answer.status, status)
        self.program.wait_for_log('status=431 why="more than 16384 variab')

    def test_long_names(self):
        for n, status in ((1000000, 200), (1048577, None), (3000000, None)):
            with self.subTest(n=n):
                answer = ask(self.program.socket, request(
                    variables() + [("N" * n, "x")]))
                self.assertEqual(answer and answer.status, status)
                self.assertEqual(self.ask(post()).status, 200)

    def test_nul_bytes(self):
        """They would end a variable early, whatever was signed."""
        for name, value in (("A\0B", "c"), ("\0", ""), ("HTTP_X_A", "a\0b"),
                            ("HTTP_X_A\0", "a"), ("REQUEST_METHOD\0", "x"),
                            ("HTTP_X_A", "\0")):
            with self.subTest(name=name, value=value):
                answer = self.ask(request(variables() + [(name, value)]))
                self.assertEqual(answer.status, 400)
        self.program.wait_for_log("with a NUL byte")

    def test_records_in_places_of_others(self):
        whole = post(b"xy", HTTP_X_ID="odd")
        at = whole.index(record(PARAMS))
        body = at + 8
        end = whole.index(record(STDIN))
        odd = record(77, b"abc", 9)
        rows = [
            ("no parameters at all", begin() + record(PARAMS) +
             record(STDIN), 400),
            ("parameters end twice", whole[:body] + record(PARAMS) +
             whole[body:], 400),
            ("parameters in the body", whole[:body] +
             record(PARAMS, pair("A", "B")) + whole[body:], 400),
            ("STDIN, empty, among parameters", whole[:at] + record(STDIN) +
             whole[at:], None),
            ("the body ends at once", whole[:body] + record(STDIN), 400),
            ("a request within itself", whole[:at] + begin() + whole[at:],
             None),
            ("a request within its body", whole[:end] + begin() +
             whole[end:], 400),
            ("DATA", whole[:end] + record(8, b"z") + whole[end:], 400),
            ("an answer, from them", whole[:at] + record(END, b"\0" * 8) +
             whole[at:], None),
            ("an unknown type", whole[:at] + record(77) + whole[at:], None),
            ("a short BEGIN", record(BEGIN, b"\0\1\0") + whole[16:], None),
            ("a long BEGIN", record(BEGIN, b"\0\1" + b"\0" * 8) +
             whole[16:], None),
            ("another version", whole[:at] + b"\2" + whole[at + 1:], None),
            ("another version, in the body", whole[:end] + b"\0" +
             whole[end + 1:], 400),
            ("records of other ids", odd + whole[:16] + odd + whole[16:at] +
             odd + whole[at:body] + odd + whole[body:end] + odd +
             whole[end:], 200),
            ("aborts of other ids", whole[:at] + record(ABORT, b"", 2) +
             whole[at:end] + record(ABORT, b"x" * 9, 3) + whole[end:], 200),
            ("an abort with content", whole[:end] + record(ABORT, b"x") +
             whole[end:], 400),
        ]
        for when, data, status in rows:
            with self.subTest(when):
                with Connection(self.program.socket) as c:
                    c.send_what_goes(data)
                    c.sock.shutdown(socket.SHUT_WR)
                    answer = c.answer()
                self.assertEqual(answer and answer.status, status)
                self.assertEqual(self.ask(post()).status, 200)

    def test_padding_everywhere(self):
        whole, out, at = post(b"padded" * 100), b"", 0
        while at < len(whole):
            length = struct.unpack(">H", whole[at + 4:at + 6])[0]
            out += (whole[at:at + 6] + b"\xff\0" +
                    whole[at + 8:at + 8 + length] + b"\1\4" * 127 + b"\1")
            at += 8 + length
        for step in (1, 7, 263, 100000):
            with self.subTest(step=step):
                with Connection(self.program.socket) as c:
                    for i in range(0, len(out), step):
                        c.send(out[i:i + step])
                    self.assertEqual(c.answer().status, 200)

    def test_abort_at_each_byte(self):
        """Where it is no record of its own it is something else's content."""
        whole = post(b"body", HTTP_X_ID="aborted")
        for n in range(len(whole) - 2):  # its first bytes would be the last
            with Connection(self.program.socket) as c:
                c.send(whole[:n] + record(ABORT))
                c.sock.shutdown(socket.SHUT_WR)
                answer = c.answer()
                if answer is not None:
                    self.assertEqual(answer.status, 400, f"abort at {n}")
        self.assertNotIn("aborted", self.journaled())

    def test_every_bit(self):
        """A flipped bit in front of the body is no reason to end."""
        whole = post(b"body")
        for bit in range(8 * whole.index(record(PARAMS)) + 64):
            data = bytearray(whole)
            data[bit // 8] ^= 1 << bit % 8
            with Connection(self.program.socket) as c:
                c.send_what_goes(bytes(data))
                c.sock.shutdown(socket.SHUT_WR)
                c.answer()
        self.assertEqual(self.ask(post()).status, 200)
        self.assertIsNone(self.program.process.poll())


class Management(WithProgram):
    def test_management_records(self):
        with Connection(self.program.socket) as c:
            c.send(record(GET_VALUES, pair("FCGI_MPXS_CONNS", ""), 0) +
                   record(77, b"", 0) + post())
            kind, _, content = c.record()
            self.assertEqual((kind, content),
                             (GET_VALUES_RESULT, pair("FCGI_MPXS_CONNS", "0")))
            kind, _, content = c.record()
            self.assertEqual((kind, content[0]), (UNKNOWN, 77))
            self.assertEqual(c.answer().status, 200)

    def test_values(self):
        """As libfcgi answers, but at once, and each value once."""
        all_names = ("FCGI_MAX_CONNS", "FCGI_MAX_REQS", "FCGI_MPXS_CONNS")
        result = b"".join(pair(n, v) for n, v in zip(all_names, "110"))
        rows = [
            ("all", b"".join(pair(n, "") for n in all_names), result),
            ("with values", b"".join(pair(n, "x") for n in all_names),
             result),
            ("none", b"", b""), ("others", pair("FCGI_SPEED", ""), b""),
            ("25 times", pair("FCGI_MPXS_CONNS", "") * 25,
             pair("FCGI_MPXS_CONNS", "0")),
            ("NUL in the name", pair("\0", "") + pair("FCGI_MPXS_CONNS\0", ""),
             b""),
            ("no name", pair("", "FCGI_MPXS_CONNS"), b""),
        ]
        with Connection(self.program.socket) as c:
            for when, names, want in rows:
                with self.subTest(when):
                    c.send(record(GET_VALUES, names, 0))
                    self.assertEqual(c.record(), (GET_VALUES_RESULT, 0, want))
            c.send(post())
            self.assertEqual(c.answer().status, 200)

    def test_in_the_middle_of_a_request(self):
        whole = post(b"x" * 10)
        at = whole.index(record(PARAMS))
        asked = record(GET_VALUES, pair("FCGI_MPXS_CONNS", ""), 0)
        with Connection(self.program.socket) as c:
            for n in (16, at, at + 8, len(whole) - 8):
                data = whole[:n] + asked + whole[n:]
                c.send(data[:n + len(asked)])
                kind, _, content = c.record()
                self.assertEqual(kind, GET_VALUES_RESULT)
                c.send(data[n + len(asked):])
                self.assertEqual(c.answer().status, 200)
                c.close()
                c = Connection(self.program.socket)
            c.close()

    def test_a_peer_that_only_asks(self):
        """Answers that nobody takes end the connection, not the program."""
        c = Connection(self.program.socket)
        c.sock.settimeout(0.2)
        try:
            for _ in range(1000):
                c.sock.sendall(record(77, b"x" * 500, 0) * 100)
        except (OSError, socket.timeout):
            pass
        c.close()
        self.assertEqual(self.ask(post()).status, 200)


class Keeping(WithProgram):
    def test_kept_connection_takes_many_requests(self):
        with Connection(self.program.socket) as c:
            for i in range(200):
                body = os.urandom(i * 7)
                c.send(post(body, keep=True, query="here" if i % 3 else ""))
                answer = c.answer()
                self.assertEqual(answer.status, 200)
                self.assertEqual(json.loads(answer.body)["sum"],
                                 checksum(body))

    def test_connection_closes_when_that_was_asked_for(self):
        for query in ("", "here", "at-once"):
            with Connection(self.program.socket) as c:
                c.send(post(query=query))
                self.assertEqual(c.answer().status, 200)
                self.assertTrue(c.is_closed(), query)

    def test_refusal_without_a_body_keeps_the_connection(self):
        with Connection(self.program.socket) as c:
            for _ in range(3):
                c.send(request(variables(method="GET", length=None),
                               keep=True))
                self.assertEqual(c.answer().status, 405)

    def test_unread_body_ends_the_connection(self):
        with Connection(self.program.socket) as c:
            c.send(post(b"x" * 10, query="at-once", keep=True))
            self.assertEqual(c.answer().status, 200)
            self.assertTrue(c.is_closed())

    def test_body_of_wrong_length_ends_the_connection(self):
        with Connection(self.program.socket) as c:
            c.send(request(variables(length=3), b"four", keep=True))
            self.assertEqual(c.answer().status, 400)
            self.assertTrue(c.is_closed())

    def test_requests_that_come_together(self):
        """What is behind the end of one is the next one's beginning."""
        data = b"".join(post(b"x" * n, keep=True, query=q)
                        for n, q in ((5, ""), (0, "here"), (9000, ""),
                                     (20000, "wait=20"), (1, "here")))
        for step in (len(data), 16384, 16384 + 3, 100):
            with self.subTest(step=step):
                with Connection(self.program.socket) as c:
                    for i in range(0, len(data), step):
                        c.send(data[i:i + step])
                    for n in (5, 0, 9000, 20000, 1):
                        got = json.loads(c.answer().body)
                        self.assertEqual(got["length"], n)

    def test_abort_after_the_answer(self):
        """It crossed the answer: not a part of the next request."""
        with Connection(self.program.socket) as c:
            for _ in range(3):
                c.send(post(keep=True))
                self.assertEqual(c.answer().status, 200)
                c.send(record(ABORT))

    def test_idle_connections_stay(self):
        with Connection(self.program.socket) as c:
            c.send(post(keep=True))
            self.assertEqual(c.answer().status, 200)
            self.assertFalse(c.is_closed(within=3))
            c.send(post(keep=True))
            self.assertEqual(c.answer().status, 200)


if __name__ == "__main__":
    main()
