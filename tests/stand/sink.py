#!/usr/bin/env python3
"""A sink: an HTTP or HTTPS server that takes what is posted to it, notes it
down, and answers as it is told, well or badly.

In a test:

    sink = Sink()                       # http://127.0.0.1:PORT, or
    ca = CA(folder)                     # an authority of the test's own;
    sink = Sink(tls=ca.issue())         # https://localhost:PORT, verified
                                        # against ca.file
    sink.answers("/a", 500, 500, 204)   # in turn; the last one for ever
    sink.answers("/b", Answer(429, {"Retry-After": "7"}, b"later"))
    sink.answers("/c", Raw(b"HTTP/1.1 200 OK\\r\\n", then="reset"))
    sink.answers("/d", lambda request: Answer(200, {}, request.body))
    ... sink.url("/a") ...
    sink.wait(3, "/a")                  # until three have come
    for r in sink.requests("/a"): r.headers["webhook-id"], r.body, r.at
    sink.close()

A path that nobody scripted says itself what comes back: /status/503 that
status (?retry-after=N adds the header), /delay/SECONDS 200 after a while,
/hang nothing ever, /trickle a byte a second, /forever a body without an end,
/reset an RST instead of an answer; anything else 200.

sink.connects counts connections (also those on which nothing came); with
journal=FILE each request is a JSON line there, written before its answer goes
out: {"n", "at", "path", "headers": {lower: value}, "body_b64", "peer",
"connection"}. requests() reads none of it: it knows what this process saw.

By hand, to look at what a destination would get:

    tests/stand/sink.py [--port N] [--tls CERT KEY] [--journal FILE]
"""
import argparse
import base64
import collections
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

SOCKET_S = 300  # no connection lives longer
HEAD_MAX = 1 << 20

Answer = collections.namedtuple("Answer", "status headers body",
                                defaults=({}, b""))

# Bytes as they stand, pause_s between the pieces, and then: "close", "reset",
# "hang", "keep" (the connection goes on), or "again" (the last piece, again
# and again, until the peer goes). A piece may be an iterator of pieces.
Raw = collections.namedtuple("Raw", "pieces then pause_s")


def raw(*pieces, then="close", pause_s=0):
    return Raw(pieces, then, pause_s)


Request = collections.namedtuple(
    "Request", "n at method path headers body peer connection")


class CA:
    """A certificate authority in a folder: file is its certificate."""

    def __init__(self, folder, name="test authority"):
        self.folder = os.path.join(folder, "ca-" + name.replace(" ", "-"))
        os.makedirs(self.folder)
        self.file, self.key = self.path("ca.pem"), self.path("ca.key")
        self.count = 0
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                     self.key, "-out", self.file, "-days", "30", "-subj",
                     "/CN=" + name)

    def path(self, name):
        return os.path.join(self.folder, name)

    @staticmethod
    def openssl(*args):
        subprocess.run(["openssl", *args], check=True, capture_output=True,
                       timeout=60)

    def issue(self, names="DNS:localhost,IP:127.0.0.1", days=20):
        """(certificate, key) files; days below 0: it has expired."""
        self.count += 1
        cert, key, request, extensions = (
            self.path(f"{self.count}.{end}")
            for end in ("pem", "key", "csr", "ext"))
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt",
                     "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                     key, "-out", request, "-subj", "/CN=a sink")
        with open(extensions, "w") as f:
            f.write(f"subjectAltName={names}\n")
        # x509 cannot date back; ca would want a data base. A negative
        # number of days it takes.
        self.openssl("x509", "-req", "-in", request, "-CA", self.file,
                     "-CAkey", self.key, "-CAcreateserial", "-days",
                     str(days), "-extfile", extensions, "-out", cert)
        return cert, key


