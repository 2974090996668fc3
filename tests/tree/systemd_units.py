#!/usr/bin/env python3
"""The units of conf/: systemd understands them, what they allow is little and
yet all that eyelet.fcgi does, and it takes a socket from systemd."""
import sys
sys.dont_write_bytecode = True

import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from deliver_stand import DeliverStand, Sink
from stand import CALL_S, SOURCE, Stand, need_the_tree, skip, wait_for
from web_stand import NOBODY, WebStand

SERVICE = "eyelet.service"
DELIVER = "eyelet-deliver.service"
# Of 10, as "systemd-analyze security" counts; one of them has the network.
EXPOSURE_MAX = {SERVICE: 1.5, DELIVER: 2}


def run(*command, **how):
    return subprocess.run(command, capture_output=True, text=True,
                          timeout=CALL_S, **how)


def calls(trace):
    """The system calls that strace wrote down."""
    with open(trace) as f:
        return {m[1] for m in re.finditer(r"^\d+ +([a-z_0-9]+)\(", f.read(),
                                          re.M)}


class ActivatedStand(WebStand):
    """nginx, with eyelet.fcgi as systemd starts it: by a first connection."""

    def service_command(self):
        return ["systemd-socket-activate", "--listen", f"{self.home}/fcgi",
                *(f"--setenv={name}" for name in self.variables()),
                self.program, "-c", self.conf]


