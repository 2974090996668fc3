#!/usr/bin/env python3
"""eyelet-scheme as people and scripts use it: output, statuses, secrets."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import pty
import subprocess
import sys
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ.get("top_srcdir", "."))
PROGRAM = pathlib.Path(os.environ.get("top_builddir", ".")) \
    / "admin" / "eyelet-scheme"
PRESETS = SOURCE / "conf" / "schemes"
BODY = b'{"id":"evt_1","topic":"a.b"}'
NOW = 1700000000

# Those whose signature covers no body: tokens, and a few that sign less.
BODY_IS_NOT_SIGNED = set(
    "adyen auth0 aws-sns aws-sns-v1 buildkite-token chargebee cloudevents "
    "event-grid gitlab mailchimp mailgun mailgun-form microsoft-graph monday "
    "okta paypal postmark telegram twilio".split())
# Public keys, signatures outside the headers, headers named by the request.
CANNOT_SIGN = set(
    "adyen aws-sns aws-sns-v1 coinbase-cdp discord event-grid "
    "hook0 hook0-v1 mailchimp mailgun mailgun-form microsoft-graph monday "
    "paypal sendgrid standard-webhooks-v1a telnyx".split())

# Whose libraries take headers named webhook-* alone, and who sends svix-*.
WEBHOOK = ("brex incident-io lithic openai pleo polar render replicate sardine "
           "standard-webhooks").split()
SVIX = "beehiiv clerk guesty nash nomod resend safebase stytch svix".split()

# Providers whose documents are for their customers alone.
NOT_PUBLIC = ("nimbus", "nolxy", "nomod", "nomos", "nomos-body")

USAGE, DATAERR, NOINPUT, CONFIG = 64, 65, 66, 78


def signature(secret, body=BODY, now=NOW):
    mac = hmac.new(secret, b"%d." % now + body, hashlib.sha256).hexdigest()
    return f"X-Nomos-Signature: t={now},v1={mac}"


class Scheme(unittest.TestCase):
    def setUp(self):
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)

    def file(self, name, content):
        path = self.place / name
        path.write_bytes(content)
        return path

    def run_it(self, *words, body=b"", status=0, env=None):
        done = subprocess.run(
            [PROGRAM, *map(str, words)], input=body, capture_output=True,
            timeout=30, check=False, env={"PATH": "/usr/bin:/bin",
                                          **(env or {})})
        self.assertEqual(done.returncode, status, done)
        return done

    def verify(self, secret, *words, status=0, header=None, body=BODY):
        """The answer for a nomos request signed with the secret b"key"."""
        done = self.run_it(
            "verify", "nomos", "--schemes", PRESETS, "--secret-file",
            self.file("secret", secret), "--now", NOW, "--header",
            header or signature(b"key"), *words, body=body, status=status)
        return json.loads(done.stdout) if done.stdout else done

    # --- secrets ---

    def test_one_line_end_of_a_secret_is_cut(self):
        for secret in (b"key", b"key\n", b"key\r\n"):
            self.assertEqual(self.verify(secret)["verdict"], "valid")

    def test_nothing_else_of_a_secret_is_cut(self):
        for secret in (b"key\n\n", b"key\r\n\r\n", b"key\r", b" key",
                       b"key ", b"key\n\r", b"\xef\xbb\xbfkey"):
            answer = self.verify(secret, status=1)
            self.assertEqual(answer["verdict"], "invalid", secret)
        for secret in (b"key ", b"\rkey", b"k\0y", b"\xff\n"):
            answer = self.verify(secret + b"\n", header=signature(secret))
            self.assertEqual(answer["verdict"], "valid", secret)

    def test_an_empty_secret_is_refused(self):
        for secret in (b"", b"\n", b"\r\n"):
            done = self.verify(secret, status=DATAERR)
            self.assertIn(b"is empty", done.stderr)
            self.assertEqual(done.stdout, b"")

    def test_a_secret_is_never_told(self):
        done = self.run_it(
            "verify", "nomod", "--schemes", PRESETS, "--secret-file",
            self.file("s", b"whsec_Passw0rd!"), body=BODY, status=DATAERR)
        self.assertNotIn(b"Passw0rd", done.stderr + done.stdout)
        self.assertIn(b"is not base64", done.stderr)

    def test_a_secret_is_no_argument_and_not_stdin(self):
        done = self.run_it("verify", "nomos", "--schemes", PRESETS,
                           "--secret-file", "-", body=BODY, status=USAGE)
        self.assertIn(b"stdin is the body", done.stderr)
        done = self.run_it("verify", "nomos", "--schemes", PRESETS,
                           "--secret", "key", status=USAGE)
        self.assertIn(b"secret-file", done.stderr)

    def test_the_secret_that_matched_is_counted(self):
        other = self.file("other", b"other")
        key = self.file("key", b"key")
        for files, index in (((key, other), 0), ((other, key), 1),
                             ((other, other, key), 2)):
            words = [w for f in files for w in ("--secret-file", f)]
            done = self.run_it(
                "verify", "nomos", *words, "--schemes", PRESETS, "--now",
                NOW, "--header", signature(b"key"), body=BODY)
            self.assertEqual(json.loads(done.stdout)["secret"], index)

    # --- verdicts ---

    def test_the_answer_is_one_line_of_json(self):
        done = self.run_it(
            "verify", "nomos", "--schemes", PRESETS, "--secret-file",
            self.file("k", b"key"), "--now", NOW, "--header",
            signature(b"key"), body=BODY)
        self.assertEqual(
            done.stdout,
            b'{"verdict":"valid","event_id":"evt_1","event_type":"a.b",'
            b'"secret":0,"reason":"signature matches"}\n')
        self.assertEqual(done.stderr, b"")

    def test_what_is_not_valid_has_no_names(self):
        for words, verdict, secret in (
                ((), "valid", 0), (("--now", NOW + 301), "expired", 0),
                (("--header", "X-Nomos-Signature: x"), "invalid", None)):
            status = 0 if verdict == "valid" else 1
            answer = self.verify(b"key", *words, status=status) \
                if "--now" not in words else json.loads(self.run_it(
                    "verify", "nomos", "--schemes", PRESETS,
                    "--secret-file", self.file("k", b"key"), *words,
                    "--header", signature(b"key"), body=BODY,
                    status=status).stdout)
            self.assertEqual(answer["verdict"], verdict)
            self.assertEqual(answer["secret"], secret)
            if verdict != "valid":
                self.assertIsNone(answer["event_id"])
                self.assertIsNone(answer["event_type"])
                self.assertTrue(answer["reason"])

    def test_a_missing_header_is_missing(self):
        for header in ("X-Other: 1", "X-Nomos-Signature:",
                       "X-Nomos-Signature: \t "):
            answer = self.verify(b"key", header=header, status=1)
            self.assertEqual(answer["verdict"], "missing")

    def test_tolerance_and_horizon(self):
        def at(seconds, *words):
            return json.loads(subprocess.run(
                [PROGRAM, "verify", "nomos", "--schemes", PRESETS,
                 "--secret-file", self.file("k", b"key"), "--now",
                 str(NOW + seconds), "--header", signature(b"key"), *words],
                input=BODY, capture_output=True, timeout=30,
                check=False).stdout)["verdict"]
        self.assertEqual(at(300), "valid")
        self.assertEqual(at(301), "expired")
        self.assertEqual(at(600, "--tolerance", "600"), "valid")
        self.assertEqual(at(600, "--tolerance", "10m"), "valid")
        self.assertEqual(at(601, "--tolerance", "600"), "expired")
        self.assertEqual(at(-11, "--tolerance", "10"), "expired")
        self.assertEqual(
            at(601, "--tolerance", "1h", "--horizon", "600"), "expired")

    def test_an_authentic_body_that_is_refused_says_why(self):
        for body, why in ((b"{", "byte 1: "),
                          (b'{"topic":"t"}', "/id is absent"),
                          (b'{"topic":"t","id":"%s"}' % (b"x" * 257),
                           "the id is longer than it may be")):
            answer = self.verify(b"key", header=signature(b"key", body),
                                 body=body)
            self.assertEqual(answer["verdict"], "valid")
            self.assertIsNone(answer["event_id"])
            self.assertIn(why, answer["reason"])

    def test_bytes_that_are_no_text_are_told_exactly(self):
        mac = hmac.new(b"key", BODY, hashlib.sha256).hexdigest()
        done = subprocess.run(
            [PROGRAM, "verify", "github", "--schemes", PRESETS,
             "--secret-file", self.file("k", b"key"),
             "--header", f"X-Hub-Signature-256: sha256={mac}",
             "--header", b"X-GitHub-Delivery: \xff\x1b[31m"],
            input=BODY, capture_output=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0)
        self.assertNotIn(b"\x1b", done.stdout)
        self.assertEqual(json.loads(done.stdout)["event_id_b64"],
                         "/xtbMzFt")

    def test_url_and_params(self):
        scheme = self.file("p.json", json.dumps({
            "alg": "hmac-sha256",
            "sig": {"from": "header:S", "enc": "hex"},
            "content": "{method}|{url}|{query:q}|{param:p}|{body}",
        }).encode())
        mac = hmac.new(b"key", b"PUT|https://h/?q=1|1|x=y|" + BODY,
                       hashlib.sha256).hexdigest()
        words = ["verify", "p", "--schemes", scheme.parent, "--secret-file",
                 self.file("k", b"key"), "--header", f"S: {mac}",
                 "--method", "PUT"]
        full = words + ["--url", "https://h/?q=1", "--param", "p=x=y"]
        self.run_it(*full, body=BODY)
        done = self.run_it(*words, "--param", "p=1", body=BODY,
                           status=USAGE)
        self.assertIn(b"public URL", done.stderr)
        done = self.run_it(*words, "--url", "https://h/?q=1", body=BODY,
                           status=USAGE)
        self.assertIn(b'param "p"', done.stderr)

    # --- signing ---

    def test_what_is_signed_verifies(self):
        key = self.file("k", b"key")
        lines = self.run_it("sign", "nomos", "--schemes", PRESETS,
                            "--secret-file", key, "--now", NOW,
                            body=BODY).stdout.decode()
        self.assertEqual(lines, signature(b"key") + "\n")
        answer = self.verify(b"key", header=lines.rstrip("\n"))
        self.assertEqual(answer["verdict"], "valid")

    def test_without_a_time_it_is_now(self):
        key = self.file("k", b"key")
        words = ("--schemes", PRESETS, "--secret-file", key)
        lines = self.run_it("sign", "nomos", *words, body=BODY).stdout
        self.run_it("verify", "nomos", *words, "--header",
                    lines.decode().rstrip("\n"), body=BODY)

    def test_two_secrets_make_two_signatures(self):
        lines = self.run_it(
            "sign", "nomos", "--schemes", PRESETS, "--now", NOW,
            "--secret-file", self.file("a", b"key"),
            "--secret-file", self.file("b", b"old"),
            body=BODY).stdout.decode()
        self.assertEqual(lines, signature(b"key") + ",v1="
                         + signature(b"old").split("v1=")[1] + "\n")

    def test_headers_are_named_as_the_provider_names_them(self):
        key = self.file("k", b"whsec_" + base64.b64encode(bytes(24)))
        for names, prefix in ((WEBHOOK, "webhook"), (SVIX, "svix")):
            for name in names:
                lines = self.run_it(
                    "sign", name, "--schemes", PRESETS, "--secret-file", key,
                    "--id", "msg_1", body=BODY).stdout.decode().splitlines()
                self.assertEqual(
                    sorted(line.split(":")[0].lower() for line in lines),
                    [f"{prefix}-id", f"{prefix}-signature",
                     f"{prefix}-timestamp"], name)

    def test_a_bearer_token_is_sent_as_one(self):
        key = self.file("k", b"mF_9.B5f-4.1JqM")
        words = ("cloudevents", "--schemes", PRESETS, "--secret-file", key)
        lines = self.run_it("sign", *words, body=BODY).stdout.decode()
        self.assertIn("authorization: Bearer mF_9.B5f-4.1JqM",
                      lines.splitlines()[0].replace("A", "a", 1))
        url = "https://h.example/?access_token="
        for header, query, status in (
                ("Bearer mF_9.B5f-4.1JqM", "", 0), ("", "mF_9.B5f-4.1JqM", 0),
                ("mF_9.B5f-4.1JqM", "", 1), ("", "Bearer mF_9.B5f-4.1JqM", 1),
                ("Basic mF_9.B5f-4.1JqM", "", 1), ("Bearer ", "", 1),
                ("Bearer other", "other", 1)):
            more = ["--header", f"Authorization: {header}"] if header else []
            self.run_it("verify", *words, *more, "--url",
                        url + query.replace(" ", "%20"), body=BODY,
                        status=status)

    def test_what_cannot_sign_says_so(self):
        done = self.run_it("sign", "mailgun", "--schemes", PRESETS,
                           "--secret-file", self.file("k", b"key"),
                           body=BODY, status=USAGE)
        self.assertIn(b"the signature stands inside the body", done.stderr)
        self.assertEqual(done.stdout, b"")

    # --- looking ---

    def test_list_names_every_preset(self):
        names = sorted(p.stem for p in PRESETS.glob("*.json"))
        rows = [json.loads(line) for line in self.run_it(
            "list", "--json", "--schemes", PRESETS).stdout.splitlines()]
        self.assertEqual([row["name"] for row in rows], names)
        for row in rows:
            self.assertEqual(
                row["signs"], row["name"] not in CANNOT_SIGN, row)
        lines = self.run_it("list", "--schemes", PRESETS).stdout.decode()
        self.assertEqual([line.split()[0] for line in lines.splitlines()],
                         ["NAME"] + names)

    def shown(self, name, folder=PRESETS):
        """What show says of a preset: its facts, and its file."""
        text = self.run_it("show", name, "--schemes", folder).stdout
        return text, json.loads(text[text.index(b"\n{"):])

    def test_what_is_shown_loads(self):
        for file in sorted(PRESETS.glob("*.json")):
            text, scheme = self.shown(file.stem)
            self.assertEqual(scheme, json.loads(file.read_text()), file)
            done = self.run_it("lint", "-", body=text)
            self.assertEqual(done.stdout, b"")
            file = self.file(file.name, json.dumps(scheme).encode())
            self.assertEqual(
                done.stderr.replace(b"stdin.json", bytes(file)),
                self.run_it("lint", file).stderr)

    def test_hostile_text_is_shown_inert_and_loads(self):
        scheme = {"title": "\u202e\x7f\U000e0041 \\ \" C:\\x \u001b[2J",
                  "alg": "hmac-sha256", "content": "{body}\n\\",
                  "sig": {"from": "header:X", "enc": "hex"}}
        place = self.place / "own"
        place.mkdir()
        for indent, ends in ((None, "\n"), (8, "\r\n"), ("\t", "\n\n")):
            text = json.dumps(scheme, ensure_ascii=False, indent=indent)
            (place / "own.json").write_bytes(
                ("  " + text).replace("\n", ends).encode())
            shown, read = self.shown("own", place)
            self.assertEqual(read, scheme)
            self.assertNotRegex(shown.decode(),
                                "[\x00-\x08\x0b-\x1f\x7f\u202e\U000e0041]")
            self.run_it("lint", "-", body=shown)

    def test_lint_reads_standard_input(self):
        done = self.run_it("lint", "-", body=b'{"alg":"equals"}', status=CONFIG)
        self.assertIn(b'stdin.json: /alg: is no algorithm', done.stderr)
        text = self.shown("github")[0]
        line = text[:text.index(b'"alg"')].count(b"\n") + 1
        done = self.run_it("lint", "-", body=text.replace(b'"alg":', b'"alg"'),
                           status=CONFIG)
        self.assertIn(b"stdin.json: line %d: " % line, done.stderr)
        done = self.run_it("lint", "-", "--sample", "-", status=USAGE)
        self.assertIn(b"can be read once", done.stderr)
        self.run_it("lint", "-", status=CONFIG)

    def test_lint_says_ok_on_a_terminal(self):
        files = [PRESETS / "github.json", PRESETS / "okta.json"]
        self.assertEqual(self.run_it("lint", *files).stdout, b"")
        main, side = pty.openpty()
        try:
            subprocess.run([PROGRAM, "lint", *files], stdout=side,
                           stderr=subprocess.PIPE, timeout=30, check=True)
            said = os.read(main, 65536)
        finally:
            os.close(main)
            os.close(side)
        self.assertEqual(
            said, b"%b: ok\r\n%b: ok, with 1 warning\r\n" % tuple(
                bytes(file) for file in files))

    def test_every_preset_is_right_and_has_what_operators_need(self):
        files = sorted(PRESETS.glob("*.json"))
        done = self.run_it("lint", *files)
        self.assertEqual(done.stdout, b"")
        warned = [line.split(b": ")[2].split(b"/")[-1]
                  for line in done.stderr.splitlines()]
        self.assertEqual({name.decode().removesuffix(".json")
                          for name in warned}, BODY_IS_NOT_SIGNED)
        for file in files:
            scheme = json.loads(file.read_text())
            for field in ("title", "notes", "secret_from", "retry_body",
                          "repeats", "source"):
                self.assertIn(field, scheme, file)
            self.assertEqual("link" in scheme,
                             file.stem not in NOT_PUBLIC, file)

    def test_show_says_how_sure_it_is_of_a_preset(self):
        for name, word in (("github", "documented"),
                           ("polar", "secondary"),
                           ("dropbox", "recalled")):
            words = ("show", name, "--schemes", PRESETS)
            row = json.loads(self.run_it(*words, "--json").stdout)
            told = [line for line in self.run_it(*words).stdout.splitlines()
                    if line.startswith(b"confidence ")]
            self.assertTrue(row["confidence"].startswith(word), row)
            self.assertIn(word.encode(), told[0])

    def test_show_says_how_long_the_sender_waits(self):
        for name, seconds, shown in (("slack", 3, b"3s"),
                                     ("docusign", 100, b"1m 40s"),
                                     ("sanity", None, b"unknown")):
            words = ("show", name, "--schemes", PRESETS)
            row = json.loads(self.run_it(*words, "--json").stdout)
            self.assertEqual(row["timeout"], seconds)
            lines = self.run_it(*words).stdout.splitlines()
            told = [line for line in lines if line.startswith(b"sender wait")]
            self.assertTrue(told[0].endswith(shown), told)

    def test_show_prints_the_file(self):
        text = (PRESETS / "github.json").read_bytes()
        shown = self.run_it("show", "github", "--schemes", PRESETS).stdout
        self.assertTrue(shown.endswith(b"\n\n" + text))
        row = json.loads(self.run_it("show", "github", "--json",
                                     "--schemes", PRESETS).stdout)
        self.assertEqual(row["scheme"], json.loads(text))

    def test_what_is_printed_is_inert(self):
        good = {"alg": "equal", "sig": {"from": "header:S"}}
        self.file("evil.json", json.dumps(
            {**good, "title": "\x1b]0;x\x07\u202e", "notes": "\x9b1m"},
            ensure_ascii=False).replace("\x1b", "\\u001b")
            .replace("\x07", "\\u0007").encode())
        for words in (("list",), ("show", "evil"), ("list", "--json"),
                      ("show", "evil", "--json")):
            out = self.run_it(*words, "--schemes", self.place).stdout
            self.assertNotIn(b"\x1b", out)
            self.assertNotIn(b"\x07", out)

    def test_a_broken_file_is_left_out_with_a_warning(self):
        self.file("broken.json", b"{")
        self.file("good.json", b'{"alg":"equal","sig":{"from":"header:S"}}')
        done = self.run_it("list", "--json", "--schemes", self.place)
        self.assertEqual(json.loads(done.stdout)["name"], "good")
        self.assertIn(b"broken.json: line 1: ", done.stderr)
        done = self.run_it("verify", "broken", "--schemes", self.place,
                           "--secret-file", "/dev/null", status=CONFIG)
        self.assertIn(b"broken.json: line 1: ", done.stderr)

    def test_lint_names_file_field_and_reason(self):
        wrong = self.file(
            "wrong.json", b'{"alg":"hmac-sha256","sig":{"from":"header:S",'
            b'"enc":"hex"},"content":"{body}",\n"time":{"from":"header:T",'
            b'"unit":"s"}}')
        typo = self.file("typo.json", b'{"alg":"hmac-sha256","sgi":{}}')
        right = PRESETS / "nomos.json"
        done = self.run_it("lint", wrong, right, typo, status=CONFIG)
        first, second = done.stderr.decode().splitlines()
        self.assertIn(f"{wrong}: /time/from: ", first)
        self.assertIn("not in the signed content", first)
        self.assertIn(f'{typo}: /sgi: there is no such field; was "sig" '
                      "meant?", second)
        rows = [json.loads(line) for line in self.run_it(
            "lint", "--json", wrong, right, status=CONFIG)
            .stdout.splitlines()]
        self.assertEqual([row["ok"] for row in rows], [False, True])
        self.assertIn("/time/from: ", rows[0]["error"])
        self.run_it("lint", self.place / "none.json", status=NOINPUT)

    def test_later_folders_and_the_configuration(self):
        ours = self.place / "ours"
        ours.mkdir()
        (ours / "nomos.json").write_text(
            '{"title":"Ours","alg":"equal","sig":{"from":"header:S"}}')
        shown = self.run_it("show", "nomos", "--json", "--schemes", PRESETS,
                            "--schemes", ours).stdout
        self.assertEqual(json.loads(shown)["title"], "Ours")
        shown = self.run_it("show", "nomos", "--json", "--schemes", ours,
                            "--schemes", PRESETS).stdout
        self.assertEqual(json.loads(shown)["title"], "Nomos")
        conf = self.file(
            "eyelet.conf", f"[schemes]\npath = {PRESETS.resolve()} {ours}\n"
            .encode())
        for words, env in ((("-c", conf), None),
                           ((), {"EYELET_CONFIG": str(conf)})):
            shown = self.run_it(*words, "show", "nomos", "--json",
                                env=env).stdout
            self.assertEqual(json.loads(shown)["title"], "Ours")

    # --- wrong use ---

    def test_wrong_use_names_the_right_use(self):
        key = self.file("k", b"key")
        nomos = ("verify", "nomos", "--schemes", PRESETS)
        keyed = nomos + ("--secret-file", key)
        for words, status, says in (
                (("verify",), USAGE, b"usage: eyelet-scheme"),
                (("verfiy", "nomos"), USAGE, b"verify"),
                (nomos, USAGE, b"--secret-file is missing"),
                (keyed + ("--header", "no colon"), USAGE,
                 b"must read 'Name: value'"),
                (keyed + ("--header", ": x"), USAGE,
                 b"must read 'Name: value'"),
                (keyed + ("--header", "a b: x"), USAGE,
                 b"must read 'Name: value'"),
                (keyed + ("--param", "p"), USAGE,
                 b"must read NAME=VALUE"),
                (keyed + ("--now", "soon"), USAGE, b"--now"),
                (keyed + ("--now", "-1"), USAGE, b"--now"),
                (keyed + ("--tolerance", "x"), USAGE, b"--tolerance"),
                (keyed + ("--frobnicate",), USAGE, b"--frobnicate"),
                (("verify", "nomso", "--schemes", PRESETS), NOINPUT,
                 b'was "nomos" meant?'),
                (("verify", "../schemes/nomos", "--schemes", PRESETS),
                 NOINPUT, b"there is no scheme"),
                (("list", "--schemes", self.place / "none"), NOINPUT,
                 b"no such folder"),
                (nomos + ("--secret-file", self.place / "none"), NOINPUT,
                 b"none")):
            done = self.run_it(*words, body=BODY, status=status)
            self.assertIn(says, done.stderr)
            self.assertEqual(done.stdout, b"")

    def test_help_and_version(self):
        self.assertIn(b"verify", self.run_it("--help").stdout)
        self.assertIn(b"--tolerance",
                      self.run_it("help", "verify").stdout)
        self.assertIn(b"--tolerance",
                      self.run_it("verify", "--help").stdout)
        self.assertTrue(self.run_it("--version").stdout)


if __name__ == "__main__":
    sys.exit(not unittest.main(exit=False).result.wasSuccessful())
