"""A stand with a deliverer, and what its tests ask of the store's owner."""
import base64
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import struct
import subprocess
import time

from sink import Answer, CA, Sink
from stand import SECRET, Stand, wait_for

SOON_S = 60  # what is done at once, on a busy machine
HELLO, WELCOME, CALL, ROW, END = 1, 2, 7, 8, 9  # frames: lib/owner/frame.h


class Owner:
    """Calls of ops.h, without a program in between."""

    def __init__(self, store, version):
        # Long paths have no room in an address.
        folder = os.open(store, os.O_PATH)
        try:
            self.connect(f"/proc/self/fd/{folder}/socket")
        finally:
            os.close(folder)
        self.file = self.sock.makefile("rb")
        self.send(HELLO, f"version={version}\nbuild=test\nrole=admin\n"
                         f"program=test\npid={os.getpid()}\nstarted=1\n"
                         .encode())
        if self.read()[0] != WELCOME:
            raise RuntimeError("the owner does not welcome a test")

    def connect(self, address):
        """A test that kills owners finds none until the next one listens."""
        until = time.monotonic() + SOON_S
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            try:
                return self.sock.connect(address)
            except (ConnectionRefusedError, FileNotFoundError):
                self.sock.close()
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def send(self, kind, content):
        self.sock.sendall(struct.pack(">IBB", len(content) + 2, 1, kind)
                          + content)

    def read(self):
        length, _, kind = struct.unpack(">IBB", self.file.read(6))
        return kind, self.file.read(length - 2)

    def call(self, op, **members):
        """The rows, or RuntimeError with the op's words."""
        self.send(CALL, os.urandom(16)
                  + json.dumps({"op": op, **members}).encode())
        rows = []
        while True:
            kind, content = self.read()
            if kind == ROW:
                rows.append(json.loads(content))
            elif kind == END and b"code=none" in content:
                return rows
            else:
                raise RuntimeError(f"{op}: {content.decode()}")

    def close(self):
        self.file.close()
        self.sock.close()


class DeliverStand(Stand):
    """deliver() starts it; destinations are told by ops."""

    def __init__(self, **how):
        self.deliverer = None
        super().__init__(**how)
        # An older peer is refused, and for a newer one an owner leaves.
        self.version = subprocess.check_output(
            [self.program, "--version"], text=True, timeout=60).split()[1]
        self.said = f"{self.top}/deliver.log"
        self.add_endpoint()
        self.start()

    def op(self, op, **members):
        owner = Owner(self.store, self.version)
        try:
            return owner.call(op, **members)
        finally:
            owner.close()

    def destination(self, name, url, from_seq=None, **settings):
        """Adds one that may reach the loopback. Its row, with the secret."""
        settings = {"url": url, "allow_net": "127.0.0.0/8",
                    "allow_http": True, "retry": "1s,1s", **settings}
        if not settings["allow_http"] or url is None:
            del settings["allow_http"]
        if url is None:
            del settings["url"], settings["allow_net"]
        begin = {} if from_seq is None else {"from_seq": from_seq}
        return self.op("destination.add", destination=name,
                       settings=settings, **begin)[0]

    def show(self, name):
        return self.op("destination.show", destination=name)[0]

    def deliver(self, *args, program=None):
        """Starts the deliverer, or another build of it."""
        with open(self.said, "ab") as log:
            self.own(self.said)
            self.deliverer = subprocess.Popen(
                self.as_user([program or self.tool_path("deliver"), "-c",
                              self.conf, *args]),
                env=self.env, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)
        return self.deliverer

    def end_deliver(self, sig=signal.SIGTERM, seconds=SOON_S):
        """Ends it; its exit status."""
        if self.deliverer.poll() is None:
            self.deliverer.send_signal(sig)
        return self.deliverer.wait(seconds)

    def once(self):
        """Delivers what is due: the figures of what was done, by word."""
        said = self.tool("deliver", "--once")
        return {word: int(n) for word, n in re.findall(r"(\w+) (\d+)", said)}

    def words(self, pattern=""):
        """Lines that the deliverer said."""
        with open(self.said, errors="replace") as f:
            return [line.rstrip("\n") for line in f
                    if re.search(pattern, line)]

    def wait_words(self, pattern, count=1, seconds=SOON_S):
        wait_for(f"{count} lines with {pattern}", seconds,
                 lambda: len(self.words(pattern)) >= count)
        return self.words(pattern)

    def post_with(self, event_id, headers, body=None, endpoint="shop"):
        """One signed event with headers and a body of the test's own."""
        body = body or json.dumps({"id": event_id, "topic": "a.b"}).encode()
        stamp = str(int(time.time()))
        mac = hmac.new(SECRET.encode(), stamp.encode() + b"." + body,
                       hashlib.sha256).hexdigest()
        lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        got = self.http(
            f"POST /hooks/{endpoint} HTTP/1.1\r\nHost: stand\r\n"
            f"X-Nomos-Signature: t={stamp},v1={mac}\r\n{lines}"
            f"Content-Length: {len(body)}\r\n", body)
        if got[0] != 200:
            raise RuntimeError(f"{event_id}: {got}")

    def accept(self, *ids, **how):
        for event_id in ids:
            got = self.status(event_id, **how)
            if got != "accepted":
                raise RuntimeError(f"{event_id}: {got}")

    def wait_counts(self, name, seconds=SOON_S, **want):
        """Until the destination has so many rows of each state."""
        wait_for(f"{name}: {want}", seconds, lambda: all(
            self.show(name)["counts"][k] == n for k, n in want.items()),
            step=0.05)

    def close(self):
        if self.deliverer is not None and self.deliverer.poll() is None:
            self.deliverer.kill()
            self.deliverer.wait(10)
        super().close()

    def __exit__(self, kind, value, trace):
        if kind is not None and kind is not SystemExit and \
                os.path.exists(self.said):
            print("the deliverer's last words:", *self.words()[-30:],
                  sep="\n")
        super().__exit__(kind, value, trace)


def check(words, holds, *seen):
    if not holds:
        raise AssertionError(" ".join(map(str, (words, *seen))))


def run_parts(parts, **how):
    """Each part with a stand, a deliverer and a sink over TLS."""
    with DeliverStand(**how) as st:
        ca = CA(st.top)
        with Sink(tls=ca.issue()) as sink:
            st.deliver("-v")
            for part in parts:
                began = time.monotonic()
                part(st, sink, ca)
                print(f"{part.__name__}: {time.monotonic() - began:.1f} s")
            check("ends well", st.end_deliver() == 0)
    return 0


def signatures(secret, request):
    """How many of a request's Standard Webhooks signatures are the secret's
    for what came."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = (f"{request.headers['webhook-id']}."
              f"{request.headers['webhook-timestamp']}.").encode() \
        + request.body
    want = "v1," + base64.b64encode(
        hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return request.headers["webhook-signature"].split(" ").count(want)


def ids(requests):
    return [r.headers["webhook-id"] for r in requests]
