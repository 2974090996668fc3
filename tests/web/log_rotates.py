#!/usr/bin/env python3
"""Log rotation behind lighttpd as Debian does it: by logrotate, with Debian's
own configuration for it, whose script has lighttpd alone open its logs anew.
Every program of eyelet that runs for long then writes into the new file, and
no line is lost. So with copytruncate."""
import sys
sys.dont_write_bytecode = True

import os
import re
import shutil
import subprocess
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from stand import BUILD, CALL_S, skip, wait_for
from web_stand import WebStand

DEBIANS = "/etc/logrotate.d/lighttpd"
SCRIPT = "/etc/init.d/lighttpd"
DELIVER = f"{BUILD}/admin/eyelet-deliver"
SOON_S = 60  # on a busy machine


class RotatingStand(WebStand):
    def write_conf(self, settings):
        os.mkdir(f"{self.top}/log")
        self.own(f"{self.top}/log")
        self.log = f"{self.top}/log/eyelet.log"
        super().write_conf(settings)

    def write_web_conf(self):
        super().write_web_conf()
        with open(f"{self.top}/web.conf", "a") as f:
            f.write(f'server.errorlog = "{self.top}/log/error.log"\n')

    # --- rotating ------------------------------------------------------------

    def rotate(self, change=lambda text: text):
        """By Debian's configuration, with the places of this stand."""
        script = f"{self.top}/init.d"
        with open(SCRIPT) as f:
            text = f.read().replace("/run/$NAME.pid", f"{self.top}/pid")
        with open(script, "w") as f:
            f.write(text)
        os.chmod(script, 0o755)
        with open(f"{self.top}/pid", "w") as f:
            f.write(f"{self.web.pid}\n")
        with open(DEBIANS) as f:
            text = f.read()
        for before, after in (("/var/log/lighttpd/", f"{self.top}/log/"),
                              ("/usr/sbin/invoke-rc.d", "/nowhere"),
                              (SCRIPT, script)):
            if before not in text:
                raise AssertionError(f"{DEBIANS} has no {before}")
            text = text.replace(before, after)
        conf = f"{self.top}/rotate.conf"
        with open(conf, "w") as f:
            f.write(change(text))
        os.chmod(conf, 0o644)
        done = subprocess.run(
            ["logrotate", "--force", "--state", f"{self.top}/rotate.state",
             conf], capture_output=True, text=True, timeout=CALL_S,
            env=dict(self.env, PATH=self.path()))
        if done.returncode != 0 or done.stderr:
            raise AssertionError(f"logrotate: {done.stderr}")

    def writers(self):
        """All that run for long, by pid."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    args = f.read().split(b"\0")
            except OSError:
                continue
            # The web server's child finds the configuration by its name.
            if args[0] == self.program.encode() or (
                    args[0] == DELIVER.encode()
                    and self.conf.encode() in args):
                found[int(pid)] = args[0].decode().rpartition("/")[2]
        return found

    def all_write_to_the_log(self):
        now = os.stat(self.log)
        for pid in self.writers():
            to = os.stat(f"/proc/{pid}/fd/2")
            if (to.st_dev, to.st_ino) != (now.st_dev, now.st_ino):
                return False
        return True

    def ids(self, name):
        with open(f"{self.top}/log/{name}", "rb") as f:
            text = f.read()
        if b"\0" in text:
            raise AssertionError(f"{name} has a hole")
        return re.findall(r" id=(evt_\d+) ", text.decode())


def post_for(st, seconds, posted):
    """One request each tenth of a second."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        posted.append(f"evt_{len(posted) + 1}")
        said = st.status(posted[-1])
        if said != "accepted":
            raise AssertionError(f"{posted[-1]}: {said}")
        time.sleep(0.1)


def lines_are_whole(st, posted, *names):
    """Each request stands in one of the files, once."""
    def found():
        return [i for name in names for i in st.ids(name)]
    wait_for("the last lines", SOON_S, lambda: len(found()) >= len(posted),
             0.05)
    if found() != posted:
        raise AssertionError(f"{len(posted)} requests, and the lines of "
                             f"{len(found())}")


def rotates(st):
    posted = []
    post_for(st, 0.3, posted)
    st.rotate()
    post_for(st, 0.3, posted)
    wait_for("all programs to write to the new file", SOON_S,
             st.all_write_to_the_log, 0.05)
    before = len(posted)
    post_for(st, 0.3, posted)
    lines_are_whole(st, posted, "eyelet.log.1", "eyelet.log")
    if not set(posted[before:]) <= set(st.ids("eyelet.log")):
        raise AssertionError("new lines stand in the old file")
    # The second time: Debian packs the older one.
    st.rotate()
    wait_for("all programs to write to the newest file", SOON_S,
             st.all_write_to_the_log, 0.05)
    post_for(st, 0.3, posted)
    if not os.path.exists(f"{st.top}/log/eyelet.log.2.gz"):
        raise AssertionError("logrotate packed nothing")
    wait_for("lines in the newest file", SOON_S,
             lambda: posted[-1] in st.ids("eyelet.log"), 0.05)


def copies(st):
    def change(text):
        return re.sub(r"\tdelaycompress\n", "\tcopytruncate\n",
                      text).replace("compress\n", "nocompress\n", 1)
    posted = []
    post_for(st, 0.3, posted)
    wait_for("lines", SOON_S, lambda: posted[-1] in st.ids("eyelet.log"),
             0.05)
    begun = len(posted)
    st.rotate(change)
    posted.clear()
    posted.extend(f"evt_{i + 1}" for i in range(begun))
    post_for(st, 0.3, posted)
    wait_for("lines in the file that was cut", SOON_S,
             lambda: st.ids("eyelet.log") == posted[begun:], 0.05)
    if posted[begun - 1] not in st.ids("eyelet.log.1"):
        raise AssertionError("the copy lacks lines")


def with_stand(name, check, kinds, **settings):
    st = RotatingStand(name, settings=settings)
    try:
        st.add_endpoint()
        st.start()
        # A second one, which hands its requests on.
        log = open(st.log, "ab")
        second = subprocess.Popen(
            st.as_user([st.program, "-c", st.conf, "--socket",
                        f"{st.home}/second"]),
            env=st.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        wait_for("all programs to run", SOON_S, lambda: sorted(
            st.writers().values()) == kinds, 0.05)
        check(st)
        second.terminate()
        second.wait(SOON_S)
    except BaseException:
        print(st.tail(), file=sys.stderr)
        raise
    finally:
        st.close()
    print(f"ok: {name}, {check.__name__}")


def main():
    for needed in (DEBIANS, SCRIPT):
        if not os.path.exists(needed):
            skip(f"no {needed}: apt-get install lighttpd")
    if shutil.which("logrotate", path=WebStand.path()) is None:
        skip("no logrotate: apt-get install logrotate")
    child = {"deliver.mode": "child", "deliver.program": DELIVER}
    kinds = ["eyelet-deliver", "eyelet.fcgi", "eyelet.fcgi"]
    with_stand("lighttpd", rotates, kinds, **child)
    with_stand("lighttpd-socket", copies, kinds, **child)
    return 0


if __name__ == "__main__":
    sys.exit(main())
