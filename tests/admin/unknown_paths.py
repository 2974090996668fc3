#!/usr/bin/env python3
"""A mount or a provider's URL with a mistake in it: the log says which path
was asked for and why nothing is there, and eyelet-store status has the last
such paths, through every process; nothing of strangers drives a terminal."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
import stand as stands  # noqa: E402

failures = 0


def check(right, what):
    global failures
    if not right:
        failures += 1
        print(f"FAIL: {what}", flush=True)


def post(stand, path):
    return stand.http(f"POST {path} HTTP/1.1\r\nHost: stand\r\n"
                      "Content-Length: 2\r\n", b"{}")[0]


def inert(text, what):
    check(all(c == "\n" or c.isprintable() and ord(c) < 127 for c in text),
          f"{what} drives a terminal: {text!r}")


def cgi(stand, path):
    """By another process, which asks the owner."""
    env = dict(stand.env, GATEWAY_INTERFACE="CGI/1.1", REQUEST_METHOD="POST",
               PATH_INFO=path, SCRIPT_NAME="", SERVER_PROTOCOL="HTTP/1.1",
               CONTENT_LENGTH="2", REMOTE_ADDR="192.0.2.9", HTTPS="on",
               EYELET_CONFIG=stand.conf)
    done = subprocess.run(stand.as_user([stand.program]), env=env, input="{}",
                          capture_output=True, text=True,
                          timeout=stands.CALL_S)
    inert(done.stderr, "the log")
    return done.stdout.split()[1]


def status(stand):
    return json.loads(stand.run("store", "status", "--json").stdout)


def main():
    with stands.Stand() as stand:
        stand.add_endpoint()
        stand.add_endpoint("till")
        stand.start()
        row = status(stand)
        check((row["unknown_paths"], row["last_unknown"]) == (0, []),
              f"nothing yet: {row}")
        check(stand.status("evt_1") == "accepted", "an event")
        stand.tool("endpoint", "remove", "till", "--yes")
        for _ in range(2):
            check(post(stand, "/hooks/shoop") == 404, "a typo")
        check(post(stand, "/hooks/till") == 404, "a removed one")
        check(cgi(stand, "/hooks/\033]0;x\007\u202e") == "404",
              "bytes for a terminal")
        check(cgi(stand, "/hook/shop") == "404", "another process")
        row = status(stand)
        found = {one["path"]: one for one in row["last_unknown"]}
        check(row["unknown_paths"] == 5, f"all of them: {row}")
        one = found["/shoop"]
        check(one["count"] == 2 and one["address"] == "127.0.0.1" and
              one["why"] == "there is no endpoint shoop" and
              one["last_at"] >= one["first_at"], f"the typo: {one}")
        check("removed" in found["/till"]["why"], "removed")
        one = found["/hook/shop"]
        check(one["why"] == "the path is neither /hooks/NAME nor /NAME" and
              one["address"] == "192.0.2.9", f"another mount: {one}")
        for args in ((), ("--json",)):
            text = stand.run("store", "status", *args).stdout
            check("shoop" in text, f"{args} shows it")
            inert(text, args)
        stands.wait_for("the log has it", 10, lambda: all(
            words in open(stand.log).read() for words in (
                'path=/shoop',
                'why="there is no endpoint shoop"')), 0.1)
        # Registered after all.
        stand.tool("endpoint", "rename", "shop", "shoop")
        check(stand.status("evt_2", endpoint="shoop") == "accepted", "mended")
    if failures:
        return 1
    print("paths that lead nowhere are shown")
    return 0


if __name__ == "__main__":
    sys.exit(main())
