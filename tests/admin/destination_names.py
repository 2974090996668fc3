#!/usr/bin/env python3
"""A destination whose name leads where deliveries never connect is warned of
when it is made, with the option that allows it; and no resolver, slow, silent
or absent, keeps a destination from being made.

The names stand in an /etc/hosts of the test's own, in a mount namespace.
"""
import sys
sys.dont_write_bytecode = True

import json
import os
import socket
import subprocess
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import *  # noqa: F401,F403

HOSTS = """127.0.0.1 localhost
10.20.30.40 inside.example
192.0.2.7 shown.example
8.8.8.8 outside.example
fd00::7 six.example
8.8.4.4 both.example
172.16.0.9 both.example
127.0.0.1 mine.example
169.254.169.254 meta.example
"""
SILENT = f"127.{os.getpid() % 200 + 1}.77.53"
SLOWEST_S = 30  # the bound is 3 s; the machine may be busy


class Names(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.stand = Stand()
        cls.stand.tool("store", "status", "--json")  # an owner is there
        cls.hosts = f"{cls.stand.top}/hosts"
        cls.resolver = f"{cls.stand.top}/resolv.conf"
        with open(cls.hosts, "w") as f:
            f.write(HOSTS)

    @classmethod
    def tearDownClass(cls):
        cls.stand.close()

    def run_it(self, *words, resolver=""):
        """The row, the warnings, and how long it took."""
        with open(self.resolver, "w") as f:
            f.write(resolver)
        start = time.monotonic()
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", 'mount --bind "$1" /etc/hosts && '
             'mount --bind "$2" /etc/resolv.conf && shift 2 && exec "$@"',
             "-", self.hosts, self.resolver,
             self.stand.tool_path("destination"), "-c", self.stand.conf,
             *words, "--json"], capture_output=True, text=True,
            env=self.stand.env, timeout=60)
        self.assertEqual(done.returncode, 0, done)
        took = time.monotonic() - start
        said = "".join(line for line in done.stderr.splitlines(True)
                       if "warning" in line)
        return json.loads(done.stdout), said, took

    def add(self, name, host, *more, **how):
        return self.run_it("add", name, "--url", f"https://{host}:8443/in",
                           *more, **how)

    def test_a_refused_address_is_warned_of(self):
        for host, address in (
                ("inside.example", "10.20.30.40"), ("six.example", "fd00::7"),
                ("shown.example", "192.0.2.7"), ("mine.example", "127.0.0.1"),
                ("meta.example", "169.254.169.254")):
            name = "to-" + host.split(".")[0]
            _, said, _ = self.add(name, host)
            self.assertIn("eyelet-destination: warning: "
                          f"{host} resolves to {address}", said)
            # The very words of the warning mend it.
            option, value = said.rstrip().split("use ")[1].split(" ", 1)
            row, said, _ = self.run_it("edit", name, option,
                                       value.strip("'"))
            self.assertEqual((said, row["allow_net"]), ("", address))

    def test_what_may_be_reached_is_not(self):
        self.assertEqual(self.add("out", "outside.example")[1], "")
        self.assertEqual(self.add("allowed", "inside.example", "--allow-net",
                                  "10.20.0.0/16")[1], "")
        self.assertEqual(self.run_it("add", "digits", "--url",
                                     "https://8.8.8.8/in")[1], "")
        self.assertEqual(self.run_it("add", "command", "--command",
                                     "/bin/true")[1], "")

    def test_each_refused_address_is_named(self):
        said = self.add("both", "both.example")[1]
        self.assertIn("both.example resolves to 172.16.0.9 ", said)
        self.assertNotIn("8.8.4.4", said)
        said = self.run_it("edit", "both", "--allow-net", "10.0.0.0/8")[1]
        self.assertIn("--allow-net '10.0.0.0/8, 172.16.0.9'", said)

    def test_by_way_of_a_proxy_the_proxy_counts(self):
        said = self.add("proxied", "inside.example", "--proxy",
                        "http://outside.example:3128")[1]
        self.assertEqual(said, "")
        said = self.add("proxied2", "outside.example", "--proxy",
                        "http://inside.example:3128")[1]
        self.assertIn("warning: inside.example resolves to 10.20.30.40", said)

    def test_edit_warns_of_a_new_place_alone(self):
        self.add("edited", "outside.example")
        said = self.run_it("edit", "edited", "--url",
                           "https://inside.example/in")[1]
        self.assertIn("warning: inside.example resolves to 10.20.30.40", said)
        self.assertEqual(self.run_it("edit", "edited", "--title", "t")[1], "")

    def test_no_resolver_keeps_it_from_being_made(self):
        row, said, _ = self.add("unknown", "unknown.example")
        self.assertEqual((row["state"], said), ("enabled", ""))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind((SILENT, 53))
            row, said, took = self.add(
                "waiting", "unknown.example",
                resolver=f"nameserver {SILENT}\n"
                         "options timeout:20 attempts:3\n")
            self.assertEqual((row["state"], said), ("enabled", ""))
            self.assertLess(took, SLOWEST_S)
            silent.setblocking(False)
            self.assertIn(b"unknown", silent.recv(512))  # it was asked


if __name__ == "__main__":
    if subprocess.run(["unshare", "-m", "true"]).returncode != 0:
        print("no mount namespaces here")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0]])
