#!/usr/bin/env python3
"""How each preset tells events apart, against a table of the providers' facts.

The table is written from the providers' pages, libraries and samples and not
from the scheme files; eyelet-scheme list --identity must say the same, the
notes must give the reason, and what nobody could look up is marked "recalled".
"""
import json
import os
import pathlib
import subprocess
import sys
import unittest

SOURCE = pathlib.Path(os.environ.get("top_srcdir", "."))
PROGRAM = pathlib.Path(os.environ.get("top_builddir", ".")) \
    / "admin" / "eyelet-scheme"
PRESETS = SOURCE / "conf" / "schemes"

# Where an id stands: B in the signed body, C composed of values in it, H in a
# header that is not signed, S in a signed header, T beside a token or in a
# body that is not signed; two letters: two places. "": there is none.
# preset: ids, what a retry changes, what repeats, which lists, recalled, why.
NEVER = ()
TABLE = {
    "adyen": ("C", "same", NEVER, "/notificationItems", 0, "pspReference"),
    "adyen-platform": ("", "same", NEVER, "", 1, "transfer or account"),
    "asana": ("", "unknown", NEVER, "/events", 0, "have no ids"),
    "auth0": ("T", "unknown", NEVER, "root", 0, "Nothing is signed"),
    "aws-sns": ("B", "same", NEVER, "", 0, "topic_arn"),
    "aws-sns-v1": ("B", "same", NEVER, "", 0, "topic_arn"),
    "bitbucket": ("HH", "same", ("diagnostics:ping",), "", 0, "not signed"),
    "box": ("BH", "same", NEVER, "", 0, "id in the signed body"),
    "buildkite": ("", "unknown", ("ping",), "", 1, "No event id"),
    "buildkite-token": ("", "unknown", ("ping",), "", 1, "No event id"),
    "calendly": ("C", "unknown", NEVER, "", 0, "address (uri)"),
    "chargebee": ("T", "/webhooks /webhook_status", NEVER, "", 0,
                  "Nothing is signed"),
    "circleci": ("B", "unknown", NEVER, "", 0, "signed body"),
    "cloudevents": ("TT", "unknown", NEVER, "", 0, "Nothing is signed"),
    "coinbase-cdp": ("H", "unknown", NEVER, "", 0, "joined by full stops"),
    "coinbase-commerce": ("B", "/id /attempt_number /scheduled_for", NEVER,
                          "", 0, "number of the attempt"),
    "discord": ("B", "unknown", NEVER, "", 1, "Interactions have an id"),
    "discourse": ("", "same", ("types", "ping"), "", 0, "with each try"),
    "docusign": ("C", "/retryCount", NEVER, "", 0, "time of making"),
    "doppler": ("", "unknown", ("always",), "", 1, "not when"),
    "dropbox": ("", "unknown", ("always",), "", 1, "names accounts"),
    "easypost": ("B", "/pending_urls /completed_urls /status /updated_at",
                 NEVER, "", 1, "who has got it already"),
    "elevenlabs": ("", "unknown", NEVER, "", 0, "No event id"),
    "event-grid": ("TT", "same", NEVER, "root", 1, "unique in its topic"),
    "forgejo": ("H", "same", NEVER, "", 0, "test delivery"),
    "gitea": ("H", "same", NEVER, "", 0, "test delivery"),
    "github": ("H", "same", ("workflow_dispatch", "repository_dispatch.*",
                             "ping"), "", 0, "started by hand"),
    "github-sha1": ("H", "same", ("workflow_dispatch",
                                  "repository_dispatch.*", "ping"), "", 0,
                    "started by hand"),
    "gitlab": ("T", "same", ("types", "Feature Flag Hook"), "", 0,
               "X-Gitlab-Event-UUID is shared"),
    "gitlab-signed": ("S", "same", NEVER, "", 0, "id is signed"),
    "grafana": ("", "unknown", ("always",), "", 0, "goes on"),
    "grafana-timestamp": ("", "unknown", ("always",), "", 0, "goes on"),
    "heroku": ("BB", "/webhook_metadata/attempt", NEVER, "", 0,
               "number of the attempt"),
    "hook0": ("H", "unknown", NEVER, "", 0, "joined by full stops"),
    "hook0-v1": ("H", "unknown", NEVER, "", 0, "joined by full stops"),
    "hubspot-v1": ("C", "/*/attemptNumber", NEVER, "root", 0,
                   "eventId alone is not unique"),
    "hubspot-v2": ("C", "/*/attemptNumber", NEVER, "root", 0,
                   "eventId alone is not unique"),
    "hubspot-v3": ("C", "/*/attemptNumber", NEVER, "root", 0,
                   "eventId alone is not unique"),
    "intercom": ("B", "/delivery_attempts /delivery_status /delivered_at",
                 NEVER, "", 0, "delivery_attempts"),
    "jira": ("H", "same", NEVER, "", 1, "not signed"),
    "lemonsqueezy": ("", "same", NEVER, "", 1, "No event id"),
    "line": ("B", "/events/*/deliveryContext/isRedelivery", NEVER, "/events",
             0, "webhookEventId"),
    "linear": ("H", "/webhookTimestamp", NEVER, "", 1, "renew it"),
    "mailchimp": ("", "unknown", NEVER, "", 0, "No event id"),
    "mailgun": ("T", "unknown", NEVER, "", 0, "which is not signed"),
    "mailgun-form": ("B", "unknown", NEVER, "", 0, "token is the event's id"),
    "meta": ("", "unknown", NEVER, "/entry/*/changes /entry/*/messaging", 1,
             "may regroup"),
    "microsoft-graph": ("", "unknown", ("always",), "/value", 1,
                        "same change of the same item"),
    "monday": ("", "same", NEVER, "", 1, "holds the time"),
    "mux": ("B", "/attempts", NEVER, "", 1, "attempts so far"),
    "nimbus": ("B", "same", NEVER, "", 0, "signed body"),
    "nolxy": ("", "same", NEVER, "", 0, "sends no event id"),
    "nomos": ("B", "same", NEVER, "", 0, "signed body"),
    "nomos-body": ("B", "same", NEVER, "", 0, "signed body"),
    "notion": ("B", "/attempt_number", NEVER, "", 0, "attempt_number"),
    "okta": ("T", "same", NEVER, "/data/events", 0, "Nothing is signed"),
    "openai": ("S", "same", NEVER, "", 0, "id is signed"),
    "paddle": ("B", "/notification_id", NEVER, "", 0, "notification_id"),
    "pagerduty": ("BH", "same", NEVER, "", 0, "id in the signed body"),
    "paypal": ("T", "unknown", NEVER, "", 0, "which is not signed"),
    "polar": ("S", "same", NEVER, "", 0, "id is signed"),
    "postmark": ("", "same", NEVER, "", 1, "No event id"),
    "pusher": ("", "same", NEVER, "/events", 1, "have no ids"),
    "razorpay": ("H", "same", NEVER, "", 0, "not signed"),
    "sanity": ("H", "same", NEVER, "", 0, "not signed"),
    "sendgrid": ("B", "unknown", NEVER, "root", 0, "another way"),
    "sentry": ("H", "same", NEVER, "", 0, "not signed"),
    "shopify": ("HH", "same", ("types", "shop/redact", "app/uninstalled"), "",
                0, "body of several topics"),
    "slack": ("BBB", "same", NEVER, "", 1, "signed body"),
    "square": ("B", "same", NEVER, "", 0, "signed body"),
    "standard-webhooks": ("S", "same", NEVER, "", 0, "id is signed"),
    "standard-webhooks-v1a": ("S", "same", NEVER, "", 0, "id is signed"),
    "stripe": ("B", "/pending_webhooks", NEVER, "", 0, "counts the endpoints"),
    "telegram": ("T", "same", NEVER, "", 1, "Nothing is signed"),
    "telnyx": ("B", "/meta", NEVER, "", 0, "number of the attempt"),
    "trello": ("B", "same", NEVER, "", 1, "signed body"),
    "twilio": ("H", "unknown", NEVER, "", 0, "fits other forms"),
    "twilio-body": ("H", "unknown", NEVER, "", 0, "not signed"),
    "twitch": ("S", "same", NEVER, "", 0, "id is signed"),
    "typeform": ("B", "same", NEVER, "", 1, "signed body"),
    "vercel": ("B", "same", NEVER, "", 1, "signed body"),
    "webex": ("", "same", NEVER, "", 1, "webhook's own"),
    "webflow": ("", "unknown", NEVER, "", 1, "No event id"),
    "woocommerce": ("", "same", ("types",), "", 0, "of one second"),
    "workos": ("B", "same", NEVER, "", 0, "signed body"),
    "x-twitter": ("", "unknown", NEVER, "", 1, "No event id"),
    "xero": ("", "unknown", NEVER, "/events", 0, "No event id"),
    "zendesk": ("H", "same", NEVER, "", 0, "not signed"),
    "zoom": ("C", "same", NEVER, "", 0, "event_ts"),
    **{name: ("S", "same", NEVER, "", 0, "id is signed") for name in
       "beehiiv brex clerk guesty incident-io lithic nash nomod pleo render "
       "replicate resend safebase sardine stytch svix".split()},
}
# What is always in an authentic request and signed: the id alone suffices.
SUFFICES = {name for name, row in TABLE.items() if row[0] == "S"} | {
    "aws-sns", "aws-sns-v1", "mailgun-form", "nimbus", "nomos", "nomos-body"}
