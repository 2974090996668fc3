#!/usr/bin/env python3
"""The audit trail has who logged in beside the uid that all of root's people
share: as the kernel keeps it, or as sudo says, which is marked as a claim.
Each input is tried by somebody who must not be believed."""
import json
import os
import pwd
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
import stand as stands  # noqa: E402

NOBODY, WWW = pwd.getpwnam("nobody"), pwd.getpwnam("www-data")
NEVER = 4294967295  # no login uid
UNUSED = 3999999999  # a uid without a name
HELLO, WELCOME, CALL, ROW, END = 1, 2, 7, 8, 9
failures = 0


def check(right, what):
    global failures
    if not right:
        failures += 1
        print(f"FAIL: {what}", flush=True)


def set_login(uid):
    with open("/proc/self/loginuid", "w") as f:
        f.write(str(uid))


def can_set_login():
    pid = os.fork()
    if pid == 0:
        try:
            set_login(NEVER)
            set_login(NOBODY.pw_uid)
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0


def change(stand, title, login=NEVER, sudo=None, become=None):
    """A change by somebody, and its audit record."""
    def begin():
        set_login(login)
        if become is not None:
            os.setgroups([])
            os.setresgid(become[1], become[1], become[1])
            os.setresuid(become[0], become[1], become[1])
    env = {k: v for k, v in stand.env.items() if k != "SUDO_UID"}
    if sudo is not None:
        env["SUDO_UID"] = sudo
    done = subprocess.run(
        [stand.tool_path("endpoint"), "-c", stand.conf, "edit", "shop",
         "--title", title], env=env, preexec_fn=begin, capture_output=True,
        text=True, timeout=stands.CALL_S)
    # A sanitizer's search for leaks may not look at every such process.
    check(done.returncode == 0 or "LeakSanitizer does not work" in done.stderr,
          f"{title}: {done.stderr}")
    return last(stand)


def last(stand):
    return list(stand.rows("store", "audit", "--limit", "1"))[-1]


def people(row):
    return (row["who"], row["login_uid"], row["login_user"], row["sudo_uid"],
            row["sudo_user"])


NONE = (None, None, None, None, None)


def rows(stand):
    """Row: what is said, who logged in, SUDO_UID, what is recorded."""
    return [
        ("nobody logged in", NEVER, None, NONE),
        ("a login", NOBODY.pw_uid, None,
         ("nobody", NOBODY.pw_uid, "nobody", None, None)),
        ("a login that has no name", UNUSED, None,
         (str(UNUSED), UNUSED, None, None, None)),
        ("sudo, without a login", NEVER, str(WWW.pw_uid),
         ("www-data (sudo)", None, None, WWW.pw_uid, "www-data")),
        ("both: the kernel goes first", NOBODY.pw_uid, "0",
         ("nobody", NOBODY.pw_uid, "nobody", 0, "root")),
        ("a claim without a name", NEVER, str(UNUSED),
         (f"{UNUSED} (sudo)", None, None, UNUSED, None)),
        ("no number", NEVER, "root", NONE),
        ("nothing", NEVER, "", NONE),
        ("below all", NEVER, "-1", NONE),
        ("the number of none", NEVER, str(NEVER), NONE),
        ("too large", NEVER, str(2 ** 64), NONE),
        ("lines of a greeting", NEVER, "33\nprogram=x", NONE),
        ("a claim of root", NEVER, "0", ("root (sudo)", None, None, 0,
                                         "root")),
    ]


def by_rows(stand):
    for title, login, sudo, want in rows(stand):
        row = change(stand, title, login, sudo)
        check(people(row) == want, f"{title}: {people(row)}")
        check((row["uid"], row["user"]) == (0, "root"), f"{title}: {row}")
    text = stand.tool("store", "audit")
    check("WHO" in text and "www-data (sudo)" in text and "nobody" in text,
          f"for people: {text}")


