#!/usr/bin/env python3
"""The worked examples of eyelet-scheme(5) are right, word for word.

Their files lint, --sample finds in their requests what the page says, verify
takes them, and an endpoint of a service takes them from the folder.
"""
import sys
sys.dont_write_bytecode = True

import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import subprocess
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import Stand

SOURCE = pathlib.Path(os.environ.get("top_srcdir", "."))
PROGRAM = pathlib.Path(os.environ.get("top_builddir", ".")) \
    / "admin" / "eyelet-scheme"
PAGE = SOURCE / "admin" / "eyelet-scheme.5"
SECRETS = {"bolt": "bolt_ZXhhbXBsZS1zZWNyZXQ="}
URL = "https://h.example.com/hooks/bolt"
SUCCESS = {"bolt": 202}


def examples():
    """(name, file, request, id, type) of each."""
    text = PAGE.read_text().split(".Sh EXAMPLES")[1].split(".Sh SEE ALSO")[0]
    for part in text.split(".Ss ")[1:]:
        name = part.split(".json")[0]
        file, request = re.findall(r"\.Bd -literal.*?\n(.*?)\n\.Ed", part,
                                   re.S)
        names = re.search(r"Its id is\n\.Ql (.*)\nand its type\n\.Ql (.*) \.",
                          part)
        yield name, file, request, names[1], names[2]


def now(request):
    """The same, sent now: with the signature that it has then."""
    head, body = request.split("\n\n")
    at = str(int(time.time()))
    key = b"example-secret"
    for stamp in ("1767225600000", "1767225600"):
        if stamp not in head:
            continue
        at += "000" if len(stamp) == 13 else ""
        for text in (f"{stamp}.{body}", f"POST {URL} {body} {stamp}"):
            old = hmac.new(key, text.encode(), hashlib.sha256)
            new = hmac.new(key, text.replace(stamp, at).encode(),
                           hashlib.sha256)
            head = head.replace(old.hexdigest(), new.hexdigest()).replace(
                base64.b64encode(old.digest()).decode(),
                base64.b64encode(new.digest()).decode())
        head = head.replace(stamp, at)
        break
    return head + "\n\n" + body


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.all = list(examples())
        cls.stand = Stand()
        cls.place = pathlib.Path(cls.stand.top) / "schemes"
        cls.place.mkdir()
        cls.stand.write_conf({"schemes.path": str(cls.place)})
        for name, file, request, *_ in cls.all:
            (cls.place / f"{name}.json").write_text(file)
            (cls.place / f"{name}.http").write_text(request + "\n")
            (cls.place / f"{name}.secret").write_text(
                SECRETS.get(name, "example-secret") + "\n")

    @classmethod
    def tearDownClass(cls):
        cls.stand.close()

    def run_it(self, *words, body=b""):
        done = subprocess.run([PROGRAM, *map(str, words)], input=body,
                              capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done)
        return done

    def test_there_are_three(self):
        self.assertEqual([name for name, *_ in self.all],
                         ["acme", "bolt", "corvid"])

    def test_lint_says_what_is_signed(self):
        signed = {
            "acme": '1767225600.{"id":"evt_1","action":"opened"}',
            "bolt": f'POST {URL} {{"event":{{"name":"order.paid"}}}} '
                    '1767225600000'}
        for name, _, _, event_id, event_type in self.all:
            done = self.run_it("lint", self.place / f"{name}.json",
                               "--sample", self.place / f"{name}.http",
                               "--url", URL)
            self.assertEqual(done.stderr != b"", name == "corvid", done)
            told = done.stdout.decode().splitlines()
            self.assertIn(f"    id: {event_id}", told)
            self.assertIn(f"    type: {event_type}", told)
            if name in signed:
                digest = hashlib.sha256(signed[name].encode()).hexdigest()
                self.assertIn(f"    they are: {signed[name]}", told)
                self.assertIn(f"    these are {len(signed[name])} bytes, "
                              f"SHA-256 {digest}", told)
            self.assertNotIn("example-secret", done.stdout.decode()
                             .replace("X-Corvid-Token", ""))

    def test_verify_takes_them(self):
        for name, _, request, event_id, event_type in self.all:
            head, body = request.split("\n\n")
            words = ["verify", name, "--schemes", self.place, "--url", URL,
                     "--secret-file", self.place / f"{name}.secret", "--now",
                     "1767225600"]
            for line in head.splitlines()[1:]:
                words += ["--header", line]
            got = json.loads(self.run_it(*words, body=body.encode()).stdout)
            self.assertEqual((got["verdict"], got["event_id"],
                              got["event_type"]),
                             ("valid", event_id, event_type))

    def test_a_question_needs_no_secret_yet(self):
        rule = {"signed": False, "when": "json:/ask",
                "reply": {"text": "{json:/ask}"}}
        (self.place / "early.json").write_text(json.dumps({
            "alg": "hmac-sha256", "content": "{body}", "handshake": [rule],
            "sig": {"from": "header:X-S", "enc": "hex"}}))
        self.stand.tool("endpoint", "add", "early", "--scheme", "early")
        self.stand.start()
        for body, want in ((b'{"ask":"me"}', 200), (b'{"id":"e1"}', 503)):
            got = self.stand.http(
                "POST /hooks/early HTTP/1.1\r\nHost: a\r\nX-S: 00\r\n"
                f"Content-Length: {len(body)}\r\n", body)
            self.assertEqual(got[0], want, got)
        self.stand.stop()

    def test_a_service_takes_them_from_the_folder(self):
        (self.place / "broken.json").write_text('{"alg":"hmac-sha265"}')
        for name, *_ in self.all:
            words = ["add", name, "--scheme", name, "--secret-file",
                     str(self.place / f"{name}.secret")]
            if name == "bolt":
                words += ["--public-url", URL]
            if name == "corvid":
                (self.place / "word").write_text("knock\n")
                words += ["--param", f"word=@{self.place}/word"]
            self.stand.tool("endpoint", *words)
        self.stand.start()
        for name, _, request, event_id, event_type in self.all:
            head, body = now(request).split("\n\n")
            status = self.stand.http(
                head.replace("\n", "\r\n") + "\r\nHost: a\r\n",
                body.encode())[0]
            row, = self.stand.rows("event", "list", "--endpoint", name)
            self.assertEqual((status, row["id"], row["type"]), (
                SUCCESS.get(name, 200), event_id, event_type))
        got = self.stand.get("/hooks/corvid?hello=you&word=knock")
        self.assertEqual((got[0], got[2]), (200, b'{"hello":"you"}'))
        self.assertEqual(
            self.stand.get("/hooks/corvid?hello=you&word=nock")[0], 403)
        ping = self.stand.http(
            "POST /hooks/corvid HTTP/1.1\r\nHost: a\r\nX-Corvid-Token: "
            "example-secret\r\nContent-Length: 15\r\n", b'{"kind":"ping"}')
        self.assertEqual((ping[0], ping[2]), (204, b""))
        self.stand.stop()


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
