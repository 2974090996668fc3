#!/usr/bin/env python3
"""Nobody is posted to inside: whatever a URL spells, a resolver says, or says
the next time. The listeners count connections: there must be none.

What needs a resolver of the test's own, or addresses, runs in namespaces,
where it may make them; and says so where it may not.
"""
import sys
sys.dont_write_bytecode = True

import contextlib
import json
import os
import resource
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from sink import CA, Sink
from stand import effort

POST = os.path.join(os.environ.get("top_builddir", "."), "tests",
                    "stand", "outbound_post")
INSIDE = "EYELET_TEST_INSIDE"  # set where the namespaces are ours
PATIENCE_S = 300
ATTEMPTS = effort(400, 2000, 10000)
PUBLIC, PUBLIC6 = "198.41.0.4", "2001:500:2::c"
EVERYWHERE = "0.0.0.0/0, ::/0"


def posts(rows, at_once=64, descriptors=None):
    """The results, in the order of rows, and how long the close took."""
    def limit():
        if descriptors is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE,
                               (descriptors, descriptors))
    lines = "".join(json.dumps(dict({"body": "{}"}, id=str(i), **row)) + "\n"
                    for i, row in enumerate(rows))
    done = subprocess.run([POST, str(at_once)], input=lines, text=True,
                          capture_output=True, timeout=PATIENCE_S,
                          preexec_fn=limit)
    if done.returncode != 0:
        raise AssertionError(f"{done.returncode}: {done.stderr}")
    got = sorted((json.loads(line) for line in done.stdout.splitlines()),
                 key=lambda row: int(row["id"]))
    return got, int(done.stderr.split()[2])


@contextlib.contextmanager
def listeners():
    """On one port of IPv4 and IPv6, all addresses, plain HTTP."""
    for _ in range(20):
        four = Sink(host="0.0.0.0")
        try:
            six = Sink(host="::", port=four.port)
        except OSError:
            four.close()  # taken: another one
            continue
        break
    try:
        yield four.port, lambda: four.connects + six.connects
    finally:
        four.close()
        six.close()


# Hosts that a resolver takes for this machine.
LOOPBACK = """
127.0.0.1 127.1 127.0.1 127.000.000.001 0177.0.0.1 0177.0.0.01 0x7f.0.0.1
0x7F.0x0.0x0.0x1 0x7f.1 0177.1 0x7f.0.1 0x7f.0.0.0x1 2130706433 0x7f000001
0X7F000001 017700000001 0000017700000001 127.0.0.2 127.1.2.3 127.255.255.254
localhost LOCALHOST LocalHost localhost. [::1] [0:0:0:0:0:0:0:1] [0000::0001]
[::0001] [0::1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::FFFF:7F00:0001]
[0:0:0:0:0:ffff:127.0.0.1]
\uff11\uff12\uff17.0.0.1 127\u30020.0.1 \u2460\u2461\u2466.0.0.1
\uff11\uff12\uff17\uff0e\uff10\uff0e\uff10\uff0e\uff11
\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3 l\uff4fcalhost
loc\u00adalhost %31%32%37.0.0.1 127%2e0%2e0%2e1 127.0.0.%31 %6cocalhost
0 0.0.0.0 0x0 00 0.0 [::] [::0] [0:0:0:0:0:0:0:0] [::ffff:0.0.0.0]
""".split()

# And such as lead inside, or nowhere, where they lead anywhere.
ELSEWHERE = """
10.0.0.1 0xa.1 167772161 012.0.0.1 172.16.0.1 172.31.255.255 0xac100001
192.168.0.1 192.168.1 0xc0.0xa8.1 3232235521 169.254.169.254 2852039166
0xa9fea9fe 0251.0376.0251.0376 169.254.43518 0xa9.0xfe.0xa9.0xfe
[::ffff:169.254.169.254] [::ffff:a9fe:a9fe] 100.64.0.1 100.100.100.200
168.63.129.16 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 198.18.0.1
198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
4294967295 0xffffffff 0.1.2.3 [::127.0.0.1] [::7f00:1] [::ffff:0:127.0.0.1]
[64:ff9b::127.0.0.1] [64:ff9b::7f00:1] [64:ff9b::169.254.169.254]
[64:ff9b:1::127.0.0.1] [2002:7f00:1::] [2002:7f00:1::1] [2002:a9fe:a9fe::]
[2002:c0a8:1::1] [2001:0:7f00:1::] [2001:0:808:808::80ff:fffe]
[2001:db8::1] [3fff::1] [100::1] [fc00::1] [fd00::1] [fd00:ec2::254]
[fe80::1] [fe80::1%25lo] [fe80::1%251] [febf::1] [fec0::1] [ff02::1]
[ff0e::1] [5f00::1] [::ffff:10.0.0.1] [::ffff:192.168.0.1] [::ffff:0a00:0001]
""".split()

