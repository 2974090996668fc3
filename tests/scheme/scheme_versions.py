#!/usr/bin/env python3
"""Signatures of two versions in one request: whoever has captured it takes one
away and changes what the other does not sign. However it comes again, its event
is accepted once, and the provider's own retry is a duplicate."""
import hashlib
import hmac
import json
import os
import sys
import time

sys.dont_write_bytecode = True

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import DeliverStand, SECRET, check
from stand import SOURCE

BODY = b'{"type":"a.b","n":1}'
OTHER = b'{"type":"a.b","n":2}'


class Scheme:
    """One with "older". signs: for each version the bytes that are signed, from
    time, id and body; named: the headers that hook0's h= names; fields: of a
    file of its own."""

    def __init__(self, name, signs, named="", **fields):
        self.name, self.signs, self.named = name, signs, named
        self.fields = fields

    def write(self, folder):
        if self.fields:
            write_scheme(f"{folder}/{self.name}.json", **self.fields)


def write_scheme(path, content, older, **fields):
    with open(path, "w") as f:
        json.dump({
            "alg": "hmac-sha256", "sig": {
                "from": "header:X-Hook0-Signature", "split": ",",
                "prefix": "v1=", "enc": "hex"},
            "content": content, "older": {"prefix": "v0=", "content": older},
            "id": "{header:X-Event-Id}", "type": "{json:/type}",
            "body": "json", **fields}, f)


TIME = {"from": "item:t=", "unit": "s", "past": 300, "future": 300}
SCHEMES = [
    Scheme("hook0", {"1": lambda t, i, b: b"%d.x-event-id.%s.%s" % (t, i, b),
                     "0": lambda t, i, b: b"%d.%s" % (t, b)}, "x-event-id"),
    # The id is signed by the newer version alone.
    Scheme("id-by-one", {"1": lambda t, i, b: b"%d.%s.%s" % (t, i, b),
                         "0": lambda t, i, b: b"%d.%s" % (t, b)},
           content="{item:t=}.{header:X-Event-Id}.{body}",
           older="{item:t=}.{body}", time=TIME),
    # Neither signs it.
    Scheme("id-by-none", {"1": lambda t, i, b: b"v1:%d:%s" % (t, b),
                          "0": lambda t, i, b: b"%s%d" % (b, t)},
           content="v1:{item:t=}:{body}", older="{body}{item:t=}", time=TIME),
    # Both do, and the newer one the type besides.
    Scheme("id-by-both", {"1": lambda t, i, b: b"%s|%d|a.b|%s" % (i, t, b),
                          "0": lambda t, i, b: b"%s|%d|%s" % (i, t, b)},
           content="{header:X-Event-Id}|{item:t=}|{header:X-Event-Type}|"
           "{body}", older="{header:X-Event-Id}|{item:t=}|{body}", time=TIME),
]


class Post:
    """A request as the provider signed it."""

    def __init__(self, scheme, ident, body=BODY, t=None):
        self.scheme, self.ident, self.body = scheme, ident, body
        self.t = int(time.time()) if t is None else t

    def signature(self, version):
        content = self.scheme.signs[version](self.t, self.ident.encode(),
                                             self.body)
        return hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()

    def send(self, st, versions, ident=None):
        """With the signatures of these versions alone, under another id where
        one is given. The word of the answer, or its status."""
        ident = self.ident if ident is None else ident
        named = self.scheme.named
        items = [f"t={self.t}"] + ([f"h={named}"] if named else [])
        items += [f"v{v}={self.signature(v)}" for v in versions]
        lines = [f"POST /hooks/{self.scheme.name} HTTP/1.1", "Host: stand",
                 f"X-Hook0-Signature: {','.join(items)}",
                 "X-Event-Type: a.b", "Content-Type: application/json",
                 f"Content-Length: {len(self.body)}"]
        if ident:
            lines.append(f"X-Event-Id: {ident}")
        status, _, text = st.http("\r\n".join(lines) + "\r\n", self.body)
        return json.loads(text)["status"] if status == 200 else status


def accepted(st, scheme):
    return sum("seq" in r for r in st.rows("event", "list", "--endpoint",
                                           scheme.name, "--limit", "0"))


