#!/usr/bin/env python3
"""Every preset in conf/schemes/ follows what its provider does.

One row a preset, written from the providers' pages and libraries and not from
the scheme files; signatures come from hashlib, hmac and the openssl command.
Of each row come a good request, with its id and type, and those that are
almost as good: another body, another secret, a signature that is cut or
absent, a time at its limit and a second beyond; and headers that nobody sends.
"""
import base64
import concurrent.futures
import datetime
import hashlib
import hmac
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unicodedata
import zlib

SOURCE = pathlib.Path(os.environ.get("top_srcdir", "."))
PROGRAM = pathlib.Path(os.environ.get("top_builddir", ".")) \
    / "admin" / "eyelet-scheme"
PRESETS = SOURCE / "conf" / "schemes"
NOW = 1767225600
URL = "https://gw.example.com/hooks/x?a=1"
RAW_KEY = bytes(range(7, 39))
SW_KEY = "whsec_" + base64.b64encode(RAW_KEY).decode()
ROWS = {}


def row(name, sig, **more):
    """sig: "NAME: VALUE" with {s} the signature and {t} the time.

    A name may have a second row, "NAME#WHAT", for another way to send it.
    """
    assert name not in ROWS, name
    ROWS[name] = {
        "sig": sig, "alg": "sha256", "enc": "hex", "signed": "{B}",
        "secret": "s3cret text", "key": None, "body": '{"a":1}', "id": None,
        "type": None, "headers": {}, "unit": None, "past": None,
        "future": None, "covers": True, "url": None, "params": {},
        "method": "POST", "secrets": None, **more}


def key_of(r):
    text = r["secret"]
    if r["key"] == "after-prefix":
        return base64.b64decode(text.removeprefix("whsec_"))
    if r["key"] == "hex":
        return bytes.fromhex(text)
    if r["key"] == "nfkd":
        return unicodedata.normalize("NFKD", text).encode()
    return text.encode()


def time_of(r, at=NOW):
    if r["unit"] == "ms":
        return str(at * 1000)
    if r["unit"] == "iso":
        when = datetime.datetime.fromtimestamp(at, datetime.timezone.utc)
        return when.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(at)


class Keys:
    """Key pairs of the openssl command; the secret is the public half."""

    KINDS = {
        "ed25519": ["ed25519"],
        "p256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        "rsa": ["rsa", "-pkeyopt", "rsa_keygen_bits:2048"],
    }

    def __init__(self, folder):
        self.folder = folder
        for kind, words in self.KINDS.items():
            for owner in ("provider", "stranger"):
                key = f"{folder}/{kind}.{owner}"
                self.openssl("genpkey", "-algorithm", *words, "-out", key)
                self.openssl("pkey", "-in", key, "-pubout", "-out",
                             key + ".pem")
                self.openssl("pkey", "-in", key, "-pubout", "-outform",
                             "DER", "-out", key + ".der")
        self.openssl("req", "-x509", "-key", f"{folder}/rsa.provider",
                     "-subj", "/CN=sns.example", "-days", "1", "-out",
                     f"{folder}/rsa.provider.crt")

    @staticmethod
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True,
                       timeout=60)

    def public(self, kind, form, owner="provider"):
        path = pathlib.Path(f"{self.folder}/{kind}.{owner}")
        if form in ("pem", "crt"):
            if owner == "stranger":
                form = "pem"
            return pathlib.Path(f"{path}.{form}").read_text()
        der = pathlib.Path(f"{path}.der").read_bytes()
        if form == "spki64":
            return base64.b64encode(der).decode()
        raw = der[-32:]
        if form == "hex":
            return raw.hex()
        return form + base64.b64encode(raw).decode()  # form: a prefix

    def sign(self, r, content):
        kind = r["alg"].split("-")[0]
        with tempfile.NamedTemporaryFile(dir=self.folder) as message, \
                tempfile.NamedTemporaryFile(dir=self.folder) as out:
            message.write(content)
            message.flush()
            words = ["-digest", r["alg"].split("-")[1]] \
                if "-" in r["alg"] else []
            self.openssl("pkeyutl", "-sign", "-rawin", *words, "-inkey",
                         f"{self.folder}/{kind}.provider", "-in",
                         message.name, "-out", out.name)
            return pathlib.Path(out.name).read_bytes()


def content_of(r, t):
    body = r["body"].encode()
    values = {
        "{t}": t.encode(), "{id}": r["headers"].get(r.get("id_header"), "")
        .encode(), "{url}": (r["url"] or "").encode(),
        "{method}": r["method"].encode(), "{key}": key_of(r),
        "{crc32}": str(zlib.crc32(body)).encode(),
        "{B}": body,
    }
    content = r["signed"].encode()
    for hole, value in values.items():  # the body last: it may hold holes
        content = content.replace(hole.encode(), value)
    return content


