#!/usr/bin/env python3
"""The bounds of packed bodies: behind a real lighttpd one that unpacks to
more than its endpoint takes is 413, kept, explained, and taken once the limit
is raised; and many hostile ones at once stay within their share of memory.
"""
import concurrent.futures
import gzip
import hashlib
import hmac
import http.client
import json
import os
import random
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import PROGRAM, REPLY_S, SECRET, SOURCE, Stand

MIB = 1 << 20
AT_ONCE = 50
BODIES_MAX = 64 * MIB
SHARE = BODIES_MAX // 2  # of bodies_max, for what is unpacked
# While a buffer grows, the half of it that was there before is there as well.
RISE_MAX = SHARE + SHARE // 2 + 16 * MIB
SCHEME = {
    "title": "Signs what it packs", "alg": "hmac-sha256", "signs": "decoded",
    "sig": {"from": "header:X-Sig", "enc": "hex"}, "content": "{body}",
    "id": "{json:/id}", "type": "{json:/topic}", "body": "json",
}


def event(ident, size, share=90):
    """JSON of that size; one byte of share does not repeat."""
    head = json.dumps({"id": ident, "topic": "t", "x": ""})[:-2].encode()
    rest = size - len(head) - 2
    mixed = random.Random(7).randbytes(rest // share // 2).hex().encode()
    return head + mixed + b"a" * (rest - len(mixed)) + b'"}'


def signature(body, secret=SECRET):
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


class Packed(unittest.TestCase):
    def setUp(self):
        self.stand = stand = Stand(settings={
            "receive.bodies_max": BODIES_MAX, "quarantine.bytes": MIB,
            "schemes.path": f"{SOURCE}/conf/schemes /nonexistent"})
        self.addCleanup(stand.close)
        os.mkdir(f"{stand.top}/schemes")
        with open(f"{stand.top}/schemes/packs.json", "w") as f:
            json.dump(SCHEME, f)
        with open(stand.conf) as f:
            text = f.read()
        with open(stand.conf, "w") as f:
            f.write(text.replace("/nonexistent", f"{stand.top}/schemes"))

    def add(self, name, *options):
        self.stand.tool("endpoint", "add", name, "--scheme", "packs",
                        "--secret-file", f"{self.stand.top}/secret", *options)

    def post(self, name, packed, signed):
        """Status and Retry-After."""
        http_ = http.client.HTTPConnection(
            "127.0.0.1", self.stand.port, timeout=REPLY_S)
        http_.request("POST", f"/hooks/{name}", packed, {
            "Content-Encoding": "gzip", "X-Sig": signed})
        answer = http_.getresponse()
        answer.read()
        http_.close()
        return answer.status, answer.getheader("Retry-After")

    def rows(self, *args):
        return list(self.stand.rows("event", *args))

    def test_what_unpacks_to_more_than_is_taken_is_too_large(self):
        self.add("shop", "--max-body", "64k")
        self.stand.start()
        body = event("evt_1", 2 * MIB)
        packed = gzip.compress(body)
        self.assertLess(len(packed), 64 << 10)
        small = event("evt_0", MIB)
        self.assertEqual(
            self.post("shop", gzip.compress(small), signature(small))[0], 200)
        self.assertEqual(self.post("shop", packed, signature(body))[0], 413)
        row, = self.rows("quarantine", "list")
        self.assertEqual((row["refused_as"], row["size"]),
                         ("too-large", len(packed)))
        self.assertIn("unpack to more than 1048576, and the endpoint's "
                      "--max-body is 65536", row["why"])
        shown, = self.stand.rows("endpoint", "show", "shop")
        self.assertEqual(shown["counts"]["too_large"], 1)
        told, = self.rows("quarantine", "explain", str(row["no"]))
        self.assertEqual(told["diagnosis"], "too-large")
        self.assertIn("unpacks to more than the limit of 1048576",
                      told["words"])
        # The advice is the cure, for both.
        self.assertIn("--max-body", told["advice"])
        self.stand.tool("endpoint", "edit", "shop", "--max-body", "2m")
        told, = self.rows("quarantine", "explain", str(row["no"]))
        self.assertEqual(told["diagnosis"], "valid")
        done, = self.rows("quarantine", "admit", str(row["no"]))
        self.assertEqual(done["outcome"], "accepted")
        found, = self.rows("show", str(done["seq"]))
        self.assertEqual(found["id"], "evt_1")
        again = event("evt_2", 2 * MIB)
        self.assertEqual(
            self.post("shop", gzip.compress(again), signature(again))[0], 200)

    def resident(self, most=False):
        """Bytes of eyelet.fcgi: now, or the most that it ever had."""
        with open(f"/proc/{self.stand.processes()[0]}/status") as f:
            found = re.search(rf"Vm{'HWM' if most else 'RSS'}:\s+(\d+)",
                              f.read())
        return int(found[1]) << 10

    def test_hostile_ones_stay_within_their_share(self):
        self.add("shop", "--max-body", "32m")
        self.stand.start()
        body = event("evt_1", 32 * MIB, 120)
        packed = gzip.compress(body)
        self.assertLess(len(packed), MIB // 4)
        self.post("shop", gzip.compress(b"{}"), signature(b"{}"))
        before = self.resident()
        wrong = signature(body, "another secret")
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            said = list(pool.map(
                lambda _: self.post("shop", packed, wrong), range(AT_ONCE)))
        statuses = {status for status, _ in said}
        self.assertEqual(statuses, {401, 503})
        self.assertNotIn((503, None), said)
        rise = self.resident(most=True) - before
        print(f"{AT_ONCE} of {len(packed)} bytes at once: "
              f"{sum(s == 503 for s, _ in said)} times 503, "
              f"{rise >> 20} MiB more resident")
        with open(PROGRAM, "rb") as f:
            if b"__asan_init" not in f.read():
                self.assertLessEqual(rise, RISE_MAX)
        with open(self.stand.log, errors="replace") as f:
            self.assertIn("status=503 verdict=crowded", f.read())
        # All of it is given back.
        self.assertEqual(self.post("shop", packed, signature(body))[0], 200)


if __name__ == "__main__":
    unittest.main()