# Whatever stands around the host.
AROUND = """
http://example.com@127.0.0.1:{port}/ http://127.0.0.1:{port}@127.0.0.1:{port}/
http://user:pass@localhost:{port}/ http://:@127.0.0.1:{port}/
http://example.com%40127.0.0.1:{port}/ http://127.0.0.1:{port}#@example.com/
http://127.0.0.1:{port}?@example.com/ http://127.0.0.1:{port};example.com/
http:\\\\127.0.0.1:{port}/ http:/127.0.0.1:{port}/ http:127.0.0.1:{port}/
http:///127.0.0.1:{port}/ http://///127.0.0.1:{port}/ HTTP://127.0.0.1:{port}/
hTTp://127.1:{port}/ http://127.0.0.1:0{port}/ http://127.0.0.1:{port}/../x
https://127.0.0.1:{port}/ https://[::1]:{port}/ https://localhost:{port}/
https://0x7f.1:{port}/ http://127.0.0.1\\@example.com:{port}/
http://127.0.0.1.:{port}/ http://2130706433.:{port}/
http://a.localhost:{port}/ http://127.0.0.1%00.example.com:{port}/
http://127.0.0.1%09:{port}/ http://[::1%2500]:{port}/ http://[127.0.0.1]:{port}/
ftp://127.0.0.1:{port}/ gopher://127.0.0.1:{port}/_x dict://127.0.0.1:{port}/x
file:///etc/passwd file://127.0.0.1/etc/passwd ldap://127.0.0.1:{port}/
telnet://127.0.0.1:{port}/ smtp://127.0.0.1:{port}/ ws://127.0.0.1:{port}/
127.0.0.1:{port} //127.0.0.1:{port}/ localhost:{port}
""".split()


def own_addresses():
    """That are not loopback's; one that this machine would talk from."""
    found = set()
    for family, far in ((socket.AF_INET, PUBLIC), (socket.AF_INET6, PUBLIC6)):
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            try:
                s.connect((far, 9))  # sends nothing
            except OSError:
                continue
            found.add(s.getsockname()[0])
    return found


class Spellings(unittest.TestCase):
    def test_hosts(self):
        own = [f"[{a}]" if ":" in a else a for a in own_addresses()]
        hosts = LOOPBACK + ELSEWHERE + own
        with listeners() as (port, connects):
            urls = [f"http://{host}:{port}/" for host in hosts]
            urls += [url.format(port=port) for url in AROUND]
            self.assertGreater(len(urls), 120)
            self.assertEqual(len(set(urls)), len(urls))
            got, _ = posts([{"url": url, "connect_ms": 5000,
                             "timeout_ms": 20000} for url in urls])
            for url, row in zip(urls, got):
                with self.subTest(url):
                    self.assertIn(row["class"], ("blocked", "usage", "name"),
                                  row)
            self.assertEqual(connects(), 0)
            # All blocks sound the same, and tell nothing of the address.
            words = {row["words"] for row in got if row["class"] == "blocked"}
            self.assertEqual(len(words), 1, words)
            self.assertIn("--allow-net", words.pop())

    def test_the_same_hosts_lead_here_when_they_are_allowed(self):
        """Else the test before would show nothing."""
        with listeners() as (port, connects):
            urls = [f"http://{host}:{port}/" for host in LOOPBACK]
            got, _ = posts([{"url": url, "allow": "127.0.0.0/8, ::1, 0.0.0.0, "
                             "::"} for url in urls])
            answered = [row for row in got if row["class"] == "answered"]
            # Some are no host for this libcurl, which is as well.
            self.assertGreater(len(answered), len(urls) * 3 // 4,
                               [(u, r["class"]) for u, r in zip(urls, got)])
            self.assertGreater(connects(), 0)


# --- in namespaces -------------------------------------------------------------

def name_bytes(name):
    return b"".join(bytes([len(label)]) + label.encode()
                    for label in name.strip(".").split(".")) + b"\0"