def signature(r, keys, t):
    content = content_of(r, t)
    if r["alg"] == "equal":
        return r["secret"]
    if r["alg"] == "plain":
        raw = hashlib.sha256(content).digest()
    elif r["alg"] in ("sha256", "sha1"):
        raw = hmac.new(key_of(r), content, r["alg"]).digest()
    else:
        raw = keys.sign(r, content)
    if r["enc"] == "hex":
        return raw.hex()
    if r["enc"] == "base64url":
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return base64.b64encode(raw).decode()


class Request:
    """What a row sends, ready to be changed."""

    def __init__(self, r, keys, at=NOW, t=None):
        t = t or time_of(r, at)
        r = {**r, "body": r["body"].replace("{t}", t)}
        s = signature(r, keys, t)
        self.row, self.sent = r, s
        self.headers = dict(r["headers"])
        self.body = r["body"]
        self.url = r["url"]
        self.place = None
        if "body_sig" in r:  # a place in the body: "SIG"
            self.place = "body"
            self.body = self.body.replace("SIG", s)
        elif r["sig"].startswith("query:"):
            self.place = "query"
            self.url = r["sig"].removeprefix("query:").replace("{s}", s)
        else:
            self.place, value = r["sig"].split(": ", 1)
            self.headers[self.place] = value.replace("{t}", t) \
                .replace("{s}", s)
            if "time_header" in r:
                self.headers[r["time_header"]] = t
        self.secret, self.now = r["secret"], at

    def with_signature(self, s):
        """None: there is none at all."""
        if self.place == "body":
            self.body = self.body.replace(self.sent, s or "")
        elif self.place == "query":
            self.url = self.url.replace(self.sent, s or "")
        elif s is None:
            del self.headers[self.place]
        else:
            self.headers[self.place] = \
                self.headers[self.place].replace(self.sent, s)
        return self

    def later(self, seconds):
        self.now = NOW + seconds
        return self


# What is no signature, however much there is of it.
HOSTILE = (10000 * ",", 10000 * "v1=,", 5000 * "t=1 ", 1000 * "v1=00;",
           "v1=\u00ff\u0080,t=\u0661", "====", "A", 9000 * "A", "v1,A v1,==")
if os.environ.get("EYELET_EFFORT") == "short":
    HOSTILE = HOSTILE[::3]


def hostile(r, keys):
    """Refused, all of it, and in the time that a request has."""
    request = Request(r, keys)
    if request.place not in ("body", "query"):
        for value in HOSTILE:
            request = Request(r, keys)
            request.headers[request.place] = value
            yield f"hostile {value[:9]}", request, "invalid"
    if r["unit"] is not None:
        for t in (26 * "1", "-1", "1e9", "1767225600.5"):
            yield f"time {t}", Request(r, keys, t=t), "invalid"


def changes(r, keys):
    """(words, request, verdict) of a row."""
    def fresh():
        return Request(r, keys)

    yield "good", fresh(), "valid"
    if r["covers"]:
        other = fresh()
        other.body += " "
        yield "another body", other, "invalid"
    other = fresh()
    other.secret = r.get("wrong") or other.secret[:-1] + (
        "b" if other.secret[-1] != "b" else "c")
    yield "another secret", other, "invalid"
    yield "no signature", fresh().with_signature(None), "missing"
    cut = fresh().sent[:-4]
    yield "signature cut", fresh().with_signature(cut), "invalid"
    yield from hostile(r, keys)
    if r["past"] is not None:
        yield "old", fresh().later(r["past"]), "valid"
        yield "too old", fresh().later(r["past"] + 1), "expired"
    elif r["unit"] is not None:
        yield "a year old", fresh().later(365 * 86400), "valid"
    if r["future"] is not None:
        yield "ahead", fresh().later(-r["future"]), "valid"
        yield "too far ahead", fresh().later(-r["future"] - 1), "expired"
    elif r["unit"] is not None:
        yield "a day ahead", fresh().later(-86400), "valid"


def run(name, request, folder):
    words = [PROGRAM, "verify", name.split("#")[0], "--schemes", PRESETS, "--now",
             str(request.now), "--method", request.row["method"]]
    file = tempfile.NamedTemporaryFile(dir=folder, delete=False)
    file.write(request.secret.encode() + b"\n")
    file.close()
    words += ["--secret-file", file.name]
    for header, value in request.headers.items():
        words += ["--header", f"{header}: {value}"]
    if request.url:
        words += ["--url", request.url]
    for param, value in request.row["params"].items():
        words += ["--param", f"{param}={value}"]
    done = subprocess.run(words, input=request.body.encode(),
                          capture_output=True, timeout=60, check=False)
    if done.stderr or not done.stdout:
        return {"verdict": done.stderr.decode()}
    return json.loads(done.stdout)