AMBIGUOUS = set()  # an id that is signed and can be cut in another way
BODY_IS_NOT_SIGNED = set(
    "adyen aws-sns aws-sns-v1 mailgun mailgun-form paypal twilio".split())
EACH_SIGNED = {"adyen", "microsoft-graph"}
# A signature of a time is needed for contents that repeat.
UNTIMED_REPEATS = {"doppler", "dropbox", "grafana", "microsoft-graph"}


def run(*words):
    done = subprocess.run([PROGRAM, *words, "--schemes", PRESETS],
                          capture_output=True, timeout=60, check=False)
    assert done.returncode == 0 and done.stderr == b"", done
    return done.stdout.decode()


# Of what the provider did not write: guides, and what others recorded.
OF_OTHERS = (
    "https://github.com/hookdeck/webhook-skills",
    "https://trigger.dev/docs/webhooks/providers/",
    "recorded payloads in public repositories",
)
SPEC = "https://github.com/standard-webhooks/"  # that of no one provider


def borne(name, sources):
    """The confidence that a preset of these sources has."""
    named = {sources} if isinstance(sources, str) else set(sources)
    named -= {"recalled"}
    others = OF_OTHERS if name.startswith("standard-webhooks") \
        else (*OF_OTHERS, SPEC)
    if not named:
        return "recalled"
    return "secondary" if all(one.startswith(others) for one in named) \
        else "documented"


