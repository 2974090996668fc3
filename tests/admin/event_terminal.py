#!/usr/bin/env python3
"""What an operator at a terminal, and a script behind a pipe, get to see of
events: tail that follows the log over the death of owners, bars as wide as
the terminal, and hostile events in every verb: inert, and strict JSON."""
import base64
import fcntl
import hashlib
import hmac
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
import unicodedata

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
import stand as stands  # noqa: E402

WAIT_S = 30
RAW_SCHEME = {
    "secret_from": "operator", "alg": "hmac-sha256",
    "sig": {"from": "header:X-Signature", "enc": "hex"},
    "content": "{body}", "id": "{header:X-Id}", "type": "{header:X-Type}",
    "retry_body": "same"}
# One in each place that foreign bytes come from: id, type, content type,
# header, body.
HOSTILE = [
    b"\x1b[2J\x1b]52;c;aGk=\x07", b"\x1b]8;;http://x\x1b\\click", b"\xff\xfe\x80",
    "\u202egnp.exe".encode(), "\u2066a\u2069\u200b".encode(),
    "\u009b31m".encode(), b"\xc0\xaf", b"\xed\xa0\x80", b"back\\slash\"quote",
    b"\x7f\x08\x0b", "e\u0301\u0336".encode() * 40, b"L" * 500,
    "\U000e0041\ufeff\u2028".encode(), b"tab\there", b"a,b=c d",
    b"%s%n{}$(id)`id`;|&",
]
bad = 0
checks = 0


def check(true, words):
    global bad, checks
    checks += 1
    if not true:
        bad += 1
        print("FAIL:", words)


def on_terminal(stand, columns, *args):
    """What a program writes to a terminal of so many columns."""
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, columns, 0, 0))
        os.execve(stand.tool_path("event"),
                  ["eyelet-event", "-c", stand.conf, *args], stand.env)
    said = b""
    try:
        while select.select([fd], [], [], WAIT_S)[0]:
            said += os.read(fd, 65536)
    except OSError:
        pass  # it is gone
    os.close(fd)
    check(os.waitpid(pid, 0)[1] == 0, f"{args} fails on a terminal: {said}")
    return said.decode().replace("\r\n", "\n")


class Tail:
    """eyelet-event tail --follow, line by line."""

    def __init__(self, stand, *args):
        self.process = subprocess.Popen(
            [stand.tool_path("event"), "-c", stand.conf, "tail", "--follow",
             *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=stand.env)
        self.buffer = b""

    def line(self, seconds=WAIT_S):
        """The next one, or None."""
        until = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [],
                                              left)[0]:
                return None
            more = os.read(self.process.stdout.fileno(), 65536)
            if not more:
                return None
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.stdout.close()
        said = self.process.stderr.read().decode()
        self.process.stderr.close()
        self.process.wait(10)
        return said

    def switches(self):
        with open(f"/proc/{self.process.pid}/status") as f:
            return int(f.read().split("\nvoluntary_ctxt_switches:")[1].split()[0])


def follow(stand):
    """Nothing twice, nothing left out, whoever dies meanwhile."""
    for n in range(3):
        stand.status(f"before_{n}")
    deaf = Tail(stand, "--json", "--type", "nothing")
    stands.wait_for("tail waits", WAIT_S, lambda: deaf.switches() > 2)
    deaf.process.stdout.close()
    rows = Tail(stand, "--json", "--limit", "2")
    lines = Tail(stand, "--limit", "1")
    for name in ("before_1", "before_2"):
        check(json.loads(rows.line() or "{}").get("id") == name,
              f"tail does not begin with {name}")
    check("RECEIVED" in (lines.line() or ""), "tail has no titles")
    check("before_2" in (lines.line() or ""), "tail does not begin")
    for n in range(8):
        check(stand.status(f"come_{n}") == "accepted", f"come_{n}")
        got = rows.line()
        check(json.loads(got or "{}").get("id") == f"come_{n}",
              f"come_{n}: {got}")
        check(f"come_{n}" in (lines.line() or ""), f"come_{n}, for people")
        if n in (2, 5):
            stand.kill_and_wait(stand.processes())
            stands.wait_for("an owner", WAIT_S, stand.answers)
    idle = rows.switches()
    check(rows.line(2) is None, "something came that nobody sent")
    # A ping and its answer each second, not a look each.
    check(rows.switches() - idle < 20,
          f"{rows.switches() - idle} wakings in two idle seconds")
    check(rows.end() == "", "tail complains")
    check(lines.end() == "", "tail complains, for people")
    try:
        deaf.process.wait(WAIT_S)
    except subprocess.TimeoutExpired:
        check(False, "nobody reads tail, and it goes on")
    status = deaf.process.poll()
    said = deaf.end()
    check(status == 0, f"nobody reads tail: status {status}: {said}")