def wrong(job):
    name, what, request, want, folder = job
    got = run(name, request, folder)
    if got["verdict"] != want:
        return f"{name}: {what}: {got}, not {want}"
    if want == "valid":
        names = (got["event_id"], got["event_type"])
        if names != (request.row["id"], request.row["type"]):
            return f"{name}: {what}: {names}"
    return None


# --- the rows ----------------------------------------------------------------

IT = '{"id":"evt_1","type":"a.b"}'


def standard(name, prefix="webhook", **more):
    row(name, prefix + "-signature: v1,{s}", **{
        "enc": "base64", "signed": "{id}.{t}.{B}", "secret": SW_KEY,
        "key": "after-prefix", "body": IT, "id": "msg_1", "type": "a.b",
        "headers": {prefix + "-id": "msg_1"}, "id_header": prefix + "-id",
        "time_header": prefix + "-timestamp", "unit": "s", "past": 300,
        "future": 300, **more})


standard("standard-webhooks")
standard("openai")
standard("nomod", "svix")
standard("polar", secret="polar_whs_dGV4dA==", key=None)
standard("gitlab-signed", headers={"webhook-id": "msg_1",
                                   "X-Gitlab-Event": "Push Hook"},
         type="Push Hook")
# What each that signs by Svix names its headers, and a body as its pages or
# libraries show it, with the type that stands in it.
SVIX = {
    "svix": ("svix", IT, "a.b"),
    "svix#event_type": ("svix", '{"event_type":"a.b"}', "a.b"),
    "beehiiv": ("svix", '{"data":{"id":"sub_1"},"event_timestamp":1767225600,'
                '"event_type":"subscription.created","uid":"u1"}',
                "subscription.created"),
    "brex": ("webhook", '{"event_type":"TRANSFER_PROCESSED","transfer_id":'
             '"t1","company_id":"c1"}', "TRANSFER_PROCESSED"),
    "clerk": ("svix", '{"data":{},"object":"event","type":"user.created"}',
              "user.created"),
    "guesty": ("svix", '{"reservation":{"type":"x"},"event":'
               '"reservation.new"}', "reservation.new"),
    "incident-io": ("webhook", '{"event_type":'
                    '"public_incident.incident_created_v2",'
                    '"public_incident.incident_created_v2":{"id":"01"}}',
                    "public_incident.incident_created_v2"),
    "lithic": ("webhook", '{"event_type":"card.created","type":"VIRTUAL",'
               '"card_token":"t"}', "card.created"),
    "nash": ("svix", '{"type":"delivery","event":"dropoff_complete",'
             '"data":{"id":"d"}}', "delivery.dropoff_complete"),
    "pleo": ("webhook", '{"data":{"id":"b4"},"eventId":"a2",'
             '"eventType":"v1.export-job.created"}', "v1.export-job.created"),
    "render": ("webhook", '{"type":"deploy_ended","timestamp":'
               '"2026-01-01T00:00:00Z","data":{"id":"evt-1"}}',
               "deploy_ended"),
    "replicate": ("webhook", '{"id":"p1","status":"succeeded","output":[]}',
                  "succeeded"),
    "resend": ("svix", '{"type":"email.sent","created_at":'
               '"2026-01-01T00:00:00Z","data":{}}', "email.sent"),
    "safebase": ("svix", '{"message":"m","request":{"id":"f3",'
                 '"status":"pending"}}', None),
    "sardine": ("webhook", '{"eventType":"order.processed","id":"90",'
                '"order":{"id":"6d"}}', "order.processed"),
    "stytch": ("svix", '{"project_id":"p","event_id":"e","action":"CREATE",'
               '"object_type":"organization","source":"DIRECT","id":"o"}',
               "DIRECT.organization.CREATE"),
}
for one, (headers, body, kind) in SVIX.items():
    other = {"svix": "webhook", "webhook": "svix"}[headers]
    standard(one, headers, body=body, type=kind)
    standard(f"{one}#{other}", other, body=body, type=kind)


def both(name, sig, **more):
    """HMAC-SHA256 of the body alone, id and type of the body."""
    row(name, sig, **{"body": IT, "id": "evt_1", "type": "a.b", **more})


def headed(name, sig, ids, types, **more):
    """The same, with id and type in headers."""
    headers = {k: v for k, v in ((ids, "id-1"), (types, "a.b")) if k}
    row(name, sig, **{"headers": headers, "id": "id-1" if ids else None,
                      "type": "a.b" if types else None, **more})


