#!/usr/bin/env python3
"""eyelet-endpoint test signs an event and posts it over HTTP and HTTPS.

A small web server hands what is posted to a real eyelet.fcgi, so that its
verdict is the proof; or it answers as a test wants it to.
"""
import sys
sys.dont_write_bytecode = True

import hashlib
import hmac
import http.server
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from fcgi_client import *  # noqa: F401,F403
from machine import ME

CANARY = "canary-8f21d0c4-secret-of-a-test"
SCHEMES = os.path.join(SRC, "conf", "schemes")

# What signs the URL that it asks for, query and all.
BY_GET = {
    "title": "Own", "alg": "hmac-sha256", "content": "{url}",
    "sig": {"from": "header:X-Sig", "enc": "hex"},
    "id": "{query:id?}", "type": "{query:topic?}",
}


class Gateway(http.server.ThreadingHTTPServer):
    """A web server in front of eyelet.fcgi, on a port of this machine."""
    daemon_threads = True

    def __init__(self, fcgi, tls=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.fcgi = fcgi
        self.answer = None  # (status, headers, body) instead of eyelet's
        self.seen = []  # (path, headers, body)
        self.scheme = "http"
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_side=True)
            self.scheme = "https"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, path, host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.server_address[1]}{path}"

    def handle_error(self, *_):
        pass  # a client that goes away is no news


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, self.headers, body))
        status, headers, answer = self.server.answer or self.ask(body)
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self):
        self.server.seen.append((self.path, self.headers, b""))
        status, _, answer = self.ask(b"")
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def ask(self, body):
        more = {"HTTP_" + name.upper().replace("-", "_"): value
                for name, value in self.headers.items()}
        more["CONTENT_TYPE"] = self.headers["Content-Type"] or ""
        if self.server.scheme == "https":
            more["HTTPS"] = "on"
        path, _, query = self.path.partition("?")
        env = dict(variables(path, query=query, length=len(body)),
                   REMOTE_ADDR="127.0.0.1", REQUEST_METHOD=self.command,
                   **more)
        got = ask(self.server.fcgi, request(list(env.items()), body))
        return got.status, [], got.body

    def log_message(self, *_):
        pass