def bars(stand):
    for n in range(30):
        stand.status(f"bar_{n}", endpoint="till")
    counts = {row["endpoint"]: row["events"]
              for row in stand.rows("event", "stats") if "events" in row}
    piped = stand.tool("event", "stats")
    check("#" not in piped and "BYTES" in piped, f"not plain: {piped}")
    for columns in (40, 60, 100, 200):
        said = on_terminal(stand, columns, "stats")
        lines = said.split("\n\n")[0].splitlines()
        bar = {}
        for line in lines[1:]:
            words = line.split()
            bar[words[0]] = words[-1].count("#")
        full = max(counts.values())
        check(set(bar) == set(counts), f"{columns} columns: {said}")
        check(max(map(len, lines)) == columns - 1,
              f"{columns} columns: the longest line is "
              f"{max(map(len, lines))}: {said}")
        longest = max(bar.values())
        for name, length in bar.items():
            check(abs(length - longest * counts[name] / full) <= 1,
                  f"{columns} columns: {name}: {length} of {longest}")


def progress(stand):
    """Words on the terminal while rows go elsewhere, and none in the end."""
    for n in range(10):
        post_raw(stand, [f"big-{n}".encode(), b"big", b"text/plain", b"a/1",
                         b"%d" % n * 400000])
    watched, slave = pty.openpty()
    export = subprocess.Popen(
        [stand.tool_path("event"), "-c", stand.conf, "export", "--type",
         "big"], stdout=subprocess.PIPE, stderr=slave, env=stand.env)
    os.close(slave)
    time.sleep(1)  # more is waiting than fits between it and us
    rows = strict(export.stdout.read())
    export.stdout.close()
    check(export.wait(WAIT_S) == 0, "export fails")
    check([row["id"] for row in rows] == [f"big-{n}" for n in range(10)],
          "export: other rows")
    said = b""
    try:
        while select.select([watched], [], [], 1)[0]:
            said += os.read(watched, 65536)
    except OSError:
        pass  # the other side is closed
    os.close(watched)
    check(b"% of the way" in said, f"export does not say how far it is: {said}")
    check(re.search(rb"\[#* *\] \d+% of the way", said),
          f"there is no bar: {said}")
    check(said.endswith(b"\r\x1b[K"), f"it stays on the screen: {said}")


def post_raw(stand, parts, endpoint="raw", secret=stands.SECRET,
             answer=b"accepted"):
    """By CGI: no web server lets these bytes through, but one may."""
    ident, kind, content, header, body = parts
    mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    env = {os.fsencode(k): os.fsencode(v) for k, v in stand.env.items()}
    env.update({
        b"EYELET_CONFIG": stand.conf.encode(), b"GATEWAY_INTERFACE": b"CGI/1.1",
        b"REQUEST_METHOD": b"POST", b"SCRIPT_NAME": b"/x",
        b"PATH_INFO": f"/hooks/{endpoint}".encode(),
        b"REMOTE_ADDR": b"127.0.0.1", b"CONTENT_TYPE": content,
        b"CONTENT_LENGTH": str(len(body)).encode(), b"HTTP_X_ID": ident,
        b"HTTP_X_TYPE": kind, b"HTTP_USER_AGENT": header,
        b"HTTP_X_SIGNATURE": mac.encode()})
    done = subprocess.run([stands.PROGRAM], env=env, input=body,
                          capture_output=True, timeout=60)
    return answer in done.stdout