row("nomos", "X-Nomos-Signature: t={t},v1={s}", signed="{t}.{B}",
    body='{"id":"evt_1","topic":"a.b"}', id="evt_1", type="a.b", unit="s",
    past=300, future=300)
row("nomos-body", "X-Nomos-Signature: {s}",
    body='{"id":"evt_1","topic":"a.b"}', id="evt_1", type="a.b")
both("nimbus", "X-Webhook-Signature: {s}",
     body='{"id":"evt_1","type":"a.b","createdAt":"2026-01-01T00:00:00Z"}')
both("nolxy", "X-Nolxy-Signature: {s}", id=None,
     body='{"event":"a.b","timestamp":"2026-01-01T00:00:00Z"}')
headed("github", "X-Hub-Signature-256: sha256={s}", "X-GitHub-Delivery",
       "X-GitHub-Event", body='{"action":"opened"}', type="a.b.opened")
headed("github-sha1", "X-Hub-Signature: sha1={s}", "X-GitHub-Delivery",
       "X-GitHub-Event", alg="sha1")
headed("gitlab", "X-Gitlab-Token: {s}", "Idempotency-Key", "X-Gitlab-Event",
       alg="equal", covers=False)
headed("gitea", "X-Gitea-Signature: {s}", "X-Gitea-Delivery", "X-Gitea-Event")
headed("forgejo", "X-Gitea-Signature: {s}", "X-Gitea-Delivery",
       "X-Gitea-Event")
headed("bitbucket#datacenter", "X-Hub-Signature: sha256={s}", "X-Request-Id",
       "X-Event-Key", body='{"eventKey":"pr:opened"}', type="pr:opened")
headed("bitbucket", "X-Hub-Signature: sha256={s}", "X-Request-UUID",
       "X-Event-Key")
headed("jira", "X-Hub-Signature: sha256={s}",
       "X-Atlassian-Webhook-Identifier", None,
       body='{"webhookEvent":"jira:issue_updated"}',
       type="jira:issue_updated")


def timed(name, sig, signed="{t}.{B}", past=300, **more):
    row(name, sig, **{"signed": signed, "unit": "s", "past": past,
                      "body": IT, "id": "evt_1", "type": "a.b", **more})


timed("stripe", "Stripe-Signature: t={t},v1={s},v0=6f", secret=SW_KEY)
timed("calendly", "Calendly-Webhook-Signature: t={t},v1={s}", past=180,
      body='{"event":"a.b","payload":{"uri":"https://c/1"}}',
      id="a.b https://c/1")
timed("workos", "WorkOS-Signature: t={t}, v1={s}", past=180, unit="ms",
      body='{"id":"evt_1","event":"a.b"}')
timed("mux", "Mux-Signature: t={t},v1={s}")
timed("sanity", "sanity-webhook-signature: t={t},v1={s}", past=None,
      unit="ms", enc="base64url", body='{"_type":"a.b"}',
      headers={"idempotency-key": "evt_1"})
timed("elevenlabs", "ElevenLabs-Signature: t={t},v0={s}", past=1800, id=None)
timed("paddle", "Paddle-Signature: ts={t};h1={s}", "{t}:{B}", past=5,
      body='{"event_id":"evt_1","event_type":"a.b"}')
timed("buildkite", "X-Buildkite-Signature: timestamp={t},signature={s}",
      past=None, headers={"X-Buildkite-Event": "a.b"}, id=None)
headed("buildkite-token", "X-Buildkite-Token: {s}", None,
       "X-Buildkite-Event", alg="equal", covers=False)
headed("shopify", "X-Shopify-Hmac-Sha256: {s}", "X-Shopify-Webhook-Id",
       "X-Shopify-Topic", enc="base64")
headed("shopify#unprefixed", "Shopify-Hmac-Sha256: {s}",
       "Shopify-Webhook-Id", "Shopify-Topic", enc="base64")
row("woocommerce", "X-WC-Webhook-Signature: {s}", enc="base64", type="a.b",
    headers={"X-WC-Webhook-Delivery-ID": "id-1", "X-WC-Webhook-Topic": "a.b"})
row("xero", "x-xero-signature: {s}", enc="base64", type="CONTACT.UPDATE",
    secret=base64.b64encode(RAW_KEY).decode(),
    body='{"events":[{"eventCategory":"CONTACT","eventType":"UPDATE"}]}')
row("docusign", "X-DocuSign-Signature-12: {s}", enc="base64", type="a.b",
    id="a.b /e/1 2026-01-01T00:00:00.1Z", body='{"event":"a.b","uri":"/e/1",'
    '"retryCount":0,"generatedDateTime":"2026-01-01T00:00:00.1Z"}')
