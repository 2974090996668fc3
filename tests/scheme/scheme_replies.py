#!/usr/bin/env python3
"""What providers are answered, through a real web server.

Their checks of an address (handshakes), the statuses and bodies that their
pages ask for, and, with more effort, a good and a bad request to every preset.
Requests come from the rows of scheme_rows.py.
"""
import os
import sys
sys.dont_write_bytecode = True

import base64
import hashlib
import hmac
import json
import tempfile
import time
import unittest
from urllib.parse import quote

import scheme_rows
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from machine import slack
from scheme_rows import Keys, ROWS, Request
from stand import Stand, effort

TEXT = "text/plain; charset=utf-8"
PUBLIC = scheme_rows.URL.partition("?")[0]
VERIFY_TOKEN = "my-verify-token"
PARAMS = {"paypal": {"webhook_id": "WH-1"},
          "aws-sns": {"topic_arn": "arn:x"},
          "aws-sns-v1": {"topic_arn": "arn:x"},
          "meta": {"verify_token": VERIFY_TOKEN}}
NAMED = ("xero mailgun discord nomod nomos slack zoom meta twitch dropbox "
         "x-twitter monday event-grid cloudevents okta microsoft-graph trello "
         "intercom mailchimp asana linear pagerduty telegram twilio "
         "github").split()
SUCCESS = {"discord": 204, "pagerduty": 202, "microsoft-graph": 202,
           "cloudevents": 202}
REFUSED = {"mailgun": 406, "mailgun-form": 406, "nomod": 400, "linear": 400}
EMPTY = ("cloudevents", "discord", "pagerduty", "microsoft-graph", "slack",
         "telegram", "twilio", "twilio-body", "xero")


