#!/usr/bin/env python3
"""HTTP/2 where it is offered: many posts share a connection, and what ends
one of them ends no other. nginx offers it, a sink behind it answers.
"""
import sys
sys.dont_write_bytecode = True

import base64
import json
import os
import shutil
import subprocess
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from machine import free_port
from sink import CA, Answer, Sink, raw
from stand import skip, wait_for

POST = os.path.join(os.environ.get("top_builddir", "."), "tests",
                    "stand", "outbound_post")
HERE = "127.0.0.0/8, ::1"
PATIENCE_S = 120

CONF = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1;
{user}
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 100000; keepalive_timeout 600s;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
    scgi_temp_path {folder}/s;
    ssl_certificate {cert}; ssl_certificate_key {key};
    proxy_set_header X-Proto $server_protocol;
    proxy_set_header X-Connection $connection;
    proxy_buffering off;
    server {{ listen 127.0.0.1:{new} ssl http2; client_max_body_size 100m;
              location / {{ proxy_pass http://127.0.0.1:{sink}; }} }}
    server {{ listen 127.0.0.1:{brief} ssl http2; keepalive_requests 50;
              location / {{ proxy_pass http://127.0.0.1:{sink}; }} }}
    server {{ listen 127.0.0.1:{old} ssl;
              location / {{ proxy_pass http://127.0.0.1:{sink}; }} }}
    server {{ listen 127.0.0.1:{plain} http2;
              location / {{ proxy_pass http://127.0.0.1:{sink}; }} }}
}}
"""


def posts(rows, at_once=1000):
    lines = "".join(json.dumps(dict({"body": "{}", "allow": HERE}, id=str(i),
                                    **row)) + "\n"
                    for i, row in enumerate(rows))
    done = subprocess.run([POST, str(at_once)], input=lines, text=True,
                          capture_output=True, timeout=PATIENCE_S)
    if done.returncode != 0:
        raise AssertionError(f"{done.returncode}: {done.stderr}")
    return sorted((json.loads(line) for line in done.stdout.splitlines()),
                  key=lambda row: int(row["id"]))


class Http2(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        os.chmod(cls.folder, 0o755)  # nginx's workers are another user
        cls.sink = Sink()
        cls.addClassCleanup(cls.sink.close)
        cls.ca = CA(cls.folder)
        cert, key = cls.ca.issue()
        cls.new, cls.old, cls.plain, cls.brief = (
            free_port() for _ in range(4))
        conf = os.path.join(cls.folder, "nginx.conf")
        with open(conf, "w") as f:
            f.write(CONF.format(
                folder=cls.folder, cert=cert, key=key, new=cls.new,
                old=cls.old, plain=cls.plain, brief=cls.brief,
                sink=cls.sink.port,
                user="user root;" if os.geteuid() == 0 else ""))
        nginx = subprocess.Popen(
            ["nginx", "-c", conf, "-p", cls.folder],
            stderr=subprocess.DEVNULL)
        cls.addClassCleanup(nginx.wait, PATIENCE_S)
        cls.addClassCleanup(nginx.terminate)
        wait_for("nginx", PATIENCE_S, lambda: posts(
            [{"url": f"http://127.0.0.1:{cls.old}/up"}])[0]["status"] == 400)

    def row(self, path, port=None, **more):
        return dict(more, url=f"https://localhost:{port or self.new}{path}",
                    ca=self.ca.file)

    def came(self, path, what):
        return {r.headers[what] for r in self.sink.requests(path)}

    def test_it_is_used_where_it_is_offered(self):
        body = "b" * 300_000
        self.sink.answers("/a", Answer(429, {"Retry-After": "3"}, b"later"))
        got, = posts([self.row("/a", body=body, headers="X-Id: 7\n"
                               "Content-Type: application/json\n")])
        self.assertEqual((got["class"], got["status"], got["retry_after_ms"]),
                         ("answered", 429, 3000))
        self.assertEqual(base64.b64decode(got["excerpt_b64"]), b"later")
        request, = self.sink.requests("/a")
        self.assertEqual(request.headers["x-proto"], "HTTP/2.0")
        self.assertEqual(request.headers["x-id"], "7")
        self.assertEqual(request.headers["content-type"], "application/json")
        self.assertEqual(request.body.decode(), body)

    def test_it_is_not_where_it_is_not(self):
        got = posts([self.row("/old", self.old)])
        self.assertEqual(got[0]["status"], 200)
        self.assertEqual(self.came("/old", "x-proto"), {"HTTP/1.1"})

    def test_one_that_is_plain_is_spoken_to_in_1_1(self):
        got, = posts([{"url": f"http://127.0.0.1:{self.plain}/plain"}])
        self.assertEqual(got["class"], "protocol", got)

    def test_many_share_a_connection(self):
        got = posts([self.row("/many")] + [self.row("/many", times=500)],
                    at_once=50)
        self.assertEqual({row["status"] for row in got}, {200})
        # Those that start together open their own; the rest share them.
        self.assertLessEqual(len(self.came("/many", "x-connection")), 50)
        got = posts([self.row("/one", times=30)], at_once=1)
        self.assertEqual(len(self.came("/one", "x-connection")), 1)

    def test_a_server_that_says_goodbye_loses_nothing(self):
        """After so many requests on a connection it wants another."""
        got = posts([self.row("/bye", self.brief, times=1000)], at_once=40)
        self.assertEqual({(row["class"], row["status"]) for row in got},
                         {("answered", 200)})
        self.assertGreaterEqual(len(self.came("/bye", "x-connection")), 20)

    def test_what_ends_one_ends_no_other(self):
        """On one connection: a body that is cut off, resets, time-outs."""
        self.sink.answers("/forever", raw(
            b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 16384, then="again"))
        self.sink.answers("/fine", raw(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"o", b"k",
            pause_s=0.2))
        rows = [self.row("/first")]
        for i in range(40):
            rows.append(self.row(("/forever", "/reset", "/hang", "/fine",
                                  "/status/500")[i % 5],
                                 timeout_ms=3000 if i % 5 == 2 else 60000))
        got = posts(rows, at_once=20)
        want = {0: ("answered", 200, True), 1: ("answered", 502, False),
                2: ("timeout", 0, False), 3: ("answered", 200, False),
                4: ("answered", 500, False)}
        for i, row in enumerate(got[1:]):
            self.assertEqual((row["class"], row["status"], row["cut"]),
                             want[i % 5], row)

    def test_one_that_is_denied_closes_no_other(self):
        """A request that may not use a shared connection leaves it."""
        rows = [self.row("/shared", pool=1)] + \
            [self.row("/delay/0.3", pool=1) for _ in range(8)] + \
            [self.row("/denied", pool=2, allow="10.0.0.0/8")] + \
            [self.row("/shared", pool=1, times=5)]
        got = posts(rows, at_once=9)
        self.assertEqual({row["class"] for row in got if row["id"] != "9"},
                         {"answered"}, got)
        self.assertEqual([row["class"] for row in got if row["id"] == "9"],
                         ["blocked"])
        self.assertEqual(self.sink.requests("/denied"), [])


if __name__ == "__main__":
    if shutil.which("nginx") is None:
        skip("no nginx: apt-get install nginx")
    unittest.main()