both("typeform", "Typeform-Signature: sha256={s}", enc="base64",
     body='{"event_id":"evt_1","event_type":"a.b"}')
both("line", "x-line-signature: {s}", enc="base64",
     body='{"events":[{"webhookEventId":"evt_1","type":"a.b"}]}')
timed("slack", "X-Slack-Signature: v0={s}", "v0:{t}:{B}", future=300,
      time_header="X-Slack-Request-Timestamp",
      body='{"event_id":"evt_1","event":{"type":"a.b"}}')
timed("zoom", "x-zm-signature: v0={s}", "v0:{t}:{B}", future=300, id="a.b 7",
      time_header="x-zm-request-timestamp",
      body='{"event":"a.b","event_ts":7}')
timed("twitch", "Twitch-Eventsub-Message-Signature: sha256={s}",
      "{id}{t}{B}", past=600, unit="iso",
      headers={"Twitch-Eventsub-Message-Id": "evt_1",
               "Twitch-Eventsub-Subscription-Type": "a.b"},
      id_header="Twitch-Eventsub-Message-Id",
      time_header="Twitch-Eventsub-Message-Timestamp")
timed("twitch#body", "Twitch-Eventsub-Message-Signature: sha256={s}",
      "{id}{t}{B}", past=600, unit="iso",
      body='{"subscription":{"type":"a.c"}}', type="a.c",
      headers={"Twitch-Eventsub-Message-Id": "evt_1",
               "Twitch-Eventsub-Subscription-Type": "a.b"},
      id_header="Twitch-Eventsub-Message-Id",
      time_header="Twitch-Eventsub-Message-Timestamp")
timed("zendesk", "X-Zendesk-Webhook-Signature: {s}", "{t}{B}", past=None,
      unit="iso", enc="base64", secret=base64.b64encode(RAW_KEY).decode(),
      headers={"X-Zendesk-Webhook-Invocation-Id": "evt_1"},
      time_header="X-Zendesk-Webhook-Signature-Timestamp")
timed("webflow", "x-webflow-signature: {s}", "{t}:{B}", unit="ms", id=None,
      time_header="x-webflow-timestamp", body='{"triggerType":"a.b"}')
timed("box", "box-signature-secondary: {s}", "{B}{t}", past=600, unit="iso",
      enc="base64", time_header="box-delivery-timestamp",
      headers={"box-delivery-id": "evt_1", "box-signature-version": "1",
               "box-signature-algorithm": "HmacSHA256"},
      body='{"trigger":"a.b"}')
timed("box#body", "box-signature-secondary: {s}", "{B}{t}", past=600,
      unit="iso", enc="base64", time_header="box-delivery-timestamp",
      headers={"box-delivery-id": "d-1", "box-signature-version": "1",
               "box-signature-algorithm": "HmacSHA256"},
      body='{"id":"evt_1","trigger":"a.b"}')
headed("linear", "Linear-Signature: {s}", "Linear-Delivery", None, unit="ms",
       past=60, future=60, type="Issue.create", body='{"type":"Issue",'
       '"action":"create","webhookTimestamp":{t}}')
both("intercom", "X-Hub-Signature: sha1={s}", alg="sha1",
     body='{"id":"evt_1","topic":"a.b"}')
headed("linear#revoked", "Linear-Signature: {s}", "Linear-Delivery", None,
       unit="ms", past=60, future=60, type="OAuthAppRevoked",
       body='{"type":"OAuthAppRevoked","webhookTimestamp":{t}}')
row("meta", "X-Hub-Signature-256: sha256={s}", body='{"object":"page"}',
    type="page")
row("x-twitter", "x-twitter-webhooks-signature: sha256={s}", enc="base64")
row("dropbox", "X-Dropbox-Signature: {s}")
row("asana", "X-Hook-Signature: {s}", body='{"events":[{}]}')
headed("sentry", "Sentry-Hook-Signature: {s}", "Request-ID",
       "Sentry-Hook-Resource", body='{"action":"created"}',
       type="a.b.created")
both("pagerduty", "X-PagerDuty-Signature: v1=00,v1={s}",
     headers={"X-Webhook-Id": "id-1"},
     body='{"event":{"id":"evt_1","event_type":"a.b"}}')
both("circleci", "circleci-signature: v1={s},v2=00",
     headers={"circleci-event-type": "a.c"})
both("vercel", "x-vercel-signature: {s}", alg="sha1",
     body='{"id":"evt_1","type":"a.b","createdAt":1767225600000}')
