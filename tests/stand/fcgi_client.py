"""A FastCGI web server's half, byte by byte, and a program to talk to.

Only what the tests need: records can be built whole, in pieces or wrong, and
an answer is taken apart into status, headers and body.
"""
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR = 1, 2, 3, 4, 5, 6, 7
GET_VALUES, GET_VALUES_RESULT, UNKNOWN = 9, 10, 11
RESPONDER, AUTHORIZER = 1, 2
CANT_MULTIPLEX = 1

TOP = os.environ.get("top_builddir", ".")
SRC = os.environ.get("top_srcdir", ".")
FAKE = os.path.join(TOP, "tests", "stand", "fake.fcgi")
EYELET = os.path.join(TOP, "cgi", "eyelet.fcgi")
ROOT = os.geteuid() == 0  # who may look into what is not dumpable
PATIENCE = 60.0  # seconds after which a test gives up waiting


def record(kind, content=b"", ident=1):
    return struct.pack(">BBHHBB", 1, kind, ident, len(content), 0, 0) + content


def begin(role=RESPONDER, keep=False, ident=1):
    return record(BEGIN, struct.pack(">HB5x", role, 1 if keep else 0), ident)


def pair(name, value):
    def length(n):
        return bytes([n]) if n < 128 else struct.pack(">I", n | 1 << 31)
    name = name.encode() if isinstance(name, str) else name
    value = value.encode() if isinstance(value, str) else value
    return length(len(name)) + length(len(value)) + name + value


def stream(kind, content, ident=1):
    """Content in records of at most 65535 bytes, and the empty one."""
    out = b""
    for at in range(0, len(content), 65535):
        out += record(kind, content[at:at + 65535], ident)
    return out + record(kind, b"", ident)


def variables(path="/hooks/x", query="", method="POST", length=0, **more):
    """The environment of a request, as lighttpd would send it."""
    out = [("REQUEST_METHOD", method), ("SCRIPT_NAME", path),
           ("QUERY_STRING", query), ("REMOTE_ADDR", "192.0.2.1")]
    if length is not None:
        out.append(("CONTENT_LENGTH", str(length)))
    return out + list(more.items())


def request(env, body=b"", keep=False, role=RESPONDER):
    params = b"".join(pair(n, v) for n, v in env)
    return (begin(role, keep) + stream(PARAMS, params) + stream(STDIN, body))


def post(body=b"{}", query="", keep=False, **more):
    return request(variables(query=query, length=len(body), **more), body,
                   keep)


class Answer:
    def __init__(self, out, err, end):
        self.stderr = err
        self.end = end  # (application status, protocol status) or None
        head, _, self.body = out.partition(b"\r\n\r\n")
        self.lines = head.decode("latin-1").split("\r\n") if head else []
        self.headers = {}
        for line in self.lines:
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value
        status = self.headers.get("status", "0")
        self.status = int(status.split()[0])


class Connection:
    """One connection of a web server."""

    def __init__(self, where):
        if isinstance(where, tuple):
            self.sock = socket.create_connection(where, timeout=PATIENCE)
        else:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(PATIENCE)
            try:
                self.sock.connect(where)
            except OSError:
                self.sock.close()
                raise
        self.pending = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def send_what_goes(self, data):
        """Sends, unless the other side closes first."""
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def take(self, n):
        while len(self.pending) < n:
            try:
                got = self.sock.recv(65536)
            except ConnectionResetError:
                got = b""
            if not got:
                return None
            self.pending += got
        out, self.pending = self.pending[:n], self.pending[n:]
        return out

    def record(self):
        """(kind, id, content), or None when the connection is closed."""
        head = self.take(8)
        if head is None:
            return None
        _, kind, ident, length, padding, _ = struct.unpack(">BBHHBB", head)
        content = self.take(length + padding)
        return None if content is None else (kind, ident, content[:length])

    def answer(self):
        """The answer to a request; None when the connection just closes."""
        out, err = b"", b""
        while True:
            got = self.record()
            if got is None:
                return Answer(out, err, None) if out else None
            kind, _, content = got
            if kind == STDOUT:
                out += content
            elif kind == STDERR:
                err += content
            elif kind == END:
                return Answer(out, err, struct.unpack(">IB3x", content))

    def is_closed(self, within=PATIENCE):
        """Does the other side close, without another byte?"""
        self.sock.settimeout(within)
        try:
            return self.pending == b"" and self.sock.recv(1) == b""
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False
        finally:
            self.sock.settimeout(PATIENCE)