class Posts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Folder()
        cls.addClassCleanup(cls.folder.remove)
        cls.folder.configure(
            f"[schemes]\npath = {SCHEMES} {cls.folder.file('schemes')}", program=EYELET)
        os.rmdir(cls.folder.store)
        os.mkdir(cls.folder.file("schemes"))
        with open(cls.folder.conf) as f:
            conf = f.read()
        os.mkdir(cls.folder.file("keys"), 0o700)
        with open(cls.folder.conf, "w") as f:
            f.write(conf.replace("store.key", "keys/store.key"))
        cls.tool("store", "init", "--user", ME)
        cls.program = Program(cls.folder, program=EYELET)
        cls.addClassCleanup(cls.program.kill)
        cls.web = cls.gateway()

    @classmethod
    def gateway(cls, tls=None):
        web = Gateway(cls.program.socket, tls)
        cls.addClassCleanup(web.server_close)
        cls.addClassCleanup(web.shutdown)
        return web

    @classmethod
    def tool(cls, noun, *args, stdin="", status=0, env=None):
        """What it prints, and its words on stderr."""
        done = subprocess.run(
            [os.path.join(TOP, "admin", "eyelet-" + noun), "-c",
             cls.folder.conf, *args], input=stdin, env=env,
            capture_output=True, text=True, timeout=PATIENCE * 3)
        if done.returncode != status:
            raise AssertionError(
                f"{noun} {args}: {done.returncode}, {done.stderr}")
        if CANARY in done.stdout + done.stderr:
            raise AssertionError("the secret is shown")
        return done.stdout, done.stderr

    def add(self, name, scheme="nomos", *more, secret=CANARY):
        self.tool("endpoint", "add", name, "--scheme", scheme,
                  "--secret-file", "-", *more, stdin=f"{secret}-{name}")
        return name

    def sent(self, name, *more, status=0, web=None):
        """The row of one test."""
        web = web or self.web
        out, err = self.tool("endpoint", "test", name, "--url",
                             web.url("/hooks/" + name), *more, "--json",
                             status=status)
        return json.loads(out), err

    def test_a_test_event_is_taken_as_one(self):
        row, err = self.sent(self.add("plain"))
        self.assertEqual(err, "")
        self.assertEqual((row["status"], row["type"]), (200, "test.event"))
        self.assertEqual(row["address"], "127.0.0.1")
        self.assertRegex(row["id"], "^test_[0-9a-f]{32}$")
        self.assertRegex(row["secret"], "^sec_[0-9]+$")
        self.assertLess(row["took_ms"], 1000 * PATIENCE)
        self.assertEqual(json.loads(row["reply"])["status"], "test")
        _, headers, body = self.web.seen[-1]
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertNotIn("Expect", headers)
        # The envelope of the scheme, as its file shows it.
        self.assertEqual(set(json.loads(body)),
                         {"id", "timestamp", "topic", "context"})
        event = json.loads(self.tool("event", "list", "--endpoint", "plain",
                                     "--json")[0])
        self.assertEqual((event["id"], event["status"], event["secret"]),
                         (row["id"], "test", row["secret"]))

    def test_each_one_is_another(self):
        name = self.add("twice")
        self.assertNotEqual(self.sent(name)[0]["id"],
                            self.sent(name)[0]["id"])

    def test_a_type_is_kept_as_any_other(self):
        row, err = self.sent(self.add("typed"), "--type", "order.paid")
        self.assertEqual(json.loads(row["reply"])["status"], "accepted")
        self.assertIn("warning", err)
        self.assertIn("as any other", err)
        self.tool("endpoint", "edit", "typed", "--events", "user.*")
        row, _ = self.sent("typed", "--type", "order.paid")
        self.assertEqual(json.loads(row["reply"])["status"], "ignored")
        self.tool("endpoint", "test", "typed", "--type", "", status=64)
        self.tool("endpoint", "test", "typed", "--type", "x" * 257,
                  status=64)

    def test_the_current_secret_signs(self):
        name = self.add("turned")
        first, _ = self.sent(name)
        self.tool("secret", "rotate", name, "--secret-file", "-", "--now",
                  stdin=CANARY + "-turned-2")
        second, _ = self.sent(name)
        self.assertNotEqual(first["secret"], second["secret"])
        self.tool("secret", "stage", name, "--secret-file", "-",
                  stdin=CANARY + "-turned-3")
        self.assertEqual(self.sent(name)[0]["secret"], second["secret"])
        self.tool("secret", "revoke", name, second["secret"])
        _, err = self.tool("endpoint", "test", name, "--url",
                           self.web.url("/x"), status=65)
        self.assertIn("no current secret", err)

    def test_the_public_url_is_where_it_goes(self):
        name = self.add("public", "nomos", "--public-url",
                        self.web.url("/hooks/public?a=b"))
        out, _ = self.tool("endpoint", "test", name)
        self.assertRegex(out, "(?m)^status +200$")
        self.assertRegex(out, "(?m)^took ms +[0-9]+$")
        self.assertEqual(self.web.seen[-1][0], "/hooks/public?a=b")
        self.add("nowhere")
        _, err = self.tool("endpoint", "test", "nowhere", status=64)
        self.assertIn("--url", err)

    def test_what_each_kind_of_scheme_signs_is_accepted(self):
        can = ("github", "gitlab", "gitlab-signed", "nimbus", "nolxy",
               "nomod", "nomos", "nomos-body", "square", "standard-webhooks",
               "stripe", "twilio")
        # Whose signature stands in the body, who signs with a key that only
        # the provider has, and who signs a digest as a part of the URL.
        cannot = {"mailgun": "cannot sign", "sendgrid": "cannot sign",
                  "standard-webhooks-v1a": "cannot sign",
                  "twilio-body": "bodySHA256"}
        for scheme in (*can, *cannot):
            name = "s-" + scheme
            with self.subTest(scheme=scheme):
                how = ["--public-url", self.web.url("/hooks/" + name)]
                with open(os.path.join(SCHEMES, scheme + ".json")) as f:
                    text = f.read()
                for param in set(re.findall(r"\{param:([a-z_-]+)\}", text)):
                    value = self.folder.file("param")
                    with open(value, "w") as f:
                        f.write("some-value")
                    how += ["--param", f"{param}=@{value}"]
                done = subprocess.run(
                    [os.path.join(TOP, "admin", "eyelet-endpoint"), "-c",
                     self.folder.conf, "add", name, "--scheme", scheme,
                     *how], capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stderr)
                if "none yet" in done.stdout and \
                        cannot.get(scheme) != "cannot sign":
                    secret = CANARY + "-" + scheme
                    if "whsec" in text:
                        secret = "whsec_c2VjcmV0LW9mLWEtdGVzdC0wMTIzNDU2Nzg5"
                    self.tool("secret", "stage", name, "--secret-file", "-",
                              stdin=secret)
                if scheme in cannot:
                    _, err = self.tool("endpoint", "test", name, status=64)
                    self.assertIn(cannot[scheme], err)
                    continue
                row, _ = self.sent(name, "--type", "a.b")
                self.assertEqual(row["status"] // 100, 2, row)

    def test_a_scheme_that_takes_no_post(self):
        """Each scheme's events go by its methods; a test is a POST."""
        for methods, status in ((["GET"], 64), (["GET", "POST"], 0),
                                (["POST", "GET"], 0)):
            scheme = "own-" + "-".join(methods).lower()
            path = self.folder.file(scheme + ".json")
            with open(path, "w") as f:
                json.dump(dict(BY_GET, methods=methods), f)
            self.tool("scheme", "lint", path)
            shutil.move(path, self.folder.file("schemes"))
            with self.subTest(scheme):
                name = self.add(scheme, scheme, "--public-url",
                                self.web.url("/hooks/" + scheme))
                if status == 0:
                    row, _ = self.sent(name)
                    self.assertEqual(row["status"], 200)
                    continue
                seen = len(self.web.seen)
                _, err = self.tool("endpoint", "test", name, status=status)
                self.assertIn("takes events by GET alone", err)
                self.assertIn(f"eyelet-scheme show {scheme}", err)
                self.assertEqual(len(self.web.seen), seen)
                # The cure.
                self.tool("scheme", "show", scheme)
                url = self.web.url(f"/hooks/{scheme}?id=get_1&topic=a.b")
                self.assertEqual(self.get(url, f"{CANARY}-{name}"), 200)
                self.assertEqual(
                    json.loads(self.tool("event", "list", "--endpoint", name,
                                         "--json")[0])["id"], "get_1")

    def get(self, url, secret):
        """The status of a signed GET."""
        mac = hmac.new(secret.encode(), url.encode(), hashlib.sha256)
        asks = urllib.request.Request(
            url, headers={"X-Sig": mac.hexdigest()})
        with urllib.request.urlopen(asks, timeout=PATIENCE) as answer:
            return answer.status

    def test_a_refusal_is_a_verdict(self):
        name = self.add("refused")
        self.tool("endpoint", "disable", name)
        row, _ = self.sent(name, status=1)
        self.assertEqual(row["status"], 404)
        out, _ = self.tool("endpoint", "test", name, "--url",
                           self.web.url("/hooks/" + name), status=1)
        self.assertRegex(out, "(?m)^status +404$")

    def test_what_a_server_may_answer(self):
        name = self.add("answers")
        web = self.gateway()
        to = web.url("/x")
        for when, answer, status in (
                ("a redirect is not followed",
                 (302, [("Location", web.url("/elsewhere"))], b""), 1),
                ("created", (201, [], b"ok"), 0),
                ("gone", (410, [], b""), 1),
                ("an error of theirs", (500, [], b"no"), 1)):
            with self.subTest(when):
                web.answer, web.seen = answer, []
                out, _ = self.tool("endpoint", "test", name, "--url", to,
                                   "--json", status=status)
                self.assertEqual(json.loads(out)["status"], answer[0])
                self.assertEqual(len(web.seen), 1)
        web.answer = (200, [], b"\x1b[2J\xff" + b"x" * 5_000_000)
        out, _ = self.tool("endpoint", "test", name, "--url", to)
        self.assertNotIn("\x1b", out)
        self.assertIn("\\x1b[2J", out)
        self.assertLess(len(out), 20000)

    def test_where_nobody_answers(self):
        name = self.add("nobody")
        with socket.create_server(("127.0.0.1", 0)) as taken:
            free = taken.getsockname()[1]
        for url, status in ((f"http://127.0.0.1:{free}/", 69),
                            ("http://no-such-host.invalid/", 69),
                            ("http://[::", 64), ("file:///etc/passwd", 64),
                            ("gopher://127.0.0.1/", 64)):
            with self.subTest(url):
                out, err = self.tool("endpoint", "test", name, "--url", url,
                                     status=status)
                self.assertEqual(out, "")
                self.assertIn(url, err)

    def test_no_proxy_is_asked(self):
        web = self.gateway()
        web.answer = (200, [], b"")
        name = self.add("direct")
        self.tool("endpoint", "test", name, "--url",
                  self.web.url("/hooks/direct"),
                  env=dict(os.environ, http_proxy=web.url("/"),
                           all_proxy=web.url("/")))
        self.assertEqual(web.seen, [])

    def test_tls_is_verified(self):
        cert, key = self.folder.file("cert.pem"), self.folder.file("key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
             "-out", cert, "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost"],
            check=True, capture_output=True)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(cert, key)
        web = self.gateway(tls)
        name = self.add("secure")
        good = web.url("/hooks/secure", host="localhost")
        out, _ = self.tool("endpoint", "test", name, "--url", good,
                           "--ca-file", cert, "--json")
        self.assertEqual(json.loads(out)["status"], 200)
        _, err = self.tool("endpoint", "test", name, "--url", good, status=69)
        self.assertIn("certificate", err)
        _, err = self.tool(
            "endpoint", "test", name, "--url", web.url("/hooks/secure"),
            "--ca-file", cert, status=69)
        self.assertIn("127.0.0.1", err)
        _, err = self.tool("endpoint", "test", name, "--url", good,
                           "--ca-file", self.folder.file("none"), status=66)
        self.assertIn("none", err)
        self.assertEqual(len(web.seen), 1)

    def test_it_is_on_record(self):
        name = self.add("noted")
        row, _ = self.sent(name)
        audit = [json.loads(line) for line in self.tool(
            "store", "audit", "--limit", "0", "--json")[0].splitlines()]
        mine = [a for a in audit if a["verb"] == "endpoint.test"
                and a["target"] == name]
        self.assertEqual([a["detail"]["id"] for a in mine], [row["id"]])

    def test_no_endpoint(self):
        self.add("there")
        _, err = self.tool("endpoint", "test", "theer", "--url", "http://x/",
                           status=66)
        self.assertIn('"there"', err)


if __name__ == "__main__":
    main()