headed("razorpay", "X-Razorpay-Signature: {s}", "x-razorpay-event-id", None,
       body='{"event":"a.b"}', type="a.b")
row("lemonsqueezy", "X-Signature: {s}", headers={"X-Event-Name": "a.c"},
    body='{"meta":{"event_name":"a.b"}}', type="a.b")
both("coinbase-commerce", "X-CC-Webhook-Signature: {s}",
     body='{"id":7,"event":{"id":"evt_1","type":"a.b"}}')
both("easypost", "X-Hmac-Signature: hmac-sha256-hex={s}", key="nfkd",
     secret="s\u00e9cr\u1e69t \ufb01n".replace("\ufb01", "\u00bd"),
     body='{"id":"evt_1","description":"a.b"}')
LETTERS = "".join(map(chr, [*range(0xa0, 0x250), *range(0x1e00, 0x1f00)]))
MARKS = "a" + "".join(map(chr, range(0x300, 0x370)))
both("easypost#letters", "X-Hmac-Signature: hmac-sha256-hex={s}", key="nfkd",
     secret=LETTERS + "\u1e69\u0323\u0301" + MARKS + MARKS[::-1] + "x",
     body='{"id":"evt_1","description":"a.b"}')
both("notion", "X-Notion-Signature: sha256={s}")
row("discourse", "X-Discourse-Event-Signature: sha256={s}", type="a.b",
    headers={"X-Discourse-Event-Id": "1", "X-Discourse-Event": "a.b"})
row("discourse#ping", "X-Discourse-Event-Signature: sha256={s}", type="ping",
    headers={"X-Discourse-Event-Id": "1", "X-Discourse-Event-Type": "ping"})
row("doppler", "X-Doppler-Signature: sha256={s}", body=IT, type="a.b")
row("grafana", "X-Grafana-Alerting-Signature: {s}",
    body='{"status":"firing"}', type="firing")
timed("grafana-timestamp", "X-Grafana-Alerting-Signature: {s}", "{t}:{B}",
      time_header="X-Grafana-Alerting-Timestamp", id=None,
      body='{"status":"firing"}', type="firing")
row("pusher", "X-Pusher-Signature: {s}", type="a.b",
    body='{"events":[{"name":"a.b"}]}')
row("webex", "X-Spark-Signature: {s}", alg="sha1", type="a.b",
    body='{"id":"hook","resource":"a","event":"b"}')
both("heroku", "Heroku-Webhook-Hmac-SHA256: {s}", enc="base64",
     body='{"id":"n","resource":"a","action":"b",'
     '"webhook_metadata":{"event":{"id":"evt_1"}}}')
both("square", "x-square-hmacsha256-signature: {s}", enc="base64", url=URL,
     signed="{url}{B}", body='{"event_id":"evt_1","type":"a.b"}')
both("trello", "x-trello-webhook: {s}", enc="base64", alg="sha1", url=URL,
     signed="{B}{url}", body='{"action":{"id":"evt_1","type":"a.b"}}')


def batch(*ids):
    """The id of a batch of several."""
    digests = sorted(hashlib.sha256(one.encode()).digest() for one in ids)
    return "batch:" + hashlib.sha256(b"".join(digests)).hexdigest()


def hubspot(event):
    return ('{"portalId":1,"subscriptionId":2,"eventId":%d,"objectId":4,'
            '"occurredAt":5,"attemptNumber":0,"subscriptionType":"a.b"}'
            % event)


HUBSPOT = f"[{hubspot(3)},{hubspot(6)}]"
both("hubspot-v1", "X-HubSpot-Signature: {s}", alg="plain", body=HUBSPOT,
     signed="{key}{B}", id=batch("1 2 3 4 5", "1 2 6 4 5"),
     headers={"X-HubSpot-Signature-Version": "v1"})
both("hubspot-v2", "X-HubSpot-Signature: {s}", alg="plain", body=HUBSPOT,
     signed="{key}{method}{url}{B}", url=URL,
     id=batch("1 2 6 4 5", "1 2 3 4 5"),
     headers={"X-HubSpot-Signature-Version": "v2"})
timed("hubspot-v3", "X-HubSpot-Signature-v3: {s}", "{method}{url}{B}{t}",
      unit="ms", enc="base64", url=URL, body=f"[{hubspot(3)}]",
      id="1 2 3 4 5",
      time_header="X-HubSpot-Request-Timestamp")
headed("twilio", "X-Twilio-Signature: {s}", "I-Twilio-Idempotency-Token",
       None, alg="sha1", enc="base64", url=URL, body="b=2&a=1&c=x%20y",
       signed="{url}a1b2cx y")
