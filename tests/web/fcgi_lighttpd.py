#!/usr/bin/env python3
"""eyelet.fcgi behind lighttpd, by conf/lighttpd.conf as it is shipped.

Only its paths are changed. Over a receive() that tells what it was given
(tests/stand/fake_lib.c).
"""
import sys
sys.dont_write_bytecode = True

import json
import os
import shutil
import signal
import socket
import subprocess
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from fcgi_client import *  # noqa: F401,F403
from machine import free_port

SHIPPED = os.path.join(SRC, "conf", "lighttpd.conf")
PROGRAM_PATH = "/usr/libexec/eyelet/eyelet.fcgi"
SOCKET_PATH = "/run/lighttpd/eyelet"
LOG_PATH = "/var/log/lighttpd/eyelet.log"
MIB = 1 << 20
LIGHTTPD = shutil.which("lighttpd", path=os.environ.get("PATH", "") +
                        ":/usr/sbin:/usr/local/sbin")


class Lighttpd:
    """lighttpd with a configuration of eyelet's included in its own."""

    def __init__(self, folder, included):
        self.folder = folder
        self.port = free_port()
        with open(folder.file("eyelet-lighttpd.conf"), "w") as f:
            f.write(included)
        self.conf = folder.file("lighttpd.conf")
        with open(self.conf, "w") as f:
            f.write('server.modules = ( "mod_access" )\n'
                    f'server.document-root = "{folder.path}"\n'
                    f'server.upload-dirs = ( "{folder.path}" )\n'
                    'server.bind = "127.0.0.1"\n'
                    f"server.port = {self.port}\n"
                    f'include "{folder.file("eyelet-lighttpd.conf")}"\n')
        self.start()

    def start(self):
        with open(self.folder.file("lighttpd.log"), "ab") as log:
            self.process = subprocess.Popen(
                [LIGHTTPD, "-D", "-f", self.conf], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        wait_until(self.answers, "lighttpd")

    def log(self):
        with open(self.folder.file("lighttpd.log"), errors="replace") as f:
            return f.read()

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError("lighttpd ended: " + self.log())
        try:
            return self.http(b"POST /hooks/up HTTP/1.0\r\n"
                             b"Content-Length: 0\r\n\r\n")[0] == 200
        except OSError:
            return False

    def http(self, *pieces):
        """Status, head, body; each piece is sent by itself."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as s:
            s.settimeout(PATIENCE)
            for piece in pieces:
                try:
                    s.sendall(piece)
                except (BrokenPipeError, ConnectionResetError):
                    break
                if len(pieces) > 1:
                    time.sleep(0.05)
            text = b""
            while True:
                try:
                    got = s.recv(65536)
                except ConnectionResetError:
                    got = b""
                if not got:
                    break
                text += got
        head, _, body = text.partition(b"\r\n\r\n")
        words = head.split()
        return int(words[1]) if len(words) > 1 else 0, head, body

    def post(self, path, body, headers=""):
        return self.http((f"POST {path} HTTP/1.1\r\nHost: x\r\n{headers}"
                          "Connection: close\r\n"
                          f"Content-Length: {len(body)}\r\n\r\n").encode() +
                         body)

    def children(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}"
                  "/children") as f:
            return [int(pid) for pid in f.read().split()]

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@unittest.skipIf(LIGHTTPD is None, "no lighttpd: apt-get install lighttpd")
class BehindLighttpd(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)
        self.programs = set()
        with open(SHIPPED) as f:
            shipped = f.read()
        self.assertEqual(shipped.count(PROGRAM_PATH), 1)
        self.assertEqual(shipped.count(SOCKET_PATH), 1)
        self.assertEqual(shipped.count(LOG_PATH), 1)
        shipped = shipped.replace(LOG_PATH, self.folder.file("eyelet.log"))
        shipped = shipped.replace(SOCKET_PATH, self.folder.file("s"))
        shipped = shipped.replace(
            PROGRAM_PATH, f"{os.path.abspath(FAKE)} -c {self.folder.conf}")
        self.web = Lighttpd(self.folder, shipped)
        self.addCleanup(self.end)

    def end(self):
        self.programs.update(self.web.children()
                             if self.web.process.poll() is None else [])
        self.web.stop()
        for pid in self.programs:
            if is_alive(pid):
                os.kill(pid, signal.SIGKILL)

    def program(self):
        pids = self.web.children()
        self.programs.update(pids)
        self.assertEqual(len(pids), 1)
        return pids[0]

    def test_request_and_answer(self):
        body = os.urandom(5000)
        status, head, answer = self.web.post(
            "/hooks/shop?status=201&a=b", body,
            "X-Hub-Signature-256: sha256=00\r\nContent-Type: a/b\r\n")
        self.assertEqual(status, 201)
        self.assertIn(b"Cache-Control: no-store", head)
        self.assertNotIn(b"Set-Cookie", head)
        got = json.loads(answer)
        self.assertEqual((got["path"], got["length"], got["peer"]),
                         ("/shop", 5000, "127.0.0.1"))
        self.assertEqual(got["query"], "status=201&a=b")
        self.assertIn(["x-hub-signature-256", "sha256=00"], got["headers"])
        self.assertIn(["content-type", "a/b"], got["headers"])
        self.program()

    def test_log_is_kept(self):
        self.web.post("/hooks/shop", b"x", "")
        for _ in range(50):
            time.sleep(0.1)
            with open(self.folder.file("eyelet.log")) as f:
                if "status=200" in f.read():
                    return
        self.fail("no line for the request in eyelet.log")

    def test_chunked(self):
        status, _, answer = self.web.http(
            b"POST /hooks/shop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n",
            b"5\r\nhello\r\n", b"6;x=y\r\n world\r\n", b"0\r\n\r\n")
        self.assertEqual(status, 200)
        got = json.loads(answer)
        self.assertEqual((got["declared"], got["length"]), (11, 11))

    def test_lengths(self):
        rows = [
            ("none", b"POST /hooks/x HTTP/1.1\r\nHost: x\r\n"
             b"Connection: close\r\n\r\n", 411),
            ("two", b"POST /hooks/x HTTP/1.1\r\nHost: x\r\n"
             b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
            ("chunked, too", b"POST /hooks/x HTTP/1.1\r\nHost: x\r\n"
             b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
             400),
        ]
        for when, data, status in rows:
            with self.subTest(when):
                self.assertEqual(self.web.http(data)[0], status)

    def test_large_bodies(self):
        self.assertEqual(self.web.post("/hooks/x", b"x" * MIB)[0], 200)
        # A little too large: eyelet's answer; far too large: lighttpd's.
        status, _, body = self.web.post("/hooks/x", b"x" * (MIB + 1))
        self.assertEqual((status, body), (413, b'{"answer":"large"}\n'))
        status, _, body = self.web.post("/hooks/x", b"x" * (4 * MIB))
        self.assertEqual(status, 413)
        self.assertNotIn(b"answer", body)

    def test_header_that_comes_twice_is_joined(self):
        got = json.loads(self.web.post(
            "/hooks/x", b"", "X-Sig: one\r\nX-Sig: two\r\n")[2])
        self.assertIn(["x-sig", "one, two"], got["headers"])

    def test_header_that_shadows_another(self):
        """lighttpd gives X_Sig and X-Sig one name; both are seen here."""
        got = json.loads(self.web.post(
            "/hooks/x", b"", "X_Sig: evil\r\nX-Sig: good\r\n")[2])
        values = [value for name, value in got["headers"] if name == "x-sig"]
        self.assertEqual(sorted(values), ["evil", "good"])

    def test_cut_upload_never_arrives(self):
        with socket.create_connection(("127.0.0.1", self.web.port)) as s:
            s.sendall(b"POST /hooks/x HTTP/1.1\r\nHost: x\r\n"
                      b"Content-Length: 100\r\n\r\nonly this")
        self.assertEqual(self.web.post("/hooks/x", b"")[0], 200)
        self.assertNotIn("short", self.web.log())

    def test_killed_program_is_begun_again(self):
        pid = self.program()
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.web.post("/hooks/x", b"")[0] == 200,
                   "a new one")
        self.assertNotEqual(self.program(), pid)

    def test_killed_web_server_leaves_nobody_behind(self):
        pid = self.program()
        self.web.stop(signal.SIGKILL)
        wait_until(lambda: not is_alive(pid), "the end of its child")
        self.web.start()
        self.assertEqual(self.web.post("/hooks/x", b"")[0], 200)

    def test_graceful_end_answers_what_is_in_hand(self):
        pid = self.program()
        with socket.create_connection(("127.0.0.1", self.web.port)) as s:
            s.settimeout(PATIENCE)
            s.sendall(b"POST /hooks/x?wait=1500 HTTP/1.1\r\nHost: x\r\n"
                      b"Content-Length: 0\r\nConnection: close\r\n\r\n")
            time.sleep(0.5)
            self.web.process.send_signal(signal.SIGINT)
            self.assertIn(b" 200 ", s.recv(65536)[:20])
        self.assertEqual(self.web.process.wait(PATIENCE), 0)
        wait_until(lambda: not is_alive(pid), "the end of its child")

    def test_many_at_once(self):
        clients = []
        for _ in range(100):
            s = socket.create_connection(("127.0.0.1", self.web.port))
            self.addCleanup(s.close)
            s.settimeout(PATIENCE)
            clients.append(s)
        for turn in range(3):
            for s in clients:
                s.sendall(b"POST /hooks/x?wait=20 HTTP/1.1\r\nHost: x\r\n"
                          b"Content-Length: 3\r\n\r\nabc")
            for s in clients:
                self.assertIn(b" 200 ", s.recv(65536)[:20])


@unittest.skipIf(LIGHTTPD is None, "no lighttpd: apt-get install lighttpd")
class PlainCgi(unittest.TestCase):
    """The same program, found out by itself, under lighttpd's mod_cgi."""

    def setUp(self):
        self.folder = Folder("[receive]\nupload_timeout = 2s\n")
        self.addCleanup(self.folder.remove)
        self.owner = Program(self.folder)
        self.addCleanup(self.owner.kill)
        self.web = Lighttpd(self.folder, f'''
server.modules += ( "mod_alias", "mod_cgi", "mod_setenv" )
alias.url = ( "/hooks" => "{os.path.abspath(FAKE)}" )
cgi.assign = ( "fake.fcgi" => "" )
setenv.set-environment = ( "EYELET_CONFIG" => "{self.folder.conf}" )
''')
        self.addCleanup(self.web.stop)

    def test_request_and_answer(self):
        body = os.urandom(300000)
        status, head, answer = self.web.post(
            "/hooks/shop?status=202", body, "X-Sig: 00\r\n")
        self.assertEqual(status, 202)
        self.assertIn(b"Cache-Control: no-store", head)
        got = json.loads(answer)
        self.assertEqual((got["path"], got["length"], got["peer"]),
                         ("/shop", len(body), "127.0.0.1"))
        self.assertIn(["x-sig", "00"], got["headers"])

    def test_chunked(self):
        status, _, answer = self.web.http(
            b"POST /hooks/shop HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n",
            b"5\r\nhello\r\n", b"0\r\n\r\n")
        self.assertEqual((status, json.loads(answer)["length"]), (200, 5))

    def test_refusals(self):
        self.assertEqual(self.web.http(
            b"GET /hooks/x HTTP/1.0\r\n\r\n")[0], 405)
        self.assertEqual(self.web.post("/hooks/x", b"x" * (MIB + 1))[0], 413)


if __name__ == "__main__":
    main()
