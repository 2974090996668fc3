#!/usr/bin/env python3
"""Another scheme for an endpoint that is in use: the warning says what it
means, each of its words is true, and what it advises mends it."""
import os
import sys
sys.dont_write_bytecode = True

import base64
import http.client
import json
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import *  # noqa: F401,F403

TEXT = "whsec_" + base64.b64encode(bytes(range(24))).decode()
BODY = b'{"id":"evt_1","type":"order.paid","topic":"order.paid"}'


def mac(key, content):
    return hmac.new(key, content, hashlib.sha256)


def stripe(secret=TEXT, body=BODY):
    at = int(time.time())
    signed = mac(secret.encode(), f"{at}.".encode() + body).hexdigest()
    return {"Stripe-Signature": f"t={at},v1={signed}"}


def svix(secret=TEXT, body=BODY, event="msg_1"):
    at = int(time.time())
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = mac(key, f"{event}.{at}.".encode() + body).digest()
    return {"svix-id": event, "svix-timestamp": str(at),
            "svix-signature": "v1," + base64.b64encode(signed).decode()}


class Schemes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stand = Stand()
        cls.stand.start()

    @classmethod
    def tearDownClass(cls):
        cls.stand.close()

    def add(self, name, scheme, secret=TEXT):
        self.stand.tool("endpoint", "add", name, "--scheme", scheme,
                        "--secret-file", "-", stdin=secret + "\n")

    def edit(self, name, scheme):
        """The warnings."""
        done = self.stand.run("endpoint", "edit", name, "--scheme", scheme)
        return [line.split("warning: ")[1] for line in
                done.stderr.splitlines() if "warning: " in line]

    def post(self, name, headers, body=BODY):
        web = http.client.HTTPConnection("127.0.0.1", self.stand.port,
                                         timeout=30)
        web.request("POST", f"/hooks/{name}", body, headers)
        answer = web.getresponse()
        said = answer.read()
        web.close()
        return answer.status, said

    def outcome(self, name, headers):
        status, _ = self.post(name, headers)
        rows = [json.loads(line) for line in self.stand.tool(
            "endpoint", "show", name, "--json").splitlines()]
        return status, {k: v for k, v in rows[0]["counts"].items() if v}

    def test_each_word_of_the_warning_is_true(self):
        self.add("shop", "stripe")
        self.assertEqual(self.outcome("shop", stripe()),
                         (200, {"accepted": 1}))
        self.assertEqual(self.outcome("shop", stripe())[1],
                         {"accepted": 1, "duplicate": 1})
        warned = self.edit("shop", "svix")
        for words, at in (('signed by scheme "stripe" are refused', 0),
                          ('"svix" makes its key of a secret in another', 1),
                          ("the id of an event is read in another place", 2),
                          ("the type of an event is read in another", 3)):
            self.assertIn(words, warned[at])
        self.assertEqual(self.post("shop", stripe())[0], 401)
        # The same event, once more: it counts as new.
        self.assertEqual(self.outcome("shop", svix())[1]["accepted"], 2)
        # Another endpoint of the old scheme takes what still comes by it.
        self.add("shop-old", "stripe")
        self.assertEqual(self.post("shop-old", stripe())[0], 200)
        # Where the provider has another secret for the new one: stage.
        other = "whsec_" + base64.b64encode(bytes(24)).decode()
        self.assertEqual(self.post("shop", svix(other, event="m2"))[0], 401)
        self.stand.tool("secret", "stage", "shop", "--secret-file", "-",
                        stdin=other + "\n")
        self.assertEqual(self.post("shop", svix(other, event="m2"))[0], 200)
        self.stand.tool("endpoint", "match", "shop", "order.paid")

    def test_what_is_the_same_is_not_warned_of(self):
        self.add("mail", "svix")
        warned = self.edit("mail", "resend")
        self.assertEqual(len(warned), 1, warned)
        self.assertIn("the type of an event", warned[0])
        self.assertEqual(self.post("mail", svix())[0], 200)
        self.assertEqual(self.edit("mail", "clerk"), [])
        self.assertEqual(self.edit("mail", "clerk"), [])
        done = self.stand.run("endpoint", "edit", "mail", "--title", "t")
        self.assertNotIn("warning", done.stderr)

    def test_without_a_secret_nothing_is_in_use(self):
        self.stand.tool("endpoint", "add", "empty", "--scheme", "stripe")
        self.assertEqual(self.edit("empty", "svix"), [])

    def test_a_secret_that_is_no_key_refuses_it_still(self):
        self.add("text", "stripe", "no base64 at all, but long enough")
        done = self.stand.run("endpoint", "edit", "text", "--scheme", "svix",
                              check=False)
        self.assertEqual(done.returncode, 65)
        self.assertIn("sec_", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
