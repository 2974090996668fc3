#!/usr/bin/env python3
"""Every mistake that is planted is named.

Requests with one mistake each go through a real lighttpd; what was refused is
listed, shown, explained and admitted by the built eyelet-event. Then the same
requests, saved as text in three forms, are explained by eyelet-endpoint.
"""
import sys
sys.dont_write_bytecode = True

import base64
import gzip
import http.client
import json
import os
import re
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import *  # noqa: F401,F403

RAW = os.urandom(24)
SECRETS = {
    "shop": SECRET,
    "till": "till-secret-0123456789abcdef",
    "old": "old-secret-0123456789abcdef",
    "expired": "expired-secret-0123456789",
    "form": "whsec_" + base64.b64encode(RAW).decode(),
    "url": "url-secret-0123456789abcdef",
    "token": "token-secret-0123456789abcdef",
}
URL = "https://hooks.example.org/hooks/url"
NOW = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
BODY = (b'{"id":"evt_1","topic":"order.created","type":"order.created",'
        b'"createdAt":"' + NOW.encode() + b'",'
        b'"event_id":"e1","name":"caf\xc3\xa9/<b>","n":[1,2.50,{}]}')
AS_PYTHON = json.dumps(json.loads(BODY)).replace("2.5,", "2.50,").encode()
AS_GO = BODY.replace(b"<", b"\\u003c").replace(b">", b"\\u003e")
AS_LINES = json.dumps(json.loads(BODY), indent=2, ensure_ascii=False).replace(
    "2.5,", "2.50,").encode()


def mac(secret, content, kind=hashlib.sha256):
    key = secret if isinstance(secret, bytes) else secret.encode()
    return hmac.new(key, content, kind).digest()


def nomos(body=BODY, secret=SECRETS["shop"], at=None):
    at = int(time.time()) if at is None else at
    signed = f"{at}.".encode() + body
    return f"t={at},v1={mac(secret, signed).hex()}"


def webhooks(key, body=BODY):
    at = int(time.time())
    signed = f"msg_1.{at}.".encode() + body
    return {"webhook-id": "msg_1", "webhook-timestamp": str(at),
            "webhook-signature":
                "v1," + base64.b64encode(mac(key, signed)).decode()}


def square(url, body=BODY):
    return {"x-square-hmacsha256-signature": base64.b64encode(
        mac(SECRETS["url"], url.encode() + body)).decode()}


def b64(text):
    return base64.b64encode(bytes.fromhex(text)).decode()


SIGNATURE = "X-Nomos-Signature"
PLAIN = "X-Webhook-Signature"  # nimbus: hex of the body's
RIGHT = mac(SECRETS["shop"], BODY).hex()