def reset(sock):
    """Closes with an RST: what the peer reads then is an error."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    if isinstance(sock, ssl.SSLSocket):
        os.close(sock.detach())
    else:
        sock.close()


class Gone(Exception):
    """The peer has left, or the sink is closing."""


class Connection:
    """One peer, in a thread of its own."""

    def __init__(self, sink, sock, number):
        self.sink, self.sock, self.number = sink, sock, number
        self.peer = sock.getpeername()[0]
        self.rest = b""

    def run(self):
        try:
            self.sock.settimeout(SOCKET_S)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.sink.greeting is not None and \
                    not self.play(self.sink.greeting):
                return
            if self.sink.context is not None:
                self.sock = self.sink.context.wrap_socket(
                    self.sock, server_side=True)
            while self.serve():
                pass
        except (OSError, Gone, ValueError):
            pass  # a peer that goes away, or talks nonsense, is no news
        finally:
            self.close()

    def close(self):
        try:
            self.sock.close()
        except OSError:
            pass

    def more(self):
        got = self.sock.recv(65536)
        if got == b"":
            raise Gone
        self.rest += got

    def line(self):
        while b"\n" not in self.rest:
            if len(self.rest) > HEAD_MAX:
                raise Gone
            self.more()
        line, _, self.rest = self.rest.partition(b"\n")
        return line.rstrip(b"\r").decode("latin-1")

    def take(self, n):
        while len(self.rest) < n:
            self.more()
        out, self.rest = self.rest[:n], self.rest[n:]
        return out

    def body(self, headers):
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.take(int(headers.get("content-length", 0)))
        out = b""
        while size := int(self.line().partition(";")[0], 16):
            out += self.take(size)
            self.line()
        while self.line() != "":
            pass
        return out

    def serve(self):
        """One request; False: no other may come."""
        method, path, _ = self.line().split(" ", 2)
        headers = {}
        while (line := self.line()) != "":
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip()
            headers[name] = f"{headers[name]}, {value}" \
                if name in headers else value
        request = self.sink.note(method, path, headers, self)
        behaviour = self.sink.behaviour(request)
        if callable(behaviour):
            behaviour = behaviour(request)
        return self.play(behaviour)

    def play(self, behaviour):
        if isinstance(behaviour, int):
            behaviour = Answer(behaviour)
        if isinstance(behaviour, Answer):
            self.sock.sendall(head(behaviour) + behaviour.body)
            return True
        for piece in behaviour.pieces:
            self.put(piece, behaviour.pause_s)
        if behaviour.then == "again":
            while True:
                self.put(behaviour.pieces[-1], behaviour.pause_s)
        if behaviour.then == "reset":
            reset(self.sock)
            raise Gone
        if behaviour.then == "hang":
            self.sink.closing.wait(SOCKET_S)
            raise Gone
        return behaviour.then == "keep"

    def put(self, piece, pause_s):
        for part in [piece] if isinstance(piece, bytes) else piece:
            self.sock.sendall(part)
            if self.sink.closing.wait(pause_s):
                raise Gone


def head(answer):
    lines = [f"HTTP/1.1 {answer.status} As Told"]
    if answer.status not in (204, 304):
        lines.append(f"Content-Length: {len(answer.body)}")
    lines += [f"{name}: {value}" for name, value in
              dict(answer.headers).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def by_path(path):
    """What a path that nobody scripted asks for."""
    parts = urllib.parse.urlsplit(path)
    what, _, arg = parts.path.strip("/").partition("/")
    query = dict(urllib.parse.parse_qsl(parts.query))
    if what == "status":
        more = {"Retry-After": query["retry-after"]} \
            if "retry-after" in query else {}
        return Answer(int(arg), more, f"status {arg}\n".encode())
    if what == "delay":
        return raw(b"", head(Answer(200)), then="keep", pause_s=float(arg))
    if what == "hang":
        return raw(then="hang")
    if what == "trickle":
        return raw(b"HTTP/1.1 200 OK\r\n\r\n", b"x", then="again", pause_s=1)
    if what == "forever":
        return raw(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 16384, then="again")
    if what == "reset":
        return raw(then="reset")
    return Answer(200, {}, b"ok\n")


class Sink:
    def __init__(self, tls=None, journal=None, host="127.0.0.1", port=0,
                 greeting=None, context=None):
        """tls: (certificate, key) files; greeting: what is played on a new
        connection before anything is read, TLS too; context: an SSLContext
        of the caller's own."""
        self.context = context
        if tls is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*tls)
        self.greeting, self.host, self.connects = greeting, host, 0
        self.scheme = "http" if self.context is None else "https"
        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.script, self.seen, self.connections = {}, [], []
        self.journal = None if journal is None else os.open(
            journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.listener = socket.create_server((host, port), family=family,
                                             backlog=512)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def url(self, path="/", host=None):
        """Of this sink: over TLS by the name that CA.issue() certifies."""
        host = host or ("localhost" if self.context is not None
                        and self.host == "127.0.0.1" else self.host)
        if ":" in host:
            host = f"[{host}]"
        return f"{self.scheme}://{host}:{self.port}{path}"

    def answers(self, path, *behaviours):
        """What a path is answered with, in turn; the last one for ever."""
        with self.lock:
            self.script[path] = list(behaviours)

    def behaviour(self, request):
        with self.lock:
            left = self.script.get(request.path)
            if left:
                return left.pop(0) if len(left) > 1 else left[0]
        return by_path(request.path)

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return  # closed
            with self.lock:
                self.connects += 1
                number = self.connects
            try:
                connection = Connection(self, sock, number)
            except OSError:
                sock.close()  # reset before it was accepted
                continue
            with self.lock:
                self.connections = [c for c in self.connections
                                    if c.sock.fileno() >= 0] + [connection]
            threading.Thread(target=connection.run, daemon=True).start()

    def note(self, method, path, headers, connection):
        """Reads the body, and keeps what came."""
        body = connection.body(headers)
        with self.lock:
            request = Request(len(self.seen), time.time(), method, path,
                              headers, body, connection.peer,
                              connection.number)
            self.seen.append(request)
            if self.journal is not None:
                row = request._asdict()
                row["body_b64"] = base64.b64encode(row.pop("body")).decode()
                os.write(self.journal, json.dumps(row).encode() + b"\n")
        return request

    def requests(self, path=None):
        with self.lock:
            return [r for r in self.seen if path in (None, r.path)]

    def wait(self, count, path=None, seconds=60):
        """The requests, as soon as there are count of them."""
        end = time.monotonic() + seconds
        while len(got := self.requests(path)) < count:
            if time.monotonic() > end:
                raise TimeoutError(
                    f"{len(got)} of {count} requests for {path} came")
            time.sleep(0.005)
        return got

    def close(self):
        self.closing.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            left = list(self.connections)
        for connection in left:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join(10)
        if self.journal is not None:
            os.close(self.journal)
            self.journal = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def show(request):
    """For people; what came from outside is inert."""
    print(f"{request.method} {request.path!a} from {request.peer}")
    for name, value in request.headers.items():
        print(f"  {name}: {value!a}"[:200])
    print(f"  {len(request.body)} bytes: {request.body[:2048]!r}", flush=True)


def main():
    p = argparse.ArgumentParser(
        description="takes what is posted, and shows it")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    p.add_argument("--journal", metavar="FILE")
    args = p.parse_args()
    with Sink(args.tls, args.journal, args.host, args.port) as sink:
        print(sink.url(), flush=True)
        told = 0
        try:
            while True:
                for request in sink.requests()[told:]:
                    show(request)
                    told += 1
                time.sleep(0.1)
        except KeyboardInterrupt:
            pass
    return 0


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