# Which versions the provider sends, then copies of it: the versions that they
# are left with, and their id.
STORIES = [
    ("the newer is taken away", "01", [("0", "forged"), ("0", ""),
                                       ("0", "again"), ("0", None)]),
    ("the older is taken away", "10", [("1", None), ("1", "forged"),
                                       ("1", ""), ("0", "forged")]),
    ("nothing is", "01", [("01", "forged"), ("10", ""), ("01", None)]),
    ("the newer alone came first", "1", [("0", "forged"), ("0", ""),
                                         ("01", "forged")]),
    ("the older alone came first", "0", [("1", "forged"), ("1", ""),
                                         ("01", "forged")]),
]


def captured(st, scheme):
    before = accepted(st, scheme)
    for n, (when, versions, copies) in enumerate(STORIES):
        sent = Post(scheme, f"evt-{n}", b'{"type":"a.b","story":%d}' % n)
        check(f"{scheme.name}: {when}: accepted",
              sent.send(st, versions) == "accepted", st.tail(5))
        for left, ident in copies:
            got = sent.send(st, left, ident)
            check(f"{scheme.name}: {when}: v{left} under {ident!r} is no event",
                  got in ("held", "duplicate", 401), got)
        check(f"{scheme.name}: {when}: one event",
              accepted(st, scheme) == before + n + 1)


def faster(st, scheme):
    """Copies that come before the provider's own: one of all is accepted, and
    the others are kept where they can be seen."""
    before = accepted(st, scheme)
    for left in ("0", "1", "01"):
        sent = Post(scheme, f"race-{left}", b'{"type":"a.b","race":"%s"}'
                    % left.encode())
        words = [sent.send(st, left, "forged-" + left), sent.send(st, "01")]
        words += [sent.send(st, v, f"later-{v}") for v in ("0", "1")]
        check(f"{scheme.name}: before it with v{left}: one event",
              words.count("accepted") == 1, words)
    check(f"{scheme.name}: three events", accepted(st, scheme) == before + 3)


def own_retry(st, scheme):
    """The provider signs it anew at another time, with the same id."""
    now = int(time.time())
    for first in ("0", "1", "01"):
        ident = f"retry-{first}"
        body = b'{"type":"a.b","retry":"%s"}' % first.encode()
        check(f"{scheme.name}: v{first} is accepted",
              Post(scheme, ident, body, now).send(st, first) == "accepted")
        for again in ("0", "1", "01"):
            for t in (now, now - 7):
                got = Post(scheme, ident, body, t).send(st, again)
                check(f"{scheme.name}: its retry by v{again} is a duplicate",
                      got == "duplicate", (first, again, t - now, got))
    check(f"{scheme.name}: another event is accepted",
          Post(scheme, "next", OTHER).send(st, "01") == "accepted")


def files(st):
    """Parts that the newer version does not sign could be changed before use,
    so such a file is refused."""
    path = f"{st.top}/tried.json"
    for content, older, good in (
            ("{item:t=}.{body}", "{header:X-Event-Id}.{body}", False),
            ("{item:t=}.{body}", "{method}{body}", False),
            ("{item:t=}.{body}", "{query:a}.{body}", False),
            ("{item:t=}.{body}", "{item:n=}.{body}", False),
            ("{json:/id}.{method}", "{body}", False),
            ("{method}.{body}", "{body}", True),
            ("{method}.{body}", "{json:/id}", True),
            ("{url}.{body}", "{query:a}.{body}", True)):
        write_scheme(path, content, older)
        said = st.run("scheme", "lint", path, check=False)
        words = said.stdout + said.stderr
        if good:
            check(f"{older} with {content}", said.returncode == 0, said)
        else:
            check(f"{older} with {content} is refused", said.returncode != 0 and
                  "is not signed by /content" in words and
                  "a scheme of its own" in words, said)


def main():
    with DeliverStand() as st:
        folder = f"{st.top}/schemes"
        os.mkdir(folder)
        for scheme in SCHEMES:
            scheme.write(folder)
        st.write_conf({"schemes.path": f"{SOURCE}/conf/schemes {folder}"})
        st.tool("store", "reload")
        for scheme in SCHEMES:
            st.tool("endpoint", "add", scheme.name, "--scheme", scheme.name,
                    "--secret-file", f"{st.top}/secret")
            captured(st, scheme)
            faster(st, scheme)
            own_retry(st, scheme)
        files(st)
    return 0


if __name__ == "__main__":
    sys.exit(main())
