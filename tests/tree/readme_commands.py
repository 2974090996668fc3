#!/usr/bin/env python3
"""Every command that README.md shows is run, or named here as one that a test
cannot run on somebody's machine. In order, on one store behind lighttpd."""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
import stand as stands  # noqa: E402

# For tests/tree/readme_deploy.py, or done before: packages, the build, the system's
# own web servers.
ELSEWHERE = re.compile(
    r"conf/quickstart\.sh|tests/run\.sh|apt-get |\./autogen\.sh|\./configure|"
    r"make( install)?$|cp /usr/share|lighty-enable-mod|service |systemd-|"
    r"systemctl |a2en|sed -i |flock ")


# What a command that begins so prints, among other things.
PRINTS = {"curl -H": '{"status":"accepted","id":"evt_1"}',
          "curl http": '{"status":"ok"',
          "eyelet-event list --end": '"id":"evt_1"',
          "eyelet-event show": "evt_1",
          "eyelet-deliver --once": "delivered",
          "eyelet-event list --destination count": "evt_1",
          "eyelet-destination list": "crm",
          "eyelet-store check": "as it should be"}


def commands(path):
    """Each with the title of its section: indented lines, those that go on
    with a backslash put together."""
    whole = section = ""
    with open(path) as f:
        for line in f:
            if line.startswith("## "):
                section = line[3:].strip()
            if not line.startswith("    ") and not whole:
                continue
            whole += line.strip()
            if whole.endswith("\\"):
                whole = whole[:-1]
                continue
            yield section, whole
            whole = ""


def check_output(command, printed):
    """What is wrong with it, or None."""
    for begins, says in PRINTS.items():
        if command.startswith(begins) and says not in printed:
            return f"no {says}"
    return None


def main():
    ran = 0
    stand = stands.Stand()
    try:
        stand.start()
        work = f"{stand.top}/work"
        os.mkdir(work)
        for name, text in (("secret.txt", "first-secret-0123456789abcdef\n"),
                           ("new.txt", "second-secret-0123456789abcdef\n")):
            with open(f"{work}/{name}", "w") as f:
                f.write(text)
        env = dict(stand.env, EYELET_CONFIG=stand.conf,
                   PATH=f"{stands.BUILD}/admin:{stand.path()}")
        for _, command in commands(f"{stands.SOURCE}/README.md"):
            if ELSEWHERE.match(command):
                continue
            if command.startswith("eyelet-store init"):
                continue  # the stand's first act
            run = command.replace("http://127.0.0.1/",
                                  f"http://127.0.0.1:{stand.port}/")
            done = subprocess.run(
                ["sh", "-c", run], cwd=work, env=env, capture_output=True,
                text=True, timeout=stands.CALL_S, stdin=subprocess.DEVNULL)
            if done.returncode != 0:
                print(f"FAIL: {command}: status {done.returncode}: "
                      f"{done.stderr.strip()}")
                return 1
            wrong = check_output(command, done.stdout)
            if wrong:
                print(f"FAIL: {command}: {wrong} in: {done.stdout}")
                return 1
            ran += 1
        with open(f"{work}/events.jsonl") as f:
            if json.loads(f.read())["id"] != "evt_1":
                print("FAIL: the export is another event")
                return 1
    finally:
        stand.close()
    if ran < 12:
        print(f"FAIL: found only {ran} commands to run")
        return 1
    print(f"{ran} commands of the README work")
    return 0


if __name__ == "__main__":
    sys.exit(main())