# What is wrong, endpoint, headers, body, the name of the mistake, a word of it.
MISTAKES = [
    ("a line end was cut", "shop", lambda: {SIGNATURE: nomos(BODY + b"\n")},
     BODY, "newline", "with a line end"),
    ("a CRLF was cut", "plain", lambda: {PLAIN: mac(
        SECRETS["shop"], BODY + b"\r\n").hex()}, BODY, "newline", "CRLF"),
    ("a line end was added", "shop", lambda: {SIGNATURE: nomos()},
     BODY + b"\n", "newline", "without the line end"),
    ("blanks were taken out", "shop", lambda: {SIGNATURE: nomos(AS_PYTHON)},
     BODY, "reserialised", "json.dumps"),
    ("blanks were put in", "shop", lambda: {SIGNATURE: nomos()},
     AS_PYTHON, "reserialised", "JSON.stringify"),
    ("it was indented", "shop", lambda: {SIGNATURE: nomos()}, AS_LINES,
     "reserialised", "."),
    ("it was taken in", "shop", lambda: {SIGNATURE: nomos(AS_LINES)}, BODY,
     "reserialised", "two blanks"),
    ("escapes were undone", "shop", lambda: {SIGNATURE: nomos(AS_GO)}, BODY,
     "reserialised", "Go"),
    ("the secret as text", "form", lambda: webhooks(SECRETS["form"]), BODY,
     "secret-form", "all of it, taken as text"),
    ("without its prefix, as text", "form",
     lambda: webhooks(SECRETS["form"][6:]), BODY, "secret-form",
     "without its prefix, taken as text"),
    ("a blank behind it", "blank", lambda: {SIGNATURE: nomos()}, BODY,
     "secret-form", "without the blanks"),
    ("quotes around it", "quoted", lambda: {SIGNATURE: nomos()}, BODY,
     "secret-form", "without the quotes"),
    ("decoded as base64", "base64", lambda: {SIGNATURE: nomos(secret=RAW)},
     BODY, "secret-form", "decoded as base64"),
    ("decoded as hex", "hex", lambda: {SIGNATURE: nomos(secret=RAW)},
     BODY, "secret-form", "decoded as hex"),
    ("a revoked secret", "till",
     lambda: {SIGNATURE: nomos(secret=SECRETS["old"])}, BODY, "old-secret",
     "revoked"),
    ("an expired secret", "till",
     lambda: {SIGNATURE: nomos(secret=SECRETS["expired"])}, BODY,
     "old-secret", "expired"),
    ("another endpoint's secret", "shop",
     lambda: {SIGNATURE: nomos(secret=SECRETS["till"])}, BODY,
     "other-endpoint", "of endpoint till"),
    ("the body alone is signed", "shop", lambda: {SIGNATURE: RIGHT}, BODY,
     "other-scheme", "nomos-body"),
    ("another provider", "shop",
     lambda: {"X-Hub-Signature-256": "sha256=" + RIGHT}, BODY,
     "other-scheme", "github"),
    ("a clock behind", "shop",
     lambda: {SIGNATURE: nomos(at=int(time.time()) - 4000)}, BODY, "clock",
     r"40\d\d s before"),
    ("a clock ahead", "shop",
     lambda: {SIGNATURE: nomos(at=int(time.time()) + 4000)}, BODY, "clock",
     r"(39\d\d|4000) s after"),
    ("milliseconds", "shop",
     lambda: {SIGNATURE: nomos(at=int(time.time() * 1000))}, BODY, "clock",
     "milliseconds"),
    ("cut short", "plain", lambda: {PLAIN: RIGHT[:40]}, BODY, "truncated",
     "40 of its 64"),
    ("cut short, in a list", "shop", lambda: {SIGNATURE: nomos()[:60]}, BODY,
     "truncated", "letters"),
    ("base64, not hex", "plain", lambda: {PLAIN: b64(RIGHT)}, BODY,
     "other-encoding", "base64"),
    ("a prefix too many", "plain", lambda: {PLAIN: "sha256=" + RIGHT}, BODY,
     "other-encoding", "prefix"),
    ("in quotes", "plain", lambda: {PLAIN: f'"{RIGHT}"'}, BODY,
     "other-encoding", "."),
    ("escaped for a URL", "url", lambda: {
        k: v.replace("=", "%3D").replace("+", "%2B").replace("/", "%2F")
        for k, v in square(URL).items()}, BODY, "other-encoding", "."),
    ("a proxy's name", "shop",
     lambda: {"X-Original-Nomos-Signature": nomos()}, BODY,
     "renamed-header", "x-original-nomos-signature"),
    ("three of them", "form", lambda: {
        "x-fwd-" + k: v for k, v in webhooks(RAW).items()}, BODY,
     "renamed-header", "x-fwd-webhook-"),
    ("twice the same", "shop", lambda: [(SIGNATURE, nomos())] * 2, BODY,
     "two-values", "x-nomos-signature"),
    ("two different ones", "plain",
     lambda: [(PLAIN, "0" * 64), (PLAIN, RIGHT)], BODY, "two-values", "x-webhook"),
    ("http for https", "url", lambda: square(URL.replace("https", "http")),
     BODY, "other-url", "http://hooks.example.org/hooks/url"),
    ("a slash behind", "url", lambda: square(URL + "/"), BODY, "other-url",
     "url/"),
    ("a port", "url", lambda: square(URL.replace(".org", ".org:443")), BODY,
     "other-url", ":443"),
    ("without the query", "url?a=b", lambda: square(URL), BODY, "other-url",
     "hooks/url"),
    ("no signature", "shop", lambda: {}, BODY, "unsigned", SIGNATURE),
    ("the secret itself", "plain", lambda: {PLAIN: SECRETS["shop"]}, BODY,
     "secret-sent", "itself"),
    ("a broken form", "mail", lambda: {}, b"timestamp=%zz&token=t",
     "unreadable", "form cannot be read"),
    ("no JSON", "shop", lambda: {SIGNATURE: nomos(b"{,}")}, b"{,}",
     "malformed", "byte 1"),
    ("nothing that is known", "shop",
     lambda: {SIGNATURE: nomos(secret="nobody's-secret-0123456789")}, BODY,
     "unknown", "no signature matches"),
]