# A message that came, one that went out, a call, a recording, a conversation.
for what, form, kind in (
        ("sms", "Body=hi&SmsStatus=received", "received"),
        ("message", "MessageStatus=delivered&SmsStatus=sent", "delivered"),
        ("call", "CallSid=CA1&CallStatus=ringing", "ringing"),
        ("recording", "CallSid=CA1&RecordingStatus=completed", "completed"),
        ("video", "StatusCallbackEvent=room-created", "room-created"),
        ("conversation", "EventType=onMessageAdded", "onMessageAdded")):
    headed(f"twilio#{what}", "X-Twilio-Signature: {s}",
           "I-Twilio-Idempotency-Token", None, alg="sha1", enc="base64",
           url=URL, body=form, signed="{url}" + form.replace("&", "")
           .replace("=", ""), type=kind)
DIGEST = hashlib.sha256(b'{"a":1}').hexdigest()
headed("twilio-body", "X-Twilio-Signature: {s}",
       "I-Twilio-Idempotency-Token", None, alg="sha1", enc="base64",
       url=f"{URL}&bodySHA256={DIGEST}", signed="{url}")
row("adyen", "", body_sig=True, key="hex", secret="A1" * 32, enc="base64",
    covers=False, signed="p::m:r:1:EUR:E:true", id="p.E", type="E",
    body='{"notificationItems":[{"NotificationRequestItem":{"eventCode":"E",'
    '"pspReference":"p","merchantAccountCode":"m","merchantReference":"r",'
    '"amount":{"value":1,"currency":"EUR"},"success":"true",'
    '"additionalData":{"hmacSignature":"SIG"}}}]}')
both("adyen-platform", "HmacSignature: {s}", key="hex", secret="a1" * 32,
     enc="base64", body='{"data":{"id":"transfer"},"type":"a.b"}', id=None)
row("mailgun", "", body_sig=True, signed="{t}token", covers=False, unit="s",
    past=43200, future=300, id="evt_1", type="a.b",
    body='{"signature":{"timestamp":"{t}","token":"token",'
    '"signature":"SIG"},"event-data":{"id":"evt_1","event":"a.b"}}')
row("mailgun-form", "", body_sig=True, signed="{t}token", covers=False,
    unit="s", past=43200, future=300, id="token", type="a.b",
    body="timestamp={t}&token=token&signature=SIG&Message-Id=%3Cm%40x%3E"
    "&event=a.b")
row("telegram", "X-Telegram-Bot-Api-Secret-Token: {s}", alg="equal",
    covers=False, secret="tg_Secret-1", body='{"update_id":7}', id="7")
row("okta", "Authorization: {s}", alg="equal", covers=False, id="evt_1",
    type="a.b",
    body='{"eventId":"evt_1","data":{"events":[{"eventType":"a.b"}]}}')
row("auth0", "Authorization: {s}", alg="equal", covers=False, id="evt_1",
    type="a.b", body='{"log_id":"evt_1","data":{"type":"a.b"}}')
BASIC = "Basic " + base64.b64encode(b"user:pass-word").decode()
row("postmark", "Authorization: {s}", alg="equal", covers=False,
    secret=BASIC, body='{"RecordType":"Bounce"}', type="Bounce")
row("postmark#bare", "Authorization: Basic {s}", alg="equal", covers=False,
    secret=BASIC.removeprefix("Basic "), body='{"RecordType":"Open"}',
    type="Open")
row("chargebee", "Authorization: {s}", alg="equal", covers=False,
    secret=BASIC, body='{"id":"evt_1","event_type":"a.b"}', id="evt_1",
    type="a.b")
timed("hook0", "X-Hook0-Signature: t={t},h=X-Event-Id x-b,v0=00,v1={s}",
      "{t}.X-Event-Id x-b.e1.two.{B}", future=300, id="e1",
      headers={"x-event-id": "e1", "X-B": "two", "X-Event-Type": "a.b"})
timed("hook0#v0", "X-Hook0-Signature: t={t},v0={s}", future=300,
      headers={"X-Event-Id": "evt_1", "X-Event-Type": "a.b"})
for one in ("hook0-v1", "coinbase-cdp"):
    timed(one, "X-Hook0-Signature: t={t},h=x-a,v1={s}", "{t}.x-a.one.{B}",
          future=300, id="e1", headers={"X-A": "one", "X-Event-Id": "e1",
                                        "X-Event-Type": "a.b"},
          body='{"n":1}')
timed("coinbase-cdp#body", "X-Hook0-Signature: t={t},h=x-a,v1={s}",
      "{t}.x-a.one.{B}", future=300, id=None, headers={"X-A": "one"},
      body='{"eventType":"a.b"}')