def fresh(text):
    """A body whose times are those of now: they stand in the signed body."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return text.replace("2026-01-01T00:00:00Z", now) \
        .replace("1767225600000", str(int(time.time()) * 1000))


class Replies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.keys = Keys(cls.folder.name)
        scheme_rows.public(cls.keys)
        cls.names = effort(NAMED, sorted(ROWS), sorted(ROWS))
        cls.stand = Stand()
        try:
            for name in cls.names:
                if "#" not in name or cls.at(name) != name.split("#")[0]:
                    cls.add(name, endpoint=cls.at(name))
            cls.stand.start()
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.stand.close()
        cls.folder.cleanup()

    @staticmethod
    def at(name):
        """The endpoint of a row: the preset's, if they share the secret."""
        preset = name.split("#")[0]
        if ROWS[name]["secret"] == ROWS[preset]["secret"]:
            return preset
        return name.replace("#", "_")

    @classmethod
    def file(cls, text):
        path = f"{cls.stand.top}/given"
        with open(path, "w") as f:
            f.write(text + "\n")
        return path

    @classmethod
    def add(cls, name, endpoint=None, keyless=False):
        words = ["add", endpoint or name, "--scheme", name.split("#")[0]]
        if not keyless:
            words += ["--secret-file", cls.file(ROWS[name]["secret"])]
        if ROWS[name]["url"]:
            words += ["--public-url", PUBLIC]
        for i, (param, value) in enumerate(PARAMS.get(name, {}).items()):
            path = f"{cls.stand.top}/param{i}"
            with open(path, "w") as f:
                f.write(value + "\n")
            words += ["--param", f"{param}=@{path}"]
        cls.stand.tool("endpoint", *words)

    def ask(self, endpoint, method="POST", query="", headers=None, body=""):
        lines = {"Host": "stand", **(headers or {})}
        if method in ("POST", "PUT") or body:
            lines["Content-Length"] = str(len(body.encode()))
        return self.stand.http(
            f"{method} /hooks/{endpoint}{'?' + query if query else ''} "
            "HTTP/1.1\r\n" + "".join(
                f"{k}: {v}\r\n" for k, v in lines.items()), body.encode())

    def send(self, name, body=None, change=None, headers=None):
        """A request by the row of a name; change: to its signature."""
        r = dict(ROWS[name])
        r["body"] = body if body is not None else fresh(r["body"])
        r["headers"] = {**r["headers"], **(headers or {})}
        request = Request(r, self.keys, int(time.time()))
        if change is not None:
            request.with_signature(change(request.sent))
        query = (request.url or "").partition("?")[2]
        return self.ask(self.at(name), query=query,
                        headers=request.headers, body=request.body)

    @staticmethod
    def other(signature):
        """One of the same form that is wrong."""
        return ("b" if signature[0] in "aA" else "a") + signature[1:]

    def events(self, endpoint):
        return len(list(self.stand.rows("event", "list", "--endpoint",
                                        endpoint)))

    # --- reply contracts -----------------------------------------------------

    def check_reply(self, got, status, body=None, kind=None):
        self.assertEqual(got[0], status, got)
        if body is not None:
            self.assertEqual(got[2], body, got)
        self.assertEqual(got[1].get("content-type"), kind, got)
        self.assertNotIn("set-cookie", got[1])
        self.assertEqual(got[1]["cache-control"], "no-store")

    def check_empty(self, got, status):
        self.check_reply(got, status, b"")

    def test_xero_gets_200_and_401_with_nothing_else(self):
        self.check_empty(self.send("xero"), 200)
        self.check_empty(self.send("xero", change=self.other), 401)
        self.check_empty(self.send("xero", change=lambda s: None), 401)

    def test_xero_s_intent_to_receive_is_no_event(self):
        intent = ('{"events":[],"firstEventSequence":0,'
                  '"lastEventSequence":0,"entropy":"S0m3"}')
        held = self.events("xero")
        self.check_empty(self.send("xero", intent), 200)
        self.check_empty(self.send("xero", intent, self.other), 401)
        self.assertEqual(self.events("xero"), held)

    def test_asana_s_heartbeat_is_no_event(self):
        held = self.events("asana")
        self.check_empty(self.send("asana", '{"events":[]}'), 200)
        self.assertEqual(self.send("asana", '{"events":[]}', self.other)[0],
                         401)
        self.assertEqual(self.events("asana"), held)
        self.assertEqual(self.send("asana", '{"events":[{"a":1}]}')[0], 200)
        self.assertEqual(self.events("asana"), held + 1)

    def test_mailgun_is_told_not_to_retry(self):
        self.assertEqual(self.send("mailgun")[0], 200)
        for change in (self.other, lambda s: None):
            self.assertEqual(self.send("mailgun", change=change)[0], 406)

    def test_discord_gets_401_and_204(self):
        self.check_empty(self.send("discord"), 204)
        self.assertEqual(self.send("discord", change=self.other)[0], 401)
        self.assertEqual(self.send("discord", change=lambda s: None)[0], 401)

    def test_nomod_gets_400_and_nomos_401(self):
        for name, status in (("nomod", 400), ("nomos", 401)):
            self.assertEqual(self.send(name)[0], 200)
            for change in (self.other, lambda s: None):
                self.assertEqual(self.send(name, change=change)[0], status)

    def test_slack_and_zoom_are_answered_in_their_3_s(self):
        for name in ("slack", "zoom"):
            began = time.monotonic()
            self.assertEqual(self.send(name)[0], 200)
            self.assertLess(time.monotonic() - began, 3 * slack())

    def test_every_preset_takes_the_good_and_refuses_the_bad(self):
        for name in self.names:
            preset = name.split("#")[0]
            with self.subTest(name=name):
                held = self.events(self.at(name))
                got = self.send(name)
                self.assertEqual(got[0], SUCCESS.get(preset, 200), got)
                self.assertEqual(got[2] == b"", preset in EMPTY, got)
                # Another test may have sent the same before.
                self.assertIn(self.events(self.at(name)), (held, held + 1))
                self.assertGreater(self.events(self.at(name)), 0)
                got = self.send(name, change=self.other)
                self.assertEqual(got[0], REFUSED.get(preset, 401), got)

    # --- handshakes ----------------------------------------------------------

    def test_meta(self):
        def ask(token=VERIFY_TOKEN, mode="subscribe", more=""):
            return self.ask("meta", "GET", f"hub.mode={mode}&hub.challenge="
                            f"1158%3Cb%3E&hub.verify_token={token}{more}")
        got = ask()
        self.check_reply(got, 200, b"1158<b>", TEXT)
        self.assertEqual(got[1]["x-content-type-options"], "nosniff")
        self.assertEqual(ask("my-verify-tokem")[0], 403)
        self.assertEqual(ask("")[0], 403)
        self.assertEqual(ask(more="&hub.verify_token=x")[0], 403)
        self.assertEqual(ask(more="&hub.challenge=x")[0], 400)
        self.assertEqual(ask(mode="unsubscribe")[0], 405)
        self.assertEqual(self.ask("meta", "GET")[0], 405)

    def test_slack(self):
        body = '{"type":"url_verification","challenge":"3eZbrw1a\\u00e4"}'
        self.check_reply(self.send("slack", body), 200,
                         "3eZbrw1a\u00e4".encode(), TEXT)
        self.assertEqual(self.send("slack", body, self.other)[0], 401)

    def test_zoom(self):
        body = ('{"event":"endpoint.url_validation","payload":'
                '{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}')
        mac = hmac.new(ROWS["zoom"]["secret"].encode(),
                       b"qgg8vlvZRS6UYooatFL8Aw", hashlib.sha256).hexdigest()
        got = self.send("zoom", body)
        self.check_reply(got, 200, kind="application/json")
        self.assertEqual(json.loads(got[2]), {
            "plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": mac})
        self.assertEqual(self.send("zoom", body, self.other)[0], 401)
        self.assertEqual(self.send(
            "zoom", '{"event":"endpoint.url_validation","payload":{}}')[0],
            400)

    def test_twitch(self):
        kind = "Twitch-Eventsub-Message-Type"
        got = self.send("twitch", '{"challenge":"pogchamp-kappa"}',
                        headers={kind: "webhook_callback_verification"})
        self.check_reply(got, 200, b"pogchamp-kappa", TEXT)
        self.assertEqual(self.send(
            "twitch", '{"challenge":"p"}', self.other,
            {kind: "webhook_callback_verification"})[0], 401)
        held = self.events("twitch")
        got = self.send("twitch", '{"subscription":{"status":"revoked"}}',
                        headers={kind: "revocation",
                                 "Twitch-Eventsub-Message-Id": "rev-1"})
        self.assertEqual(got[0], 200)
        self.assertEqual(self.events("twitch"), held + 1)

    def test_dropbox(self):
        got = self.ask("dropbox", "GET", "challenge=abc%20%2B1")
        self.check_reply(got, 200, b"abc +1", TEXT)
        self.assertEqual(got[1]["x-content-type-options"], "nosniff")
        self.assertEqual(self.ask("dropbox", "GET", "chalenge=abc")[0], 405)
        self.assertEqual(self.ask(
            "dropbox", "GET", "challenge=" + 2100 * "a")[0], 400)

    def test_x(self):
        mac = hmac.new(ROWS["x-twitter"]["secret"].encode(), b"crc-Token_1",
                       hashlib.sha256).digest()
        got = self.ask("x-twitter", "GET", "crc_token=crc-Token_1&nonce=2")
        self.check_reply(got, 200, kind="application/json")
        self.assertEqual(json.loads(got[2]), {
            "response_token": "sha256=" + base64.b64encode(mac).decode()})

    def test_x_signs_no_body_for_strangers(self):
        for body in ('{"for_user_id":"1"}', "[]", "1", "true", '"a"', ""):
            got = self.ask("x-twitter", "GET", "crc_token=" + quote(body))
            self.assertNotIn(b"sha256=", got[2])
            self.assertIn(got[0], (400, 405))

    def test_discord(self):
        for body in ('{"type":1}', '{"id":"1","type":1,"token":"t"}'):
            got = self.send("discord", body)
            self.check_reply(got, 200, b'{"type":1}', "application/json")
        self.check_empty(self.send("discord", '{"type":0}'), 204)
        self.assertEqual(self.send("discord", '{"type":1}', self.other)[0],
                         401)
        held = self.events("discord")
        self.check_empty(self.send(
            "discord", '{"type":1,"event":{"type":"APPLICATION_X"}}'), 204)
        self.assertEqual(self.events("discord"), held + 1)

    def test_monday(self):
        got = self.ask("monday", body='{"challenge":"3eZ\\"b\\u2028"}')
        self.check_reply(got, 200, kind="application/json")
        self.assertEqual(json.loads(got[2]), {"challenge": "3eZ\"b\u2028"})
        self.assertEqual(self.ask("monday", body='{"event":{}}')[0], 401)
        self.assertEqual(self.ask("monday", body='{"challenge":{}}')[0], 400)
        self.assertEqual(self.ask(
            "monday", body='{"challenge":"a","b":"' + 65536 * "b" + '"}')[0],
            401)

    def test_event_grid(self):
        validation = {"aeg-event-type": "SubscriptionValidation"}
        got = self.ask("event-grid", headers=validation, body=json.dumps(
            [{"id": "1", "data": {"validationCode": "512d-38b2"}}]))
        self.check_reply(got, 200, b'{"validationResponse":"512d-38b2"}',
                         "application/json")
        self.assertEqual(self.ask("event-grid", headers=validation,
                                  body="[]")[0], 400)
        self.assertEqual(self.ask("event-grid", body="[]")[0], 401)

    def test_cloudevents(self):
        origin = {"WebHook-Request-Origin": "eventemitter.example.com"}
        got = self.ask("cloudevents", "OPTIONS", headers=origin)
        self.check_empty(got, 200)
        self.assertEqual(got[1]["webhook-allowed-origin"],
                         "eventemitter.example.com")
        self.assertEqual(got[1]["allow"], "post")
        self.assertNotIn("webhook-allowed-rate", got[1])
        got = self.ask("cloudevents", "OPTIONS", headers={
            **origin, "WebHook-Request-Rate": "120"})
        self.assertEqual(got[1]["webhook-allowed-rate"], "120")
        self.assertEqual(self.ask("cloudevents", "OPTIONS")[0], 405)

    def test_okta(self):
        got = self.ask("okta", "GET", headers={
            "x-okta-verification-challenge": "my\"ch"})
        self.check_reply(got, 200, b'{"verification":"my\\"ch"}',
                         "application/json")
        self.assertEqual(self.ask("okta", "GET")[0], 405)

    def test_microsoft_graph(self):
        got = self.ask("microsoft-graph",
                       query="validationToken=Validation%3a+Testing%20%C3%A4")
        self.check_reply(got, 200, "Validation: Testing \u00e4".encode(),
                         TEXT)

    def test_methods_are_allowed_where_the_scheme_says_so(self):
        for name, methods in (("trello", "HEAD"), ("intercom", "HEAD"),
                              ("mailchimp", "GET HEAD"), ("github", ""),
                              ("nobody", "")):
            for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
                got = self.ask(name, method)
                if method in methods.split():
                    self.check_empty(got, 200)
                else:
                    self.assertEqual((name, method, got[0]),
                                     (name, method, 405))
                    self.assertEqual(got[1]["allow"], "post")

    def test_some_are_asked_before_their_secret_is_known(self):
        self.add("trello", "early-trello", keyless=True)
        self.add("x-twitter", "early-x", keyless=True)
        self.check_empty(self.ask("early-trello", "HEAD"), 200)
        self.assertEqual(self.ask("early-trello", body="{}")[0], 503)
        self.assertEqual(self.ask("early-x", "GET", "crc_token=a")[0], 503)

    def test_no_handshake_is_an_event(self):
        rows = list(self.stand.rows("event", "list", "--limit", "0"))
        self.assertFalse([row for row in rows if row.get("type") in (
            "url_verification", "endpoint.url_validation", "0", "1")], rows)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
