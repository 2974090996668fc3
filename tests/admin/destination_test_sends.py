#!/usr/bin/env python3
"""eyelet-destination test sends an event to a URL or a command, as the
deliverer would, and says how it was taken."""
import sys
sys.dont_write_bytecode = True

import base64
import hashlib
import hmac
import json
import os
import pwd
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
import sink as sinks  # noqa: E402
import stand as stands  # noqa: E402

TOP = os.path.abspath(os.environ.get("top_builddir", "."))
SRC = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
CANARY = "canary-77c1ab52-secret-of-a-test"
CALL_S = 120

COMMAND = """#!/bin/sh
cat >"$0.body"
env | sort >"$0.env"
printf '%s\\n' "$@" >"$0.args"
echo "it was taken"
"""


class Sends(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.top = tempfile.mkdtemp(prefix="eyelet-test-verb.")
        cls.addClassCleanup(cls.clean, cls.top)
        cls.conf = cls.configure(cls.top)
        cls.run_tool("store", "init", "--user", stands.ME)
        cls.ca = sinks.CA(cls.top)
        cls.sink = sinks.Sink(tls=cls.ca.issue())
        cls.addClassCleanup(cls.sink.close)
        cls.count = 0

    @staticmethod
    def configure(top):
        with open(f"{top}/e.conf", "w") as f:
            f.write(f"[store]\npath = {top}/store\n"
                    f"key_file = {top}/keys/key\nfloor = 0\n"
                    "ballast = 0\ncache = 8m\n"
                    f"[schemes]\npath = {SRC}/conf/schemes\n"
                    f"[process]\nprogram = {TOP}/cgi/eyelet.fcgi\n")
        return f"{top}/e.conf"

    @staticmethod
    def clean(top):
        """Ends the owner that was started for it."""
        try:
            with open(f"{top}/store/lock") as f:
                pid = int(re.search(r"^pid=(\d+)$", f.read(), re.M)[1])
            with open(f"/proc/{pid}/cmdline") as f:
                if top in f.read():
                    os.kill(pid, signal.SIGTERM)
                    end = time.monotonic() + 10
                    while os.path.exists(f"/proc/{pid}") and \
                            time.monotonic() < end:
                        time.sleep(0.05)
        except (OSError, TypeError):
            pass  # there is none
        shutil.rmtree(top, ignore_errors=True)

    @classmethod
    def run_tool(cls, noun, *args, status=0, conf=None):
        """What it prints; nothing of that may be a secret of ours."""
        done = subprocess.run(
            [f"{TOP}/admin/eyelet-{noun}", "-c", conf or cls.conf, *args],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=CALL_S)
        if done.returncode != status:
            raise AssertionError(f"{noun} {args}: {done.returncode}, "
                                 f"{done.stdout} {done.stderr}")
        if CANARY in done.stdout + done.stderr:
            raise AssertionError("a secret is shown")
        cls.words = done.stderr
        return done.stdout

    def add(self, *args, path="/in", url=None):
        """A destination of the sink, that the sink can be reached by."""
        Sends.count += 1
        name = f"d{self.count}"
        if url is None:
            url = self.sink.url(path)
        self.run_tool("destination", "add", name, "--url", url, "--allow-net",
                      "127.0.0.1, ::1", "--ca", self.ca.file, *args)
        return name

    def command(self, *args, text=COMMAND, mode=0o755):
        Sends.count += 1
        name = f"c{self.count}"
        path = f"{self.top}/{name}"
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        self.run_tool("destination", "add", name, "--command", path, *args)
        return name, path

    def sent(self, name, *args, status=0):
        rows = self.run_tool("destination", "test", name, "--json", *args,
                             status=status).splitlines()
        self.assertEqual(len(rows), 1)
        return json.loads(rows[0])

    def secret(self, name, *args):
        text = self.run_tool("secret", "reveal", name, "--destination", *args)
        return base64.b64decode(text.strip().removeprefix("whsec_"))

    def signature(self, request, key):
        """As the Standard Webhooks specification says."""
        text = b".".join((request.headers["webhook-id"].encode(),
                          request.headers["webhook-timestamp"].encode(),
                          request.body))
        mac = hmac.new(key, text, hashlib.sha256)
        return "v1," + base64.b64encode(mac.digest()).decode()

    # --- a URL ---------------------------------------------------------------

    def test_request_is_signed(self):
        name = self.add(path="/signed")
        row = self.sent(name)
        request, = self.sink.requests("/signed")
        self.assertEqual(request.headers["webhook-signature"],
                         self.signature(request, self.secret(name)))
        self.assertAlmostEqual(
            int(request.headers["webhook-timestamp"]), time.time(), delta=60)
        self.assertEqual(request.headers["webhook-id"], row["id"])
        self.assertEqual(request.headers["content-type"], "application/json")
        self.assertRegex(request.headers["user-agent"], r"^eyelet/\d")
        self.assertEqual(request.headers["eyelet-attempt"], "1")
        body = json.loads(request.body)
        self.assertEqual(body["type"], "test.event")
        self.assertEqual(body["data"], {})
        self.assertEqual(
            {key: row[key] for key in ("destination", "type", "taken",
                                       "outcome", "status", "words", "reply",
                                       "cut", "command", "address")},
            {"destination": name, "type": "test.event", "taken": True,
             "outcome": "answered", "status": 200, "words": None,
             "reply": "ok\n", "cut": False, "command": None,
             "address": row["address"]})
        self.assertIn(row["address"], ("127.0.0.1", "::1"))
        self.assertRegex(row["secret"], "^sec_")

    def test_both_secrets_sign_during_grace(self):
        name = self.add(path="/grace")
        old = self.secret(name)
        self.run_tool("secret", "rotate", name, "--destination", "--grace",
                      "1h")
        self.run_tool("secret", "stage", name, "--destination")
        self.sent(name)
        request, = self.sink.requests("/grace")
        self.assertEqual(
            request.headers["webhook-signature"].split(),
            [self.signature(request, key) for key in
             (self.secret(name), old)])

    def test_the_old_one_signs_alone_where_one_has_room(self):
        name = self.add("--sign", "github", path="/alone")
        old = self.run_tool("secret", "reveal", name, "--destination").strip()
        self.run_tool("secret", "rotate", name, "--destination", "--grace",
                      "1h")
        self.sent(name)
        request, = self.sink.requests("/alone")
        mac = hmac.new(old.encode(), request.body, hashlib.sha256)
        self.assertEqual(request.headers["x-hub-signature-256"],
                         "sha256=" + mac.hexdigest())

    def test_type_is_chosen(self):
        name = self.add(path="/typed")
        self.assertEqual(self.sent(name, "--type", "a.b")["type"], "a.b")
        request, = self.sink.requests("/typed")
        self.assertEqual(json.loads(request.body)["type"], "a.b")

    def test_envelope_is_the_schemes(self):
        name = self.add("--sign", "nomos", path="/nomos")
        row = self.sent(name)
        request, = self.sink.requests("/nomos")
        body = json.loads(request.body)
        self.assertEqual((body["id"], body["topic"]),
                         (row["id"], row["type"]))

    def test_unsigned(self):
        name = self.add("--sign", "none", path="/unsigned")
        self.assertIsNone(self.sent(name)["secret"])
        request, = self.sink.requests("/unsigned")
        self.assertNotIn("webhook-signature", request.headers)
        self.assertEqual(json.loads(request.body)["type"], "test.event")

    def test_headers_and_login_go_out_and_are_not_shown(self):
        for name, text in (("key", CANARY), ("login", f"basic u:{CANARY}")):
            with open(f"{self.top}/{name}", "w") as f:
                f.write(text + "\n")
        name = self.add("--header", f"X-Key: @{self.top}/key", "--auth-file",
                        f"{self.top}/login", path="/login")
        self.sent(name)
        print_out = self.run_tool("destination", "test", name)
        self.assertIn("answered", print_out)
        for request in self.sink.requests("/login"):
            self.assertEqual(request.headers["x-key"], CANARY)
            login = base64.b64encode(f"u:{CANARY}".encode()).decode()
            self.assertEqual(request.headers["authorization"],
                             "Basic " + login)

    def test_refusals_are_told(self):
        self.sink.answers("/no", sinks.Answer(500, {}, b"not \x1b[2Jtoday"))
        name = self.add(path="/no")
        row = self.sent(name, status=1)
        self.assertEqual((row["taken"], row["status"], row["outcome"]),
                         (False, 500, "answered"))
        out = self.run_tool("destination", "test", name, status=1)
        self.assertIn("500", out)
        self.assertNotIn("\x1b", out)

    def test_redirects_are_not_followed(self):
        self.sink.answers("/moved", sinks.Answer(
            302, {"Location": self.sink.url("/moved-to")}))
        row = self.sent(self.add(path="/moved"), status=1)
        self.assertEqual(row["status"], 302)
        self.assertIn("not followed", row["words"])
        self.assertEqual(self.sink.requests("/moved-to"), [])

    def test_reply_is_cut(self):
        self.sink.answers("/long", sinks.Answer(200, {}, b"x" * 5000))
        row = self.sent(self.add(path="/long"))
        self.assertEqual((row["reply"], row["cut"]), ("x" * 2048, True))

    def test_time_is_limited(self):
        name = self.add("--timeout", "1s", path="/hang")
        row = self.sent(name, status=1)
        self.assertEqual((row["outcome"], row["status"]), ("timeout", None))

    def test_other_authorities_are_not_trusted(self):
        other = sinks.CA(self.top, "another authority")
        name = self.add(path="/untrusted")
        self.run_tool("destination", "edit", name, "--ca", other.file)
        row = self.sent(name, status=1)
        self.assertEqual(row["outcome"], "tls")
        self.assertEqual(self.sink.requests("/untrusted"), [])

    def test_client_certificate_is_shown(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.ca.issue())
        context.load_verify_locations(self.ca.file)
        context.verify_mode = ssl.CERT_REQUIRED
        cert, key = self.ca.issue("DNS:client.example")
        with sinks.Sink(context=context) as strict:
            name = self.add(url=strict.url("/mutual"))
            self.assertFalse(self.sent(name, status=1)["taken"])
            self.run_tool("destination", "edit", name, "--client-cert", cert,
                          "--client-key", key)
            self.assertTrue(self.sent(name)["taken"])
            self.assertEqual(len(strict.requests("/mutual")), 1)

    def test_guard_is_asked(self):
        """By way of a proxy that may not be reached."""
        with sinks.Sink() as proxy:
            Sends.count += 1
            name = f"d{self.count}"
            self.run_tool("destination", "add", name, "--url",
                          "http://sink.example/", "--allow-http", "--proxy",
                          f"http://127.0.0.1:{proxy.port}")
            self.assertEqual(self.sent(name, status=1)["outcome"], "blocked")
            self.assertEqual(proxy.connects, 0)
            self.run_tool("destination", "edit", name, "--allow-net",
                          "127.0.0.1")
            self.assertTrue(self.sent(name)["taken"])
            request, = proxy.requests()
            self.assertEqual(request.path, "http://sink.example/")

    def test_without_a_secret_nothing_goes_out(self):
        name = self.add(path="/keyless")
        rows = self.run_tool("secret", "show", name, "--destination",
                             "--json").splitlines()
        self.run_tool("secret", "revoke", name,
                      json.loads(rows[0])["secret"], "--destination")
        self.run_tool("destination", "test", name, status=65)
        self.assertIn("no current secret", self.words)
        self.assertEqual(self.sink.requests("/keyless"), [])

    def test_it_is_on_record(self):
        name = self.add(path="/record")
        row = self.sent(name)
        audit = self.run_tool("store", "audit", "--json")
        self.assertRegex(audit, '"destination.test"[^\n]*"' + name +
                         '"[^\n]*' + row["id"])

    def test_unknown(self):
        self.run_tool("destination", "test", "nothing", status=66)

    # --- a command -----------------------------------------------------------

    def read(self, path):
        with open(path) as f:
            return f.read()

    def test_command_gets_all(self):
        name, path = self.command("a b", "--", "-c")
        row = self.sent(name, "--type", "a.b")
        self.assertEqual(
            {key: row[key] for key in ("taken", "outcome", "status", "url",
                                       "command", "reply", "secret")},
            {"taken": True, "outcome": "exit", "status": 0, "url": None,
             "command": path, "reply": "it was taken\n", "secret": None})
        body = json.loads(self.read(path + ".body"))
        self.assertEqual((body["id"], body["type"]), (row["id"], "a.b"))
        self.assertEqual(self.read(path + ".args"), "a b\n-c\n")
        env = dict(line.split("=", 1)
                   for line in self.read(path + ".env").splitlines())
        facts = {key: value for key, value in env.items()
                 if key.startswith("EYELET_") and key != "EYELET_RECEIVED"}
        self.assertEqual(facts, {
            "EYELET_ID": row["id"], "EYELET_TYPE": "a.b",
            "EYELET_ENDPOINT": "", "EYELET_SEQ": "0", "EYELET_ATTEMPT": "1",
            "EYELET_DESTINATION": name,
            "EYELET_CONTENT_TYPE": "application/json"})
        self.assertRegex(env["EYELET_RECEIVED"], r"^20\d\d-.*Z$")

    def test_command_fails(self):
        name, _ = self.command(text="#!/bin/sh\necho no >&2\nexit 3\n")
        row = self.sent(name, status=1)
        self.assertEqual((row["taken"], row["outcome"], row["status"],
                          row["reply"]), (False, "exit", 3, "no\n"))
        self.assertIn("3", row["words"])

    def test_command_is_not_there(self):
        name, path = self.command()
        os.unlink(path)
        row = self.sent(name, status=1)
        self.assertEqual((row["taken"], row["status"]), (False, None))
        self.assertNotEqual(row["words"], "")

    def test_command_hangs(self):
        name, _ = self.command("--timeout", "1s",
                               text="#!/bin/sh\nexec sleep 100\n")
        row = self.sent(name, status=1)
        self.assertEqual((row["outcome"], row["status"]), ("timeout", None))

    @unittest.skipUnless(os.geteuid() == 0, "only root becomes others")
    def test_command_runs_as_the_stores_user(self):
        try:
            stands.need_the_tree("nobody")
        except SystemExit:
            self.skipTest("nobody may not enter the tree")
        top = tempfile.mkdtemp(prefix="eyelet-test-verb.")
        self.addCleanup(self.clean, top)
        user = pwd.getpwnam("nobody")
        os.chmod(top, 0o755)
        conf = self.configure(top)
        os.chmod(conf, 0o644)
        self.run_tool("store", "init", "--user", "nobody", conf=conf)
        path = f"{top}/who"
        with open(path, "w") as f:
            f.write("#!/bin/sh\nid -u; id -G\n")
        os.chmod(path, 0o755)
        self.run_tool("destination", "add", "who", "--command", path,
                      conf=conf)
        row = json.loads(self.run_tool("destination", "test", "who", "--json",
                                       conf=conf))
        self.assertEqual(row["reply"],
                         f"{user.pw_uid}\n{user.pw_gid}\n")

    def test_nothing_is_left_behind(self):
        name, _ = self.command()
        tmp = f"{self.top}/tmp"
        os.mkdir(tmp)
        before = os.environ.get("TMPDIR")
        os.environ["TMPDIR"] = tmp
        try:
            self.sent(name)
        finally:
            if before is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before
        self.assertEqual(os.listdir(tmp), [])


if __name__ == "__main__":
    unittest.main()