def ask(where, data):
    with Connection(where) as c:
        c.send_what_goes(data)
        return c.answer()


def wait_until(true, what, patience=PATIENCE):
    until = time.monotonic() + patience
    while not true():
        if time.monotonic() > until:
            raise AssertionError("waited in vain: " + what)
        time.sleep(0.01)


def wait_for_socket(path):
    """Until connections are taken: a socket has its name before it listens."""
    def listens():
        with open("/proc/net/unix") as f:
            return any(words[3] == "00010000" and words[-1] == path
                       for words in map(str.split, f))
    wait_until(listens, f"a socket at {path}")


class Folder:
    """A folder of its own with a store and a configuration."""

    def __init__(self, settings=""):
        self.path = tempfile.mkdtemp(prefix="eyelet-test.")
        self.store = self.file("store")
        self.conf = self.file("eyelet.conf")
        self.socket = self.file("fcgi.sock")
        os.mkdir(self.store, 0o700)
        self.configure(settings)

    def configure(self, settings="", program=FAKE):
        with open(self.conf, "w") as f:
            f.write(f"[store]\npath = {self.store}\n"
                    f"key_file = {self.file('store.key')}\nfloor = 0\n"
                    f"[process]\nprogram = {os.path.abspath(program)}\n"
                    f"{settings}\n")

    def file(self, name):
        return os.path.join(self.path, name)

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Program:
    """A running eyelet.fcgi; its log goes to a file."""

    def __init__(self, folder, *options, program=FAKE, env=None, wait=True,
                 **popen):
        self.folder = folder
        self.log_path = folder.file("log")
        self.socket = folder.socket
        full_env = dict(os.environ, **(env or {}))
        for name in ("GATEWAY_INTERFACE", "REQUEST_METHOD"):
            if name not in (env or {}):
                full_env.pop(name, None)
        if "--socket" not in options and popen.get("stdin") is None \
                and "--store" not in options:
            options += ("--socket", self.socket)
        popen.setdefault("stdin", subprocess.DEVNULL)
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [program, "-c", folder.conf, *options], env=full_env,
                stdout=log, stderr=log, **popen)
        self.pid = self.process.pid
        if wait:
            try:
                self.wait_for_log("owns the store")
            except AssertionError:
                self.kill()
                raise AssertionError("it does not start: " + self.log())

    def log(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def wait_for_log(self, words, times=1):
        wait_until(lambda: self.log().count(words) >= times,
                   f"\"{words}\" {times} times in the log")

    def workers(self):
        """How many threads read requests."""
        n = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{task}/comm") as f:
                    n += f.read() == "fcgi-worker\n"
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has ended
        return n

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        if number == signal.SIGSTOP:
            # Each thread stops when it comes round to it, not at once.
            wait_until(self.is_stopped, "all threads to stop")

    def is_stopped(self):
        tasks = f"/proc/{self.process.pid}/task"
        for thread in os.listdir(tasks):
            with open(f"{tasks}/{thread}/stat") as f:
                if f.read().rpartition(")")[2].split()[0] != "T":
                    return False
        return True

    def wait(self, patience=PATIENCE):
        """The exit status."""
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("it does not end; its log: " + self.log())

    def stop(self):
        """Ends it gracefully; returns the exit status."""
        if self.process.poll() is None:
            self.signal()
        return self.wait()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def main():
    """Runs the tests of the calling file; see unittest."""
    import unittest
    sys.stdout.reconfigure(line_buffering=True)
    unittest.main(module="__main__", verbosity=2, failfast=False)