def strict(text):
    """One object a line, UTF-8, no name twice, no NaN, all of it inert."""
    def pairs(found):
        if len(found) != len(dict(found)):
            raise ValueError("a name comes twice")
        return dict(found)

    def constant(word):
        raise ValueError(word)
    rows = []
    lines = text.decode("utf-8").split("\n")
    if lines.pop() != "":
        raise ValueError("the last line has no end")
    for line in lines:
        row = json.loads(line, object_pairs_hook=pairs,
                         parse_constant=constant)
        if not isinstance(row, dict):
            raise ValueError("no object")
        rows.append(row)
    return rows


def active(text):
    """The characters that drive a terminal, as Unicode has them."""
    return [c for c in text.decode("utf-8") if c != "\n" and
            unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cs")]


def deliveries(stand, seqs):
    """What a receiver answered stands in words and excerpts."""
    stand.tool("destination", "add", "sink", "--command", "/bin/true",
               "--from", "start")
    env = {os.fsencode(k): os.fsencode(v) for k, v in stand.env.items()}
    env[b"EYELET_CONFIG"] = stand.conf.encode()
    helper = f"{stands.BUILD}/tests/stand/delivery_report"
    for seq, text in zip(seqs, HOSTILE):
        cut = text[:200]  # ids and words have at most 256 bytes
        for args in ([b"row", b"sink", b"%d" % seq, b"raw", cut, cut,
                      b"dead", b"1", b"500", b"exhausted", cut, text],
                     [b"attempt", b"sink", b"%d" % seq, b"1", b"dead", b"500",
                      cut]):
            subprocess.run([helper.encode(), *args], env=env, check=True,
                           timeout=60)


def escaped(data):
    """As a person sees foreign bytes: what drives a terminal as \\xHH."""
    text = data.decode("utf-8", "surrogateescape")
    return "".join(
        c if unicodedata.category(c) not in ("Cc", "Cf", "Zl", "Zp", "Cs")
        else "".join(f"\\x{byte:02x}" for byte in
                     c.encode("utf-8", "surrogateescape")) for c in text)


REPLIES = [b"<h1>no</h1>", b'{"path":"C:\\\\temp","why":"a \\"b\\""}',
           b"one\ntwo\r\n", b"\x1b[2J\\x1b[2J", "\u202eevil\u2028".encode(),
           "caf\u00e9 \u65e5\u672c".encode(), b"\xff\xfe no text",
           b"L" * 240, b"L" * 241, b"L" * 236 + b"\x1b" * 9,
           "\u65e5".encode() * 682 + b"ab", b"x" * 2046 + "\u65e5".encode()]


def excerpts(stand, seq):
    """A reply is escaped once and cut for people; scripts have its bytes."""
    helper = f"{stands.BUILD}/tests/stand/delivery_report"
    for reply in REPLIES:
        reply = reply[:2048]
        subprocess.run(
            [helper, b"row", b"sink", b"%d" % seq, b"raw", b"e", b"t",
             b"dead", b"1", b"500", b"exhausted", b"HTTP 500", reply],
            env={**stand.env, "EYELET_CONFIG": stand.conf}, check=True,
            timeout=60)
        said = stand.tool("event", "show", str(seq))
        line, = [one for one in said.split("\n")
                 if one.startswith("last reply: ")]
        line = line.removeprefix("last reply: ")
        try:
            text = reply.decode()
        except UnicodeDecodeError:  # cut within its last character
            text = reply[:2046].decode() if len(reply) == 2048 else None
        want = escaped(reply)
        if len(want) <= 240:
            check(line == want, f"excerpt {reply}: {line}")
        else:
            check(233 < len(line) <= 240 and line.endswith("...")
                  and want.startswith(line[:-3]), f"cut {reply}: {line}")
            check("\\" not in line[-6:-3], f"half an escape: {line}")
        row, = stand.rows("event", "show", str(seq))
        got, = [one for one in row["deliveries"]
                if one["destination"] == "sink"]
        if text is None:
            check(base64.b64decode(got["excerpt_b64"]) == reply
                  and got["excerpt"] == want, f"{reply}: {got['excerpt']}")
        else:
            check(got["excerpt"] == text and "excerpt_b64" not in got,
                  f"{reply}: {got['excerpt']}")


def hostile(stand):
    sent = []
    for at, text in enumerate(HOSTILE):
        for place in range(5):
            parts = [f"id-{at}-{place}".encode(), b"plain.type", b"text/plain",
                     b"agent/1", f"body {at} {place}".encode()]
            parts[place] = text + (b"" if place else str(at).encode())
            if post_raw(stand, parts):
                sent.append(place)
            post_raw(stand, parts, secret="wrong")
    # The receiver may refuse an id or a header that no sender has.
    for place, what in enumerate(("id", "type", "content type", "header",
                                  "body")):
        check(sent.count(place) >= 5,
              f"only {sent.count(place)} hostile events by {what}")
    seqs = [row["seq"] for row in stand.rows("event", "list", "--limit", "0",
                                             "--endpoint", "raw")]
    deliveries(stand, seqs)
    verbs = [["list", "--limit", "0"], ["dead", "list"],
             ["list", "--destination", "sink", "--limit", "0"],
             ["read", "--cursor", "all", "--from", "start", "--limit", "0"],
             ["replay", "--from-seq", "1", "--dry-run"],
             ["tail", "--limit", "1000"], ["stats"], ["export"]]
    verbs += [["show", str(seq)] for seq in seqs]
    programs = [("event", verb) for verb in verbs]
    kept = [row["no"] for row in stand.rows("event", "quarantine", "list")]
    check(len(kept) >= 20, f"only {len(kept)} refused requests are kept")
    kept = kept[:stands.effort(8, 40, 80)]
    programs += [("event", ["quarantine", verb, str(no)]) for no in kept
                 for verb in ("show", "explain")]
    programs += [("event", ["quarantine", "list"]),
                 ("secret", ["suspects", "raw", "sec_3"]),
                 ("store", ["config"]), ("endpoint", ["list"]), ("endpoint", ["show", "raw"]),
                 ("secret", ["show", "raw"]), ("store", ["status"]),
                 ("store", ["audit"]), ("store", ["check"])]
    for noun, verb in programs:
        for form in ([], ["--json"]):
            done = subprocess.run(
                [stand.tool_path(noun), "-c", stand.conf, *verb, *form],
                env=stand.env, capture_output=True, timeout=60)
            name = f"{noun} {' '.join(verb + form)}"
            check(done.returncode == 0, f"{name}: {done.stderr}")
            try:
                check(not active(done.stdout + done.stderr),
                      f"{name}: {active(done.stdout + done.stderr)}")
                if form or verb[0] in ("export", "read"):
                    check(strict(done.stdout), f"{name}: nothing")
            except ValueError as why:
                check(False, f"{name}: {why}")
            if not form and verb[0] in ("list", "tail") and \
                    "--destination" not in verb:
                check(max(map(len, done.stdout.decode().split("\n"))) < 250,
                      f"{name}: a line without an end")
    excerpts(stand, seqs[0])
    # And exactly as they came, for those who ask for bytes.
    bodies = {bytes(stand_raw(stand, seq)) for seq in seqs}
    for text in HOSTILE:
        check(text in bodies or sent.count(4) < len(HOSTILE),
              f"raw: {text} is not there")


def stand_raw(stand, seq):
    return subprocess.run(
        [stand.tool_path("event"), "-c", stand.conf, "show", str(seq),
         "--raw"], env=stand.env, capture_output=True, check=True,
        timeout=60).stdout


def main():
    with stands.Stand() as stand:
        os.mkdir(f"{stand.top}/schemes")
        with open(f"{stand.top}/schemes/raw.json", "w") as f:
            json.dump(RAW_SCHEME, f)
        stand.write_conf({"schemes.path": f"{stands.SOURCE}/conf/schemes "
                                          f"{stand.top}/schemes"})
        stand.add_endpoint()
        stand.add_endpoint("till")
        stand.tool("endpoint", "add", "raw", "--scheme", "raw",
                   "--secret-file", f"{stand.top}/secret",
                   "--title", "caf\u00e9 \u202egnp", "--label", "k=\u200bv")
        stand.start()
        progress(stand)
        follow(stand)
        bars(stand)
        hostile(stand)
    print(f"{checks - bad} of {checks} checks passed")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