class Units(unittest.TestCase):
    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="eyelet-units.")
        self.addCleanup(shutil.rmtree, self.top)

    def shipped(self, name):
        with open(f"{SOURCE}/conf/{name}") as f:
            return f.read()

    def place(self, name, program="/bin/true"):
        path = f"{self.top}/{name}"
        with open(path, "w") as f:
            f.write(re.sub(r"/usr/(libexec/eyelet/eyelet\.fcgi|"
                           "sbin/eyelet-deliver)", program,
                           self.shipped(name)))
        return path

    def test_units_are_understood(self):
        done = run("systemd-analyze", "--man=no", "verify",
                   self.place(SERVICE), self.place(DELIVER),
                   self.place("eyelet.socket"))
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, "", ""))

    def test_a_wrong_unit_would_be_found(self):
        path = self.place(SERVICE)
        with open(path, "a") as f:
            f.write("[Service]\nProtectSytem=strict\n")
        done = run("systemd-analyze", "--man=no", "verify", path,
                   self.place("eyelet.socket"))
        self.assertIn("ProtectSytem", done.stderr)

    def test_little_is_allowed(self):
        for name, most in EXPOSURE_MAX.items():
            done = run("systemd-analyze", "security", "--offline=true",
                       "--no-pager", self.place(name))
            found = re.search(r"exposure level for \S+: ([0-9.]+)",
                              done.stdout)
            self.assertIsNotNone(found, done.stdout + done.stderr)
            self.assertLessEqual(float(found[1]), most, done.stdout)

    def test_user_and_folders(self):
        if os.geteuid() != 0:
            self.skipTest("only root can make them")
        root = f"{self.top}/root"
        os.makedirs(f"{root}/etc")
        for name in ("passwd", "group"):
            shutil.copy(f"/etc/{name}", f"{root}/etc/{name}")
            with open(f"{root}/etc/{name}") as f:
                lines = [line for line in f if not line.startswith("eyelet:")]
            with open(f"{root}/etc/{name}", "w") as f:
                f.writelines(lines)
        for tool, name, *options in (
                ("systemd-sysusers", "eyelet.sysusers"),
                ("systemd-tmpfiles", "eyelet.tmpfiles", "--create")):
            path = self.place(name + ".conf" if "." not in name else name)
            done = run(tool, f"--root={root}", *options, path)
            self.assertEqual(done.returncode, 0, done.stderr)
        with open(f"{root}/etc/passwd") as f:
            line = [line for line in f if line.startswith("eyelet:")]
        self.assertEqual(len(line), 1)
        uid = int(line[0].split(":")[2])
        run_dir, state = (os.stat(f"{root}/{d}") for d in
                          ("run/eyelet", "var/lib/eyelet"))
        self.assertEqual((run_dir.st_uid, run_dir.st_mode & 0o7777),
                         (uid, 0o2750))
        self.assertEqual(run_dir.st_gid, pwd.getpwnam("www-data").pw_gid)
        self.assertEqual((state.st_uid, state.st_mode & 0o7777), (0, 0o755))

    def allowed_calls(self, unit=SERVICE):
        """By SystemCallFilter: groups, and those that are taken away."""
        def members(group):
            done = run("systemd-analyze", "syscall-filter", group)
            self.assertEqual(done.returncode, 0, done.stderr)
            calls = set()
            for line in done.stdout.splitlines():
                word = line.split("#")[0].strip()
                if line.startswith(" ") and word:
                    calls |= (members(word) if word.startswith("@")
                              else {word})
            return calls

        allowed = set()
        for value in re.findall(r"^SystemCallFilter=(.*)$",
                                self.shipped(unit), re.M):
            for word in value.lstrip("~").split():
                if value.startswith("~"):
                    allowed -= members(word)
                else:
                    allowed |= members(word)
        return allowed

    def test_all_that_it_does_is_allowed(self):
        allowed = self.allowed_calls()
        self.assertIn("read", allowed)
        self.assertNotIn("setuid", allowed)
        with WebStand("nginx") as stand:
            trace = f"{stand.home}/trace"
            ours = stand.service_command
            stand.service_command = lambda: [
                "strace", "-f", "-qq", "-o", trace, *ours()]
            stand.start()
            stand.add_endpoint()
            for name in ("evt_1", "evt_1", "evt_2"):
                self.assertEqual(stand.post(name)[0], 200)
            stand.tool("secret", "show", "shop")
            stand.stop_service()
            done = calls(trace)
        self.assertIn("fdatasync", done)
        # What comes before the filter is in force, and what strace calls so.
        self.assertEqual(done - allowed - {"execve"}, set())

    def test_all_that_the_deliverer_does_is_allowed(self):
        """To a URL, to a command that ends and one that is killed."""
        allowed = self.allowed_calls(DELIVER)
        with DeliverStand() as st, Sink() as sink:
            st.destination("crm", sink.url("/crm"))
            st.destination("run", None, command=["/bin/cat"])
            st.destination("late", None, command=["/bin/sleep", "60"],
                           timeout=1, retry="none")
            trace = f"{st.top}/trace"
            with open(st.said, "ab") as log:
                st.deliverer = subprocess.Popen(
                    ["strace", "-f", "-qq", "-o", trace,
                     st.tool_path("deliver"), "-c", st.conf, "-v"],
                    env=dict(st.env, ASAN_OPTIONS="detect_leaks=0:"
                             + st.env["ASAN_OPTIONS"]),
                    stdout=log, stderr=log)
            st.accept("evt_1")
            sink.wait(1, "/crm")
            st.wait_words("delivery=delivered destination=run ")
            st.wait_words("delivery=dead destination=late ")
            # strace hands a signal on to what it watches only when it ends.
            with open(f"{st.store}/deliver.lock") as f:
                os.kill(int(f.read().split()[0]), signal.SIGTERM)
            self.assertEqual(st.deliverer.wait(CALL_S), 0)
            done = calls(trace)
        self.assertIn("prctl", done)
        self.assertEqual(done - allowed - {"execve"}, set())

    def test_a_first_connection_starts_it(self):
        with ActivatedStand("nginx") as stand:
            stand.start()
            stand.add_endpoint()
            self.assertEqual(stand.status("evt_1"), "accepted")
            self.assertEqual(stand.processes(), [stand.service.pid])


for tool in ("systemd-analyze", "systemd-socket-activate", "strace", "nginx"):
    if shutil.which(tool, path=Stand.path()) is None:
        skip(f"no {tool}: apt-get install systemd strace nginx")
if os.geteuid() == 0:
    need_the_tree(NOBODY)
unittest.main(verbosity=2)