class Resolver:
    """A DNS server on 127.0.0.1:53 that says what its names ask for."""

    A, CNAME, AAAA = 1, 5, 28

    def __init__(self):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.sock.bind(("127.0.0.1", 53))
        self.asked = {}  # (name, type) -> how often
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            query, peer = self.sock.recvfrom(4096)
            reply = self.reply(query)
            if reply is not None:
                self.sock.sendto(reply, peer)

    def reply(self, query):
        labels, at = [], 12
        while query[at] != 0:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind, = struct.unpack_from(">H", query, at + 1)
        name = ".".join(labels).lower()
        count = self.asked[name, kind] = self.asked.get((name, kind), 0) + 1
        answers = self.answers(labels[-2].lower() if len(labels) > 1 else "",
                               name, kind, count)
        if answers is None:
            return None
        head = query[:2] + struct.pack(">HHHHH", 0x8180, 1, len(answers), 0, 0)
        return head + query[12:at + 5] + b"".join(answers)

    def record(self, name, kind, value):
        data = name_bytes(value) if kind == self.CNAME else \
            socket.inet_pton(socket.AF_INET if kind == self.A
                             else socket.AF_INET6, value)
        return name_bytes(name) + struct.pack(">HHIH", kind, 1, 0,
                                              len(data)) + data

    def addresses(self, name, kind, four, six):
        return [self.record(name, kind, value)
                for value in (four if kind == self.A else six)]

    def answers(self, how, name, kind, count):
        if how == "silent":
            return None
        if how == "flip":  # public first, then inside, and so on
            return self.addresses(
                name, kind, [PUBLIC if count % 2 else "127.0.0.1"],
                [PUBLIC6 if count % 2 else "::1"])
        if how == "inside":  # inside first
            return self.addresses(
                name, kind, [PUBLIC if count % 2 == 0 else "127.0.0.1"], [])
        if how == "mixed":
            return self.addresses(
                name, kind, [PUBLIC, "127.0.0.1", "10.0.0.1"],
                ["::1", PUBLIC6])
        if how == "six":
            return self.addresses(
                name, kind, [PUBLIC],
                ["::ffff:127.0.0.1", "::", "64:ff9b::7f00:1", "2002:7f00:1::",
                 "fe80::1", "::1"])
        if how == "chain" and kind in (self.A, self.AAAA):
            return [self.record(name, self.CNAME, "one.example.net"),
                    self.record("one.example.net", self.CNAME,
                                "two.example.org")] + \
                self.addresses("two.example.org", kind, ["127.0.0.1"],
                               ["::1"])
        if how == "local":
            return [self.record(name, self.CNAME, "localhost")]
        if how == "garbage":
            return [b"\xff" * 40]
        return []


def run(*args):
    subprocess.run(args, check=True, timeout=60, stdout=subprocess.DEVNULL)