def by_the_owner(stand):
    """The store's owner is believed as root is; who only has its effective
    uid is not: the variable is the caller's."""
    sudo = str(NOBODY.pw_uid)
    row = change(stand, "the owner", NEVER, sudo, (WWW.pw_uid, WWW.pw_uid))
    check((row["uid"], row["who"]) == (WWW.pw_uid, "nobody (sudo)"),
          f"the owner: {row}")
    row = change(stand, "only effective", NEVER, sudo,
                 (NOBODY.pw_uid, WWW.pw_uid))
    check((row["uid"], row["sudo_uid"]) == (WWW.pw_uid, None),
          f"only effective: {row}")


# --- another process under the pid of the one that connected ----------------


def frame(kind, content):
    return struct.pack(">IBB", len(content) + 2, 1, kind) + content


def take(s):
    head = s.recv(6, socket.MSG_WAITALL)
    length, _, kind = struct.unpack(">IBB", head)
    return kind, s.recv(length - 2, socket.MSG_WAITALL)


def connected_by_another(stand):
    """A connection, and the pid of the process that made it and ended."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(stands.REPLY_S)
    pid = os.fork()
    if pid == 0:
        try:
            s.connect(f"{stand.store}/socket")
        except OSError:
            os._exit(1)
        os._exit(0)
    check(os.waitpid(pid, 0)[1] == 0, "connect")
    return s, pid


def with_pid(pid):
    """A process that has this pid and the login of nobody; or None."""
    for _ in range(20):
        try:
            with open("/proc/sys/kernel/ns_last_pid", "w") as f:
                f.write(str(pid - 1))
        except OSError:
            return None
        r, w = os.pipe()
        got = os.fork()
        if got == 0:
            set_login(NOBODY.pw_uid)
            os.write(w, b"x")
            os.execvp("sleep", ["sleep", "60"])
        os.read(r, 1)
        os.close(r)
        os.close(w)
        if got == pid:
            return got
        os.kill(got, 9)
        os.waitpid(got, 0)
    return None


def edit_by_hand(s, title, claim):
    hello = b"version=0.1.0\nrole=admin\nprogram=forged\n"
    with open("/proc/self/stat") as f:
        started = f.read().rsplit(")", 1)[1].split()[19]
    hello += f"pid={os.getpid()}\nstarted={started}\n{claim}".encode()
    s.sendall(frame(HELLO, hello))
    kind, words = take(s)
    check(kind == WELCOME, f"{title}: welcome: {kind} {words}")
    s.sendall(frame(CALL, os.urandom(16) + json.dumps(
        {"op": "endpoint.edit", "endpoint": "shop",
         "settings": {"title": title}}).encode()))
    kind, words = take(s)
    check(kind == ROW, f"{title}: {kind} {words}")
    s.close()


def forged(stand):
    s, pid = connected_by_another(stand)
    edit_by_hand(s, "its process is gone", f"sudo_uid={WWW.pw_uid}\n")
    row = last(stand)
    check(people(row) == NONE and row["program"] == "forged",
          f"gone: {row}")
    s, pid = connected_by_another(stand)
    time.sleep(0.05)  # some ticks: before Linux 6.5 these must tell
    other = with_pid(pid)
    if other is None:
        print("a pid cannot be used again here")
        s.close()
        return
    edit_by_hand(s, "its pid is another's", f"sudo_uid={WWW.pw_uid}\n")
    os.kill(other, 9)
    os.waitpid(other, 0)
    check(people(last(stand)) == NONE, f"another's: {last(stand)}")


def main():
    if os.geteuid() != 0:
        stands.skip("needs root, to be several users")
    if not can_set_login():
        stands.skip("the kernel lets this process set no login uid")
    with stands.Stand(user="www-data") as stand:
        stand.add_endpoint()
        stand.start()
        by_rows(stand)
        by_the_owner(stand)
        forged(stand)
        check("as it should be" in stand.tool("store", "check"), "check")
    if failures:
        return 1
    print("the audit trail has people in it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