def token(name, where="token", **more):
    row(name, f"query:{URL}&{where}={{s}}", **{
        "alg": "equal", "covers": False, "secret": "tok-1", "type": "a.b",
        **more})


token("monday", body='{"event":{"type":"a.b"}}')
token("event-grid", body='[{"id":"evt_1","eventType":"a.b"}]', id="evt_1")
CLOUD = {"ce-id": "evt_1", "ce-source": "/src", "ce-type": "a.b"}
token("cloudevents#query", "access_token", id="/src evt_1", headers=CLOUD)
row("cloudevents", "Authorization: Bearer {s}", alg="equal", covers=False,
    secret="mF_9.B5f-4.1JqM", headers=CLOUD, id="/src evt_1", type="a.b")
token("mailchimp", body="type=subscribe&fired_at=1", type="subscribe")
row("microsoft-graph", "", body_sig=True, alg="equal", covers=False,
    secret="state-1", type="updated",
    body='{"value":[{"clientState":"SIG","changeType":"updated"}]}')


def public(keys):
    """The rows whose secret is a public key."""
    standard("standard-webhooks-v1a", alg="ed25519",
             secret=keys.public("ed25519", "whpk_"),
             wrong=keys.public("ed25519", "whpk_", "stranger"))
    ROWS["standard-webhooks-v1a"]["sig"] = "webhook-signature: v1a,{s}"
    timed("discord", "X-Signature-Ed25519: {s}", "{t}{B}", past=None,
          alg="ed25519", time_header="X-Signature-Timestamp",
          secret=keys.public("ed25519", "hex"),
          wrong=keys.public("ed25519", "hex", "stranger"),
          body='{"id":"evt_1","event":{"type":"a.b"}}')
    timed("telnyx", "telnyx-signature-ed25519: {s}", "{t}|{B}", future=300,
          alg="ed25519", enc="base64", time_header="telnyx-timestamp",
          secret=keys.public("ed25519", ""),
          wrong=keys.public("ed25519", "", "stranger"),
          body='{"data":{"id":"evt_1","event_type":"a.b"}}')
    mail = "X-Twilio-Email-Event-Webhook-"
    timed("sendgrid", mail + "Signature: {s}", "{t}{B}", past=600,
          future=600, alg="p256-sha256", enc="base64",
          time_header=mail + "Timestamp",
          secret=keys.public("p256", "spki64"),
          wrong=keys.public("p256", "spki64", "stranger"),
          body='[{"sg_event_id":"evt_1","event":"a.b"}]\r\n')
    pem = {"secret": keys.public("rsa", "pem"), "enc": "base64",
           "wrong": keys.public("rsa", "pem", "stranger")}
    timed("paypal", "PAYPAL-TRANSMISSION-SIG: {s}", "{id}|{t}|WH-1|{crc32}",
          unit="iso", alg="rsa-sha256", params={"webhook_id": "WH-1"},
          headers={"PAYPAL-TRANSMISSION-ID": "tr-1"},
          id_header="PAYPAL-TRANSMISSION-ID",
          time_header="PAYPAL-TRANSMISSION-TIME",
          body='{"id":"evt_1","event_type":"a.b"}', **pem)
    for name, digest, version in (("aws-sns", "sha256", "2"),
                                  ("aws-sns-v1", "sha1", "1")):
        row(name, "", body_sig=True, alg="rsa-" + digest, unit="iso",
            past=3600, id="m-1", type="Notification", covers=False,
            params={"topic_arn": "arn:x"},
            signed="Message\nhi\nMessageId\nm-1\nSubject\nof\nTimestamp\n{t}"
            "\nTopicArn\narn:x\nType\nNotification\n",
            body='{"Type":"Notification","MessageId":"m-1","TopicArn":'
            '"arn:x","Message":"hi","Subject":"of","Timestamp":"{t}",'
            f'"SignatureVersion":"{version}","Signature":"SIG"}}',
            **{**pem, "secret": keys.public("rsa", "crt")})


def main():
    with tempfile.TemporaryDirectory() as folder:
        keys = Keys(folder)
        public(keys)
        jobs = [(name, what, request, want, folder)
                for name, r in sorted(ROWS.items())
                for what, request, want in changes(r, keys)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            failed = [why for why in pool.map(wrong, jobs) if why]
    presets = {path.stem for path in PRESETS.glob("*.json")}
    rows = {name.split("#")[0] for name in ROWS}
    failed += [f"{name}: has no row" for name in sorted(presets - rows)]
    failed += [f"{name}: no such preset" for name in sorted(rows - presets)]
    for why in failed:
        print(why)
    print(f"{len(presets)} presets, {len(jobs)} requests, "
          f"{len(failed)} wrong")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