def letter(row, one):
    """Where an id stands, as the table says it."""
    header = one["id"].startswith("{header:")
    if one["composed"] and one["signed"]:
        return "C"
    if one["signed"]:
        return "S" if header else "B"
    return "H" if header and row["alg"] != "equal" else "T"


class Identity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rows = {row["name"]: row for row in map(
            json.loads, run("list", "--identity", "--json").splitlines())}

    def test_every_preset_has_its_row(self):
        self.assertEqual(sorted(self.rows), sorted(TABLE))
        self.assertEqual(len(TABLE), len(list(PRESETS.glob("*.json"))))

    def test_the_rows_are_the_providers_facts(self):
        for name, (ids, retry, repeats, each, *_) in TABLE.items():
            row = self.rows[name]
            changes = retry.split() if retry.startswith("/") else []
            mode = [word for word in repeats if word in ("types", "always")]
            with self.subTest(name):
                self.assertEqual(
                    "".join(letter(row, one) for one in row["ids"]), ids)
                self.assertEqual(row["retry_changes"], changes)
                self.assertEqual(row["retry_body"],
                                 "same" if changes else retry)
                self.assertEqual(row["repeats"], (mode or ["never"])[0])
                self.assertEqual(row["repeat_types"],
                                 [word for word in repeats
                                  if word not in mode])
                self.assertEqual(row["each"], [""] if each == "root"
                                 else each.split())

    def test_each_has_its_reason_and_its_source(self):
        for name, (*_, recalled, why) in TABLE.items():
            row = self.rows[name]
            with self.subTest(name):
                self.assertIn(why, row["notes"])
                self.assertEqual("recalled" in row["source"],
                                 bool(recalled))
                self.assertTrue(row["source"])
                for source in row["source"]:
                    self.assertTrue(
                        source.startswith("https://") or recalled
                        or " " in source, source)

    def test_what_varies_is_cited(self):
        for name, row in self.rows.items():
            self.assertFalse(row["retry_body"] == "varies"
                             and "recalled" in row["source"], name)

    def test_confidence_is_what_the_sources_bear(self):
        for file in sorted(PRESETS.glob("*.json")):
            scheme = json.loads(file.read_text())
            with self.subTest(file.stem):
                self.assertEqual(scheme.get("confidence"),
                                 borne(file.stem, scheme["source"]))

    def test_what_bears_a_confidence(self):
        guide, own = OF_OTHERS[0] + "/tree/main/x", "https://example.com/docs"
        for sources, word in (("recalled", "recalled"), (guide, "secondary"),
                              ([guide, "recalled"], "secondary"),
                              (own, "documented"),
                              ([guide, own, "recalled"], "documented")):
            self.assertEqual(borne("x", sources), word, sources)

    def test_what_is_found_out_of_a_file(self):
        def those(fact):
            return {name for name, row in self.rows.items() if fact(row)}
        self.assertEqual(those(lambda row: any(
            one["suffices"] for one in row["ids"])), SUFFICES)
        self.assertEqual(those(lambda row: any(
            one["ambiguous"] for one in row["ids"])), AMBIGUOUS)
        self.assertEqual(those(lambda row: row["alg"] != "equal"
                               and not row["covers_body"]),
                         BODY_IS_NOT_SIGNED)
        self.assertEqual(those(lambda row: row["each_signed"]), EACH_SIGNED)
        self.assertEqual(those(lambda row: row["params"]),
                         {"aws-sns", "aws-sns-v1", "paypal"})
        self.assertEqual(those(lambda row: row["repeats"] == "always"
                               and not row["time_signed"]), UNTIMED_REPEATS)

    def test_people_see_the_same(self):
        lines = run("list", "--identity").splitlines()
        self.assertEqual([line.split()[0] for line in lines],
                         ["NAME"] + sorted(TABLE))
        line, = (line for line in lines if line.startswith("gitlab "))
        self.assertEqual(line.split()[1:7], [
            "{header:Idempotency-Key}", "no", "same", "types,", "but",
            "Feature"])
        line, = (line for line in lines if line.startswith("line "))
        self.assertIn("same, but /events/*/deliveryContext/isRedelivery",
                      line)
        self.assertIn("\nparam         topic_arn\n", run("show", "aws-sns"))
        shown = run("show", "adyen").split("\n\n")[0]
        self.assertIn("each of       /notificationItems, signed\n", shown)
        self.assertIn("eventCode}, signed: composed\n", shown)
        self.assertIn("\nrepeats       never\n", shown)
        self.assertIn("\nevent id      none\n",
                      run("show", "dropbox"))
        self.assertIn("\nsource        recalled\n", run("show", "dropbox"))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