def endpoint(stand, name, scheme, secret, *more):
    stand.tool("endpoint", "add", name, "--scheme", scheme, "--secret-file",
               "-", *more, stdin=secret + "\n")


def rotate(stand, name, secret, *how):
    stand.tool("secret", "rotate", name, "--secret-file", "-", *how,
               stdin=secret + "\n")


class Refused(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stand = stand = Stand()
        try:
            endpoint(stand, "shop", "nomos", SECRETS["shop"])
            endpoint(stand, "plain", "nimbus", SECRETS["shop"])
            endpoint(stand, "till", "nomos", SECRETS["old"])
            endpoint(stand, "form", "standard-webhooks", SECRETS["form"])
            endpoint(stand, "blank", "nomos", SECRETS["shop"] + " ")
            endpoint(stand, "quoted", "nomos", f'"{SECRETS["shop"]}"')
            endpoint(stand, "base64", "nomos",
                     base64.b64encode(RAW).decode())
            endpoint(stand, "hex", "nomos", RAW.hex())
            endpoint(stand, "url", "square", SECRETS["url"],
                     "--public-url", URL)
            endpoint(stand, "token", "gitlab", SECRETS["token"])
            endpoint(stand, "mail", "mailgun-form", SECRETS["shop"])
            endpoint(stand, "notion", "notion", "any secret, for a moment")
            rotate(stand, "till", SECRETS["expired"])
            stand.tool("secret", "revoke", "till", "sec_3")
            rotate(stand, "till", SECRETS["till"], "--grace", "0")
            stand.start()
        except BaseException:
            stand.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.stand.close()

    def post(self, name, headers, body):
        http_ = http.client.HTTPConnection(
            "127.0.0.1", self.stand.port, timeout=REPLY_S)
        http_.putrequest("POST", f"/hooks/{name}")
        pairs = headers.items() if isinstance(headers, dict) else headers
        for pair in pairs:
            http_.putheader(*pair)
        http_.putheader("Content-Length", str(len(body)))
        http_.endheaders(body)
        status = http_.getresponse().status
        http_.close()
        return status

    def rows(self, *args):
        return [json.loads(line) for line in self.stand.tool(
            "event", *args, "--json").splitlines()]

    def refuse(self, name, headers, body):
        status = self.post(name, headers, body)
        self.assertIn(status, (400, 401, 413), (name, body))
        row, = self.rows("quarantine", "list", "--limit", "1")
        self.assertEqual(row["endpoint"], name.partition("?")[0])
        self.assertEqual(row["status"], status)
        self.assertEqual(row["size"], len(body))
        # People see the same under the titles, the cells in this order.
        line = self.stand.tool("event", "quarantine", "list", "--limit",
                               "1").splitlines()[-1]
        names = ("no", "refused_at", "endpoint", "status", "refused_as",
                 "size", "from")
        self.assertEqual(line.split()[:len(names)],
                         [str(row[name] or "-") for name in names])
        self.assertIn(row["why"][:40], line)
        return row

    def no_secret_in(self, text):
        for secret in (*SECRETS.values(), RAW.hex(),
                       base64.b64encode(RAW).decode()):
            self.assertNotIn(secret, text)

    def test_each_mistake_is_named(self):
        for when, name, headers, body, want, words in MISTAKES:
            with self.subTest(when):
                row = self.refuse(name, headers(), body)
                told, = self.rows("quarantine", "explain", str(row["no"]))
                self.assertEqual(told["diagnosis"], want, told)
                self.assertRegex(told["words"], words)
                self.assertGreater(len(told["steps"]), 2)
                self.assertGreater(len(told["advice"]), 10)
                text = self.stand.tool(
                    "event", "quarantine", "explain", str(row["no"]))
                self.assertIn(f"diagnosis  {want}", text)
                self.no_secret_in(text + json.dumps(told))
                self.no_secret_in(self.stand.tool(
                    "event", "quarantine", "show", str(row["no"])))
        self.assertEqual(  # none is an event; that many came may be one
            [row for row in self.rows("list")
             if row["endpoint"] != "eyelet"], [])

    def test_each_mistake_is_named_in_a_saved_request(self):
        """As raw HTTP, as an editor's file and as curl -v prints it."""
        def raw(name, pairs, body):
            return (f"POST /hooks/{name} HTTP/1.1\r\nHost: x\r\n" +
                    "".join(f"{k}: {v}\r\n" for k, v in pairs) +
                    f"Content-Length: {len(body)}\r\n\r\n").encode() + body

        def editor(name, pairs, body):
            return (f"# a try\n@x = 1\n\nPOST https://x/hooks/{name}\n" +
                    "".join(f"{k}: {v}\n" for k, v in pairs) +
                    "\n").encode() + body + b"\n###\nGET https://x/\n"

        def curl(name, pairs, body):
            return ("* Trying 127.0.0.1\n* Connected\n"
                    f"> POST /hooks/{name} HTTP/1.1\n> Host: x\n" +
                    "".join(f"> {k}: {v}\n" for k, v in pairs) +
                    f"> Content-Length: {len(body)}\n> \n"
                    "} [120 bytes data]\n* upload done\n"
                    "< HTTP/1.1 401 Unauthorized\n< \n").encode() + \
                body + b'\n{"status":"refused"}\n'

        for i, (when, name, headers, body, want, words) in \
                enumerate(MISTAKES):
            form = (raw, editor, curl)[i % 3]
            pairs = headers()
            pairs = list(pairs.items()) if isinstance(pairs, dict) else pairs
            with self.subTest(when, form=form.__name__):
                done = self.stand.run(
                    "endpoint", "explain", name.partition("?")[0], "--json",
                    stdin=form(name, pairs, body).decode(), check=False)
                self.assertEqual(done.returncode, 1, done.stderr)
                told = json.loads(done.stdout)
                self.assertEqual(told["diagnosis"], want, told)
                self.assertRegex(told["words"], words)
                self.no_secret_in(done.stdout)

    def explain(self, text, *options, name="shop"):
        return self.stand.run("endpoint", "explain", name, *options,
                              stdin=text, check=False)

    def test_a_saved_request_that_is_right(self):
        text = (f"POST /hooks/shop\n{SIGNATURE}: {nomos()}\n\n"
                f"{BODY.decode()}")
        done = self.explain(text)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("diagnosis  valid", done.stdout)

    def test_a_saved_request_with_a_secret_and_a_time_of_its_own(self):
        at = int(time.time()) - 9000
        body = f"{self.stand.top}/body"
        with open(body, "wb") as f:
            f.write(BODY)
        other = f"{self.stand.top}/other"
        with open(other, "w") as f:
            f.write("a-secret-of-nobody-0123456789\n")
        text = (f"> POST /hooks/shop HTTP/1.1\n> {SIGNATURE}: "
                f"{nomos(secret='a-secret-of-nobody-0123456789', at=at)}\n>"
                "\n")
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at + 1))
        done = self.explain(text, "--body-file", body, "--at", when,
                            "--secret-file", other)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        done = self.explain(text, "--body-file", body, "--at", when)
        self.assertIn("diagnosis  unknown", done.stdout)
        done = self.explain(text, "--body-file", body,
                            "--secret-file", other)
        self.assertIn("diagnosis  clock", done.stdout)

    def test_what_is_no_request_is_refused_in_words(self):
        for text, words in (("", "line 1"), ("hello there", "POST"),
                            ("POST /x\nno header here\n", "line 2")):
            done = self.explain(text)
            self.assertEqual(done.returncode, 65, done.stderr)
            self.assertIn(words, done.stderr)
        done = self.explain("POST /x\nContent-Length: 9\n\nabc")
        self.assertIn("fewer than Content-Length", done.stderr)
        self.assertEqual(
            self.explain("POST /x\n\n", "--secret-file", "-").returncode, 64)
        self.assertEqual(
            self.explain("POST /x\n\n", name="shpo").returncode, 66)

    def test_credentials_leave_no_trace(self):
        row = self.refuse("token", {
            "X-Gitlab-Token": "a-wrong-token", "Cookie": "a-cookie",
            "Authorization": "Basic a-password", "X-Other": "this one"},
            BODY)
        for verb in ("show", "explain"):
            text = self.stand.tool("event", "quarantine", verb,
                                   str(row["no"]))
            for word in ("a-wrong-token", "a-cookie", "a-password"):
                self.assertNotIn(word, text)
        self.assertIn("x-other: this one",
                      self.stand.tool("event", "quarantine", "show",
                                      str(row["no"])))

    def test_a_secret_that_is_not_expected_is_not_kept(self):
        body = b'{"verification_token":"secret_Qv3o1"}'
        row = self.refuse("notion", {}, body)
        self.assertEqual(row["status"], 401)
        for verb in ("show", "explain"):
            self.assertNotIn("secret_Qv3o1", self.stand.tool(
                "event", "quarantine", verb, str(row["no"])))

    def test_what_is_right_by_today_is_admitted_once(self):
        before = len(self.rows("list", "--limit", "0"))
        body = BODY.replace(b"evt_1", b"evt_late")
        wrong = self.refuse("shop", {SIGNATURE: "t=1,v1=" + "0" * 64}, body)
        done = self.stand.run("event", "quarantine", "admit",
                              str(wrong["no"]), check=False)
        self.assertEqual(done.returncode, 65)
        self.assertIn("still refused", done.stderr)
        self.assertEqual(len(self.rows("list", "--limit", "0")), before)
        late = self.refuse(
            "shop", {SIGNATURE: nomos(body, at=int(time.time()) - 1000)},
            body)
        row, = self.rows("quarantine", "admit", str(late["no"]))
        self.assertEqual(row["outcome"], "accepted")
        self.assertIs(row["window_waived"], True)
        shown = self.stand.tool("event", "show", str(row["seq"]))
        self.assertRegex(shown, "eyelet-admitted: .* after it was refused")
        self.assertIn("window waived", shown)
        audit = [r for r in (json.loads(line) for line in self.stand.tool(
            "store", "audit", "--json").splitlines())
            if r["verb"] == "quarantine.admit"]
        self.assertEqual(audit[-1]["detail"]["seq"], row["seq"])
        # Twice, and by the sender once more: it is one event.
        again, = self.rows("quarantine", "admit", str(late["no"]))
        self.assertEqual((again["outcome"], again["seq"]),
                         ("duplicate", row["seq"]))
        self.assertEqual(self.post("shop", {SIGNATURE: nomos(body)}, body),
                         200)
        self.assertEqual(len(self.rows("list", "--limit", "0")), before + 1)
        self.stand.tool("event", "list")

    def test_what_is_too_large_is_kept_by_its_head(self):
        self.stand.tool("endpoint", "edit", "shop", "--max-body", "5k")
        body = BODY.replace(b"evt_1", b"evt_large") + b" " * 9000
        row = self.refuse("shop", {SIGNATURE: nomos(body)}, body)
        self.assertEqual((row["status"], row["refused_as"], row["size"]),
                         (413, "too-large", len(body)))
        no = str(row["no"])
        shown, = self.rows("quarantine", "show", no)
        self.assertEqual((shown["cut"], shown["whole"]), (True, False))
        self.assertEqual(shown["body"].encode(), body[:4096])
        self.assertIn("its first bytes were kept",
                      self.stand.tool("event", "quarantine", "show", no))
        told, = self.rows("quarantine", "explain", no)
        self.assertEqual(told["diagnosis"], "too-large")
        self.assertIn("--max-body", told["advice"])
        admit = self.stand.run("event", "quarantine", "admit", no, check=False)
        self.assertEqual(admit.returncode, 65)
        self.assertIn(f"first 4096 of its body's {len(body)} bytes",
                      admit.stderr)
        # What the advice says is the cure.
        self.stand.tool("endpoint", "edit", "shop", "--max-body", "")
        self.assertEqual(self.post("shop", {SIGNATURE: nomos(body)}, body),
                         200)

    def test_a_secret_that_came_later_admits_and_a_revoked_one_does_not(self):
        body = BODY.replace(b"evt_1", b"evt_staged")
        new = "new-secret-0123456789abcdef"
        row = self.refuse("plain", {PLAIN: mac(new, body).hex()}, body)
        admit = ("event", "quarantine", "admit", str(row["no"]))
        self.assertEqual(self.stand.run(*admit, check=False).returncode, 65)
        self.stand.tool("secret", "stage", "plain", "--secret-file", "-",
                        stdin=new + "\n")
        told, = self.rows("quarantine", "explain", str(row["no"]))
        self.assertEqual(told["diagnosis"], "valid")
        self.stand.tool("endpoint", "disable", "plain")
        self.assertEqual(self.stand.run(*admit, check=False).returncode, 65)
        self.stand.tool("endpoint", "enable", "plain")
        secret = told["steps"][-1]
        secret = re.search(r"sec_\d+", secret).group()
        self.stand.tool("secret", "revoke", "plain", secret)
        self.assertEqual(self.stand.run(*admit, check=False).returncode, 65)
        told, = self.rows("quarantine", "explain", str(row["no"]))
        self.assertEqual(told["diagnosis"], "old-secret")

    def test_what_is_authentic_and_cannot_be_read_is_admitted(self):
        """400, and the reason names the way back, which is one."""
        for body, why, ident, kind in (
                (b"no JSON", "byte 0", None, None),
                (b'{"id":"evt_j","id":"evt_k","topic":"t"}',
                 "has this key already", None, None),
                (b'{"id":"a\\u0000","topic":"t"}', "U+0000", None, None),
                (b'{"topic":"order.lost"}', "/id is absent", None,
                 "order.lost")):
            with self.subTest(body):
                row = self.refuse("shop", {SIGNATURE: nomos(body)}, body)
                self.assertEqual(row["status"], 400)
                self.assertIn(why, row["why"])
                self.assertIn('"quarantine admit" takes it', row["why"])
                done, = self.rows("quarantine", "admit", str(row["no"]))
                self.assertEqual(done["outcome"], "accepted")
                event, = self.rows("show", str(done["seq"]))
                self.assertEqual(event.get("body"), body.decode())
                self.assertEqual(event["type"] or None, kind)
                self.assertRegex(event["id"], ident or "^sha256:")
                self.assertIn("could not be read", json.dumps(event))
                again, = self.rows("quarantine", "admit", str(row["no"]))
                self.assertEqual(again["outcome"], "duplicate")

    def test_the_other_packing_is_named(self):
        """Signed before it was packed; and packed in a way that is none."""
        packed = gzip.compress(BODY, mtime=0)
        how = {"Content-Encoding": "gzip"}
        row = self.refuse("shop", {SIGNATURE: nomos(), **how}, packed)
        told, = self.rows("quarantine", "explain", str(row["no"]))
        self.assertEqual(told["diagnosis"], "other-packing", told)
        self.assertIn('"signs" is "wire"', told["words"])
        self.assertIn('"signs": "decoded"', told["advice"])
        # The advice is right: by such a scheme the same request is an event.
        with open(f"{SOURCE}/conf/schemes/nomos.json") as f:
            shown = f.read()
        folder = f"{self.stand.top}/own"
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        with open(f"{folder}/packed.json", "w") as f:
            f.write(shown.replace('"alg":', '"signs": "decoded",\n\t"alg":', 1))
        done = subprocess.run(
            [self.stand.tool_path("scheme"), "-c", self.stand.conf, "verify",
             "packed", "--schemes", folder, "--secret-file", self.key_file(), "--header",
             f"{SIGNATURE}: {nomos()}", "--header", "Content-Encoding: gzip"],
            input=packed, capture_output=True, env=self.stand.env,
            timeout=CALL_S, check=False)
        self.assertIn(b'"verdict":"valid","event_id":"evt_1"', done.stdout,
                      done.stderr)
        row = self.refuse("shop", {SIGNATURE: nomos(BODY), **how}, BODY)
        self.assertEqual((row["status"], row["refused_as"]),
                         (400, "not-json"))

    def key_file(self):
        path = f"{self.stand.top}/packed.key"
        with open(path, "w") as f:
            f.write(SECRETS["shop"] + "\n")
        return path

    def test_wrong_use_is_told(self):
        for args, status in ((("quarantine",), 64), (("quarantine", "lst"), 64),
                             (("quarantine", "show"), 64),
                             (("quarantine", "show", "x"), 64),
                             (("quarantine", "show", "999999"), 66),
                             (("quarantine", "list", "1"), 64),
                             (("quarantine", "list", "--endpoint", "shpo"),
                              66)):
            done = self.stand.run("event", *args, check=False)
            self.assertEqual(done.returncode, status, (args, done.stderr))

    def test_a_restart_keeps_them_and_the_limits_hold(self):
        row = self.refuse("shop", {}, BODY)
        self.stand.stop()
        wait_for("eyelet ends", START_S,
                 lambda: not self.stand.processes())
        self.stand.write_conf({"quarantine.count": "3"})
        self.stand.start()
        rows = self.rows("quarantine", "list", "--endpoint", "shop")
        self.assertEqual(rows[0]["no"], row["no"])
        self.assertLessEqual(len(rows), 3)
        for _ in range(5):
            self.refuse("shop", {}, BODY)
        self.assertEqual(
            len(self.rows("quarantine", "list", "--endpoint", "shop")), 3)
        status = json.loads(self.stand.tool("store", "status", "--json"))
        self.assertGreaterEqual(status["quarantine"]["count"], 3)
        self.assertEqual(status["quarantine"]["unkept"], 0)


if __name__ == "__main__":
    unittest.main()