@unittest.skipUnless(INSIDE in os.environ, "runs in namespaces")
class Inside(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        run("ip", "link", "set", "lo", "up")
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        for path, text in (
                ("/etc/resolv.conf", "nameserver 127.0.0.1\n"
                 "options attempts:3 timeout:5\n"),
                ("/etc/nsswitch.conf", "hosts: files dns\n"),
                ("/etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")):
            own = os.path.join(folder.name, os.path.basename(path))
            with open(own, "w") as f:
                f.write(text)
            run("mount", "--bind", own, path)
            cls.addClassCleanup(run, "umount", path)
        cls.resolver = Resolver()

    def test_a_resolver_that_changes_its_mind(self):
        ways = ("flip", "inside", "mixed", "six", "chain", "local")
        with listeners() as (port, connects):
            rows = []
            for i in range(ATTEMPTS):
                how = ways[i % len(ways)]
                # Asked for anew, and again and again by one name.
                name = f"a{i}" if i % 3 else "same"
                # libcurl takes half of connect_ms to see that no address is
                # left.
                rows.append({"url": f"http://{name}.{how}.test:{port}/",
                             "connect_ms": 400, "timeout_ms": 60000})
            got, _ = posts(rows)
            classes = {}
            for row, result in zip(rows, got):
                how = row["url"].split(".")[1]
                classes.setdefault(how, set()).add(result["class"])
            self.assertEqual(connects(), 0, classes)
            # What is public is let through, to where nothing is here.
            for how, all_are in classes.items():
                self.assertLessEqual(all_are, {"blocked", "connect", "name",
                                               "timeout"}, how)
            self.assertIn("connect", classes["mixed"])
            self.assertIn("blocked", classes["inside"])
            self.assertIn("blocked", classes["chain"])

            # The same names do lead here when everything is allowed.
            before = connects()
            got, _ = posts([{"url": f"http://b.{how}.test:{port}/",
                             "allow": EVERYWHERE}
                            for how in ("inside", "mixed", "six", "chain")])
            self.assertEqual({row["class"] for row in got}, {"answered"}, got)
            self.assertGreater(connects(), before)

    def test_a_resolver_that_talks_nonsense(self):
        got, _ = posts([{"url": "http://a.garbage.test/", "timeout_ms": 2000},
                        {"url": "http://a.none.test/"}])
        self.assertIn(got[0]["class"], ("name", "timeout"))
        self.assertEqual(got[1]["class"], "name")

    def test_a_resolver_that_is_silent(self):
        """It holds up itself only, and not the end either."""
        with listeners() as (port, connects):
            began = time.monotonic()
            got, closed_ms = posts(
                [{"url": f"http://a{i}.silent.test:{port}/",
                  "timeout_ms": 2000} for i in range(20)] +
                [{"url": f"http://127.0.0.1:{port}/", "times": 200,
                  "allow": "127.0.0.1"}])
            took = time.monotonic() - began
        late, fast = got[:20], got[20:]
        self.assertEqual({row["class"] for row in late}, {"timeout"})
        self.assertEqual({row["status"] for row in fast}, {200})
        self.assertLess(max(row["took_us"] for row in fast), 4_000_000)
        self.assertLess(max(row["took_us"] for row in late), 8_000_000)
        self.assertLess(closed_ms, 5000)
        self.assertLess(took, 14)  # the resolver would be tried for 15 s

    def test_without_a_descriptor_nothing_is_called_blocked(self):
        """The kernel could not be asked: a fault, and no verdict."""
        # Goes out by lo, comes in again, and is nobody's.
        run("ip", "route", "add", "198.41.0.0/24", "dev", "lo")
        got, _ = posts([{"url": f"http://{PUBLIC}/", "times": 60,
                         "connect_ms": 1500}], at_once=30, descriptors=20)
        run("ip", "route", "del", "198.41.0.0/24", "dev", "lo")
        self.assertEqual({row["class"] for row in got},
                         {"timeout", "fault"})

    def test_a_file_of_authorities_is_instead_of_the_systems(self):
        with tempfile.TemporaryDirectory() as folder:
            trusted, other = CA(folder), CA(folder, "other")
            certs = os.path.join(folder, "certs")
            os.mkdir(certs)
            shutil.copy(trusted.file, os.path.join(certs, "ca.pem"))
            run("openssl", "rehash", certs)
            shutil.copy(trusted.file,
                        os.path.join(certs, "ca-certificates.crt"))
            run("mount", "--bind", certs, "/etc/ssl/certs")
            try:
                with Sink(tls=trusted.issue()) as sink:
                    row = {"url": sink.url(), "allow": EVERYWHERE}
                    got, _ = posts([row, dict(row, ca=other.file),
                                    dict(row, ca=trusted.file)], at_once=1)
            finally:
                run("umount", "/etc/ssl/certs")
        self.assertEqual([row["class"] for row in got],
                         ["answered", "tls", "answered"], got)

    def test_own_addresses_whatever_they_are(self):
        """Public ones too, the second of a block, and a block as a whole."""
        for args in (("addr", "add", "8.8.8.8/24", "dev", "lo"),
                     ("addr", "add", "8.8.8.9/24", "dev", "lo"),
                     ("addr", "add", "2606:4700::8/64", "dev", "lo"),
                     ("route", "add", "local", "9.9.9.0/24", "dev", "lo")):
            run("ip", *args)
        hosts = ("8.8.8.8", "8.8.8.9", "[2606:4700::8]", "9.9.9.9",
                 "[::ffff:8.8.8.8]")
        with listeners() as (port, connects):
            rows = [{"url": f"http://{host}:{port}/"} for host in hosts]
            got, _ = posts(rows)
            self.assertEqual([row["class"] for row in got],
                             ["blocked"] * len(rows))
            self.assertEqual(connects(), 0)
            got, _ = posts([dict(row, allow="8.8.8.0/24, 9.9.9.9, "
                                 "2606:4700::/32") for row in rows])
            self.assertEqual([row["class"] for row in got],
                             ["answered"] * len(rows))


def in_namespaces():
    """Runs what is for inside; why not, or None."""
    unshare = ["unshare", "--net", "--mount"]
    if os.geteuid() != 0:
        unshare.append("--map-root-user")
    try:
        tried = subprocess.run(unshare + ["ip", "link", "set", "lo", "up"],
                               capture_output=True, text=True, timeout=60)
    except OSError as e:
        return str(e)
    if tried.returncode != 0:
        return tried.stderr.strip()
    done = subprocess.run(
        unshare + [sys.executable, __file__, "Inside"],
        env=dict(os.environ, **{INSIDE: "1"}), timeout=2 * PATIENCE_S)
    if done.returncode != 0:
        sys.exit(done.returncode)
    return None


if __name__ == "__main__":
    if INSIDE not in os.environ:
        why = in_namespaces()
        if why is not None:
            print("without a resolver of its own: no namespaces:", why)
    unittest.main(argv=[a for a in sys.argv if not a.startswith("--effort")])
