#!/usr/bin/env python3
"""What eyelet itself has to say, by the built programs behind lighttpd: an
endpoint that refuses many or goes silent is an event of the endpoint "eyelet",
which is listed as others are, can be posted to by nobody, and is delivered to
who asks for it by name."""
import hashlib
import hmac
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
import stand as stands  # noqa: E402

SAID_S = 60  # looks are 5 s apart
failures = 0


def check(right, what):
    global failures
    if not right:
        failures += 1
        print(f"FAIL: {what}", flush=True)


def said(stand, kind, **members):
    """Those of a type, whose data have these members, oldest first."""
    found = []
    for row in stand.rows("event", "list", "--endpoint", "eyelet",
                          "--limit", "0", "--type", kind):
        body = json.loads(stand.tool("event", "show", str(row["seq"]),
                                     "--raw"))
        if all(body["data"].get(k) == v for k, v in members.items()):
            found.append((row, body))
    return found[::-1]


def wait_said(stand, kind, n=1, **members):
    stands.wait_for(f"{n} {kind} {members}", SAID_S,
                    lambda: len(said(stand, kind, **members)) >= n)
    return said(stand, kind, **members)


def post_no_json(stand):
    stamp = str(int(time.time()))
    mac = hmac.new(stands.SECRET.encode(), f"{stamp}.no".encode(),
                   hashlib.sha256).hexdigest()
    return stand.http("POST /hooks/shop HTTP/1.1\r\nHost: stand\r\n"
                      f"X-Nomos-Signature: t={stamp},v1={mac}\r\n"
                      "Content-Length: 2\r\n", b"no")[0]


def refusing(stand):
    for i in range(19):
        check(stand.status(f"bad_{i}", endpoint="shop",
                           secret="x" * 32) == 401, "a bad signature")
    # What is refused for another reason does not count.
    for i in range(5):
        check(post_no_json(stand) == 400, "signed, but no JSON")
    time.sleep(6)
    check(not said(stand, "endpoint.refusing"), "19 are no reason to speak")
    check(stand.status("bad_19", endpoint="shop", secret="x" * 32) == 401,
          "a bad signature")
    row, body = wait_said(stand, "endpoint.refusing", endpoint="shop")[0]
    check(body["data"]["refused"] == 20, f"20 were refused: {body}")
    check(body["data"]["verified"] == 0, f"none verified: {body}")
    check(body["type"] == "endpoint.refusing" == row["type"], f"type: {row}")
    check(row["endpoint"] == "eyelet", f"endpoint: {row}")
    check(row["id"].startswith("notice_"), f"id: {row}")
    # What it says to do can be done.
    command = body["data"]["do"].split(",")[0].split()
    check(command[0] == "eyelet-event", f"do: {body}")
    listed = list(stand.rows("event", *command[1:]))
    check(len(listed) >= 20, f"quarantine has {len(listed)}")


def silence(stand):
    stand.tool("endpoint", "add", "till", "--scheme", "nomos",
               "--secret-file", f"{stand.top}/secret",
               "--expect-every", "2s")
    body = wait_said(stand, "endpoint.silent", endpoint="till")[0][1]
    check(body["data"]["expect_every"] == 2, f"expect_every: {body}")
    check(body["data"]["heard_at"] is None, f"never heard: {body}")
    check(not said(stand, "endpoint.silent", endpoint="shop"),
          "nobody expects anything of shop")
    # A restart does not say it again; a request that verifies ends it.
    stand.cut_power()
    stand.start()
    check(stand.status("evt_1", endpoint="till") == "accepted", "an event")
    wait_said(stand, "endpoint.heard", endpoint="till")
    body = wait_said(stand, "endpoint.silent", 2, endpoint="till")[1][1]
    check(body["data"]["heard_at"] is not None, f"was heard: {body}")
    kinds = [row["type"] for row, _ in said(
        stand, "endpoint.silent,endpoint.heard", endpoint="till")]
    check(kinds == ["endpoint.silent", "endpoint.heard", "endpoint.silent"],
          f"each once: {kinds}")
    stand.tool("endpoint", "edit", "till", "--expect-every", "")


def reserved(stand):
    check(stand.run("endpoint", "add", "eyelet", "--scheme", "nomos",
                    check=False).returncode == 65, "eyelet can be added")
    check(stand.run("endpoint", "show", "eyelet",
                    check=False).returncode == 66, "eyelet is shown")
    check(stand.post("evt_2", endpoint="eyelet")[0] == 404,
          "/hooks/eyelet answers")
    check(stand.get("/hooks/eyelet")[0] in (404, 405),
          "/hooks/eyelet is there")
    names = [row["endpoint"] for row in stand.rows("endpoint", "list")]
    check("eyelet" not in names, f"listed: {names}")


def to_a_command(stand):
    """A dead letter and a disabled destination reach an operator's command,
    and one that fails on such an event makes no other."""
    told = f"{stand.home}/told"
    with open(f"{stand.top}/tell", "w") as f:
        f.write(f'#!/bin/sh\ncat >>{told}\necho >>{told}\n'
                'case $EYELET_ENDPOINT in eyelet) ;; *) exit 1 ;; esac\n')
    os.chmod(f"{stand.top}/tell", 0o755)
    stand.tool("destination", "add", "broken", "--command", "/bin/false",
               "--endpoints", "shop,eyelet", "--retry", "none")
    stand.tool("destination", "add", "hand", "--command", "/bin/cat",
               "--endpoints", "till")
    stand.tool("destination", "add", "operator", "--command",
               f"{stand.top}/tell", "--endpoints", "eyelet",
               "--events", "delivery.dead,destination.*")
    check(stand.status("evt_3", endpoint="shop") == "accepted", "an event")
    stand.tool("deliver", "--once")
    dead = wait_said(stand, "delivery.dead", destination="broken")
    check(dead[0][1]["data"]["id"] == "evt_3", f"which one: {dead}")
    check(dead[0][1]["data"]["reason"] == "exhausted", f"reason: {dead}")
    stand.tool("destination", "disable", "hand", "--why", "it smells")
    row, body = wait_said(stand, "destination.disabled",
                          destination="hand")[0]
    check(body["data"]["by"] == "operator", f"by: {body}")
    check("it smells" in body["data"]["why"], f"why: {body}")
    # What it says to do can be done.
    stand.tool("destination", *body["data"]["do"].split(
        "eyelet-destination ")[1].split())
    stand.tool("deliver", "--once")
    with open(told) as f:
        bodies = [json.loads(line) for line in f]
    check([(b["type"], b["data"]["destination"]) for b in bodies] ==
          [("delivery.dead", "broken"), ("destination.disabled", "hand")],
          f"the command was told {bodies}")
    # Both are dead letters of broken's, too, which nobody is told of.
    stand.tool("deliver", "--once")
    check(len(said(stand, "delivery.dead")) == 1, "a dead notice is said")
    # The command that was handed out for the dead one.
    command = dead[0][1]["data"]["do"].split(", then ")[1].split()
    check(command[:2] == ["eyelet-event", "retry"], f"do: {dead}")
    stand.tool("event", *command[1:])


def main():
    with stands.Stand() as stand:
        stand.start()
        stand.add_endpoint()
        refusing(stand)
        silence(stand)
        reserved(stand)
        to_a_command(stand)
        check("as it should be" in stand.tool("store", "check"),
              "the store is not as it should be")
    if failures:
        return 1
    print("what goes wrong slowly is said")
    return 0


if __name__ == "__main__":
    sys.exit(main())
