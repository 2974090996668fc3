#!/usr/bin/env python3
"""Each way to start eyelet.fcgi, each option, and each way it ends.

Over a store that does as the environment says (tests/stand/fake_lib.c).
"""
import sys
sys.dont_write_bytecode = True

import os
import resource
import signal
import socket
import stat
import subprocess
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "stand"))
from fcgi_client import *  # noqa: F401,F403
from machine import ME, free_port

EX_USAGE, EX_DATAERR, EX_NOINPUT, EX_CANTCREAT, EX_CONFIG = 64, 65, 66, 73, 78
EX_NOPERM, EX_IOERR, EX_OSERR = 77, 74, 71


def resolves(host):
    try:
        return bool(socket.getaddrinfo(host.strip("[]"), 1))
    except socket.gaierror:
        return host != "localhost"


def listening_socket(path):
    s = socket.socket(socket.AF_UNIX)
    s.bind(path)
    s.listen(16)
    return s


class InFolder(unittest.TestCase):
    def setUp(self):
        self.folder = Folder()
        self.addCleanup(self.folder.remove)

    def run_it(self, *options, conf=True, env=None, program=FAKE, **popen):
        """Runs it to its end; returns status, standard output, words."""
        options = (["-c", self.folder.conf] if conf else []) + list(options)
        popen.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(
            [program, *options], env=dict(os.environ, **(env or {})),
            capture_output=True, text=True, timeout=PATIENCE, **popen)
        return done.returncode, done.stdout, done.stderr

    def start(self, *options, **more):
        program = Program(self.folder, *options, **more)
        self.addCleanup(program.kill)
        return program

    def serves(self, where, **variables):
        answer = ask(where, post(**variables))
        self.assertIsNotNone(answer)
        self.assertEqual(answer.status, 200)


class Usage(InFolder):
    def test_version(self):
        status, out, words = self.run_it("--version", conf=False)
        self.assertEqual((status, words), (0, ""))
        self.assertRegex(out, r"^eyelet\.fcgi \d+\.\d+\.\d+ \(.+\)\n$")

    def test_help(self):
        for option in ("--help", "-h"):
            status, out, words = self.run_it(option, conf=False)
            self.assertEqual((status, words), (0, ""))
            for named in ("-c FILE", "--socket", "--workers", "--store",
                          "--version", "--help"):
                self.assertIn(named, out)

    def test_wrong_use_names_the_right_use(self):
        rows = [
            ("nothing to serve", []), ("options only", ["word"]),
            ("unrecognized", ["--sokcet", "./x"]), ("-- 'x'", ["-x"]),
            ("requires an argument", ["--socket"]),
            ("--workers", ["--workers", "0"]),
            ("--workers", ["--workers", "-1"]),
            ("--workers", ["--workers", "512"]),
            ("--workers", ["--workers", "two"]),
            ("no meaning", ["--store", "--socket", "./x"]),
        ]
        for words, options in rows:
            with self.subTest(str(options)):
                status, out, said = self.run_it(*options)
                self.assertEqual((status, out), (EX_USAGE, ""))
                self.assertIn(words, said)
                self.assertIn("usage: eyelet.fcgi", said)

    def test_configuration(self):
        missing = self.folder.file("missing.conf")
        status, _, words = self.run_it("-c", missing, "--socket", "./x",
                                       conf=False)
        self.assertEqual(status, EX_NOINPUT)
        self.assertIn(missing, words)
        self.folder.configure("[receive]\nbody_mxa = 1m\n")
        status, _, words = self.run_it("--socket", "./x")
        self.assertEqual(status, EX_CONFIG)
        self.assertIn("body_max", words)
        # The environment names it, and -c goes before the environment.
        env = {"EYELET_CONFIG": self.folder.conf}
        status, _, words = self.run_it("--socket", "./x", conf=False, env=env)
        self.assertEqual(status, EX_CONFIG)
        self.folder.configure()
        program = self.start(env={"EYELET_CONFIG": missing})
        self.serves(program.socket)

    def test_configuration_is_a_regular_file(self):
        """Else it would wait for a writer, or take what somebody sends."""
        fifo = self.folder.file("fifo")
        os.mkfifo(fifo, 0o600)
        with open(self.folder.conf, "rb") as conf, \
                open(self.folder.file("gone"), "w+b") as gone:
            gone.write(conf.read())
            gone.flush()
            os.unlink(gone.name)
            rows = [
                ("a fifo", fifo, {}),
                ("a folder", self.folder.path, {}),
                ("a device", "/dev/null", {}),
                ("an endless one", "/dev/zero", {}),
                ("input, a pipe", "/dev/stdin", {"stdin": subprocess.PIPE}),
                ("input, a file", "/dev/stdin", {"stdin": conf}),
                ("input by /proc", "/proc/self/fd/0", {"stdin": conf}),
                ("input by its name", self.folder.conf, {"stdin": conf}),
                ("a file without a name", f"/proc/self/fd/{gone.fileno()}",
                 {"pass_fds": [gone.fileno()]}),
            ]
            for when, path, how in rows:
                for by in ("-c", "EYELET_CONFIG"):
                    with self.subTest((when, by)):
                        self.refuses(path, by, **how)

    def refuses(self, path, by, **how):
        options = ["--socket", self.folder.socket]
        env = dict(os.environ)
        if by == "-c":
            options += [by, path]
        else:
            env[by] = path
        how.setdefault("stdin", subprocess.DEVNULL)
        p = subprocess.Popen([FAKE, *options], env=env, text=True,
                             stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, **how)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        with p.stderr:
            status = p.wait(PATIENCE)
            words = p.stderr.read()
        if p.stdin is not None:
            p.stdin.close()
        self.assertEqual(status, EX_CONFIG, words)
        self.assertIn(f"{path} is no regular file", words)

    def test_no_store(self):
        os.rmdir(self.folder.store)
        status, _, words = self.run_it("--socket", self.folder.socket)
        self.assertEqual(status, EX_NOINPUT)
        self.assertIn(self.folder.store, words)


class Sockets(InFolder):
    def test_path(self):
        program = self.start("--socket", self.folder.socket)
        mode = os.stat(self.folder.socket).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o660)
        self.serves(self.folder.socket)
        self.assertEqual(program.stop(), 0)
        self.assertFalse(os.path.exists(self.folder.socket))

    @unittest.skipUnless(ROOT, "only root has two groups for sure")
    def test_group_of_the_folder(self):
        inside = self.folder.file("run")
        os.mkdir(inside)
        os.chown(inside, -1, 12345)
        os.chmod(inside, 0o2755)
        self.start("--socket", inside + "/s")
        self.assertEqual(os.stat(inside + "/s").st_gid, 12345)

    def test_stale_socket_is_replaced(self):
        program = self.start()
        program.kill()
        self.assertTrue(os.path.exists(self.folder.socket))
        self.start()
        self.serves(self.folder.socket)

    def test_socket_of_another_stays(self):
        self.addCleanup(listening_socket(self.folder.socket).close)
        status, _, words = self.run_it("--socket", self.folder.socket)
        self.assertEqual(status, EX_CANTCREAT)
        self.assertIn("served by another process", words)

    def test_file_that_is_no_socket_stays(self):
        path = self.folder.file("precious")
        with open(path, "w") as f:
            f.write("here to stay")
        status, _, words = self.run_it("--socket", path)
        self.assertEqual(status, EX_CANTCREAT)
        self.assertIn("no socket", words)
        self.assertEqual(os.path.getsize(path), 12)

    def test_socket_replaced_meanwhile_stays(self):
        program = self.start()
        os.unlink(self.folder.socket)
        with listening_socket(self.folder.socket):
            self.assertEqual(program.stop(), 0)
            self.assertTrue(os.path.exists(self.folder.socket))

    def test_path_too_long(self):
        status, _, words = self.run_it("--socket", "/" + "x" * 200)
        self.assertEqual(status, EX_USAGE)
        self.assertIn("too long", words)

    def test_host_and_port(self):
        for host in ("127.0.0.1", "localhost", "[::1]"):
            with self.subTest(host):
                if not resolves(host):
                    continue  # a machine without /etc/hosts
                port = free_port()
                try:
                    program = self.start("--socket", f"{host}:{port}")
                except AssertionError:
                    if host != "[::1]" or os.path.exists(
                            "/proc/net/if_inet6"):
                        raise
                    self.skipTest("no IPv6 here")
                self.serves((host.strip("[]"), port))
                self.assertEqual(program.stop(), 0)

    def test_host_and_port_that_mean_nothing(self):
        for where in ("9000", ":9000", "127.0.0.1:", "[]:9000",
                      "127.0.0.1:port", "127.0.0.1:70000"):
            with self.subTest(where):
                status, _, words = self.run_it("--socket", where)
                self.assertEqual(status, EX_USAGE, words)
                self.assertIn(where, words)

    def test_port_in_use(self):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            where = "127.0.0.1:%d" % s.getsockname()[1]
            status, _, words = self.run_it("--socket", where)
        self.assertEqual(status, EX_IOERR)
        self.assertIn(where, words)


class Replaced(InFolder):
    """With --replace another process takes the place of the first."""

    def other_store(self):
        """The options of a process that has a store of its own."""
        conf, store = self.folder.file("other.conf"), self.folder.file("other")
        os.mkdir(store, 0o700)
        with open(self.folder.conf) as f:
            text = f.read().replace(self.folder.store, store)
        with open(conf, "w") as f:
            f.write(text)
        return ["-c", conf, "--socket", self.folder.socket, "--replace"]

    def next_one(self, *options, **more):
        if not options:
            options = ("-c", self.folder.conf, "--socket", self.folder.socket,
                       "--replace")
        log = open(self.folder.file("next.log"), "ab")
        self.addCleanup(log.close)
        p = subprocess.Popen([FAKE, *options], stdin=subprocess.DEVNULL,
                             stdout=log, stderr=log, **more)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        return p

    def stays(self, program, before):
        """The first one has its place still."""
        time.sleep(0.6)  # it looks around every 0.25 s
        self.assertIsNone(program.process.poll(), program.log())
        self.assertEqual(os.stat(self.folder.socket).st_ino, before)
        self.assertFalse(os.path.exists(self.folder.socket + ".new"))
        self.serves(self.folder.socket)

    def fence(self, words):
        """Has the process at the socket execute itself anew."""
        before = words()
        ask(self.folder.socket, post(query="fence"))
        wait_until(lambda: words() > before, "a new start")
        wait_until(lambda: ask(self.folder.socket, post()).status == 200,
                   "service")

    def test_one_that_cannot_start_leaves_it(self):
        program = self.start()
        before = os.stat(self.folder.socket).st_ino
        status, _, words = self.run_it(
            "--socket", self.folder.socket, "--replace",
            preexec_fn=at_most_files(16, 200))
        self.assertEqual(status, EX_OSERR, words)
        self.stays(program, before)

    def test_one_whose_store_fails_leaves_it(self):
        program = self.start()
        before = os.stat(self.folder.socket).st_ino
        down = self.folder.file("down")
        with open(down, "w") as f:
            f.write("corrupt")
        status, _, words = self.run_it(*self.other_store(), conf=False,
                                       env={"FAKE_DOWN": down})
        self.assertEqual(status, EX_DATAERR, words)
        self.stays(program, before)

    def test_it_serves_until_the_next_one_can(self):
        program = self.start()
        before = os.stat(self.folder.socket).st_ino
        p = self.next_one(*self.other_store(),
                          env=dict(os.environ, FAKE_OPEN_MS="2000"))
        wait_until(lambda: os.path.exists(self.folder.socket + ".new"),
                   "the next socket")
        self.assertEqual(os.stat(self.folder.socket).st_ino, before)
        self.serves(self.folder.socket)
        self.assertEqual(program.wait(), 0)
        self.assertIn("taken over the socket", program.log())
        self.assertNotEqual(os.stat(self.folder.socket).st_ino, before)
        self.assertFalse(os.path.exists(self.folder.socket + ".new"))
        self.serves(self.folder.socket)
        p.terminate()
        self.assertEqual(p.wait(PATIENCE), 0)
        self.assertFalse(os.path.exists(self.folder.socket))

    def test_of_two_at_once_one_takes_it(self):
        program = self.start()
        slow = self.next_one(*self.other_store(),
                             env=dict(os.environ, FAKE_OPEN_MS="2000"))
        wait_until(lambda: os.path.exists(self.folder.socket + ".new"),
                   "the next socket")
        p = self.next_one()
        self.assertEqual(program.wait(), 0)
        self.assertEqual(slow.wait(PATIENCE), EX_CANTCREAT)
        self.assertIsNone(p.poll())
        self.serves(self.folder.socket)

    def test_a_process_that_started_anew_has_its_path_still(self):
        program = self.start()
        self.fence(lambda: program.log().count("owns the store"))
        p = self.next_one()
        self.assertEqual(program.wait(), 0)
        self.assertIn("taken over the socket", program.log())

        def owned():
            with open(self.folder.file("next.log")) as f:
                return f.read().count("this process owns the store")
        wait_until(lambda: owned() == 1, "the next owner")
        self.fence(owned)
        self.serves(self.folder.socket)
        p.terminate()
        self.assertEqual(p.wait(PATIENCE), 0)
        self.assertFalse(os.path.exists(self.folder.socket))


class HandedOver(InFolder):
    def activate(self, *options, fds="1", with_socket=True, pid=None, env=None):
        """As systemd does: descriptor 3, and LISTEN_PID is the program's."""
        script = (f"LISTEN_PID={pid or '$$'} LISTEN_FDS={fds} "
                  "LISTEN_FDNAMES=x exec \"$@\"")
        if with_socket:
            script += " 3<&0 </dev/null"
        s = listening_socket(self.folder.file("activated"))
        self.addCleanup(s.close)
        command = ["sh", "-c", script, "sh", FAKE, "-c", self.folder.conf,
                   *options]
        log = open(self.folder.file("log"), "wb")
        self.addCleanup(log.close)
        p = subprocess.Popen(command, stdin=s, stdout=log, stderr=log,
                             env=dict(os.environ, **(env or {})))
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        return p

    def said(self):
        with open(self.folder.file("log")) as f:
            return f.read()

    def test_socket_activation(self):
        p = self.activate()
        self.serves(self.folder.file("activated"))
        # It leaves the socket's file where it is.
        p.terminate()
        self.assertEqual(p.wait(PATIENCE), 0)
        self.assertTrue(os.path.exists(self.folder.file("activated")))

    def test_socket_activation_goes_first(self):
        self.activate("--socket", self.folder.socket)
        self.serves(self.folder.file("activated"))
        self.assertFalse(os.path.exists(self.folder.socket))

    def test_socket_activation_for_another_process(self):
        p = self.activate(pid=1)
        self.assertEqual(p.wait(PATIENCE), EX_USAGE)
        self.assertIn("nothing to serve", self.said())

    def test_wrong_socket_activation(self):
        for fds in ("0", "2", "x"):
            p = self.activate(fds=fds)
            os.unlink(self.folder.file("activated"))
            self.assertEqual(p.wait(PATIENCE), EX_USAGE)
            self.assertIn(f"LISTEN_FDS is \"{fds}\"", self.said())
        p = self.activate(with_socket=False)
        self.assertEqual(p.wait(PATIENCE), EX_USAGE)
        self.assertIn("no listening", self.said())

    def test_descriptor_0(self):
        with listening_socket(self.folder.file("zero")) as s:
            program = self.start(stdin=s)
        self.serves(self.folder.file("zero"))
        if ROOT:
            self.assertEqual(os.readlink(f"/proc/{program.pid}/fd/0"),
                             "/dev/null")
        # Fenced, it finds the same socket again.
        ask(self.folder.file("zero"), post(query="fence"))
        program.wait_for_log("owns the store", 2)
        self.serves(self.folder.file("zero"))
        self.assertEqual(program.stop(), 0)

    # What a web server sets for CGI, or a shell in a web page hands on.
    GATEWAYS = ({"GATEWAY_INTERFACE": "CGI/1.1"}, {"REQUEST_METHOD": "GET"},
                {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET"})

    def test_socket_goes_before_the_environment(self):
        """Who was handed a socket serves it, and its options are read."""
        for gateway in self.GATEWAYS:
            with self.subTest(gateway):
                at = self.folder.file("zero")
                with listening_socket(at) as s:
                    program = self.start("--workers", "3", stdin=s,
                                         env=gateway)
                self.serves(at)
                self.assertEqual(program.workers(), 3)
                self.assertEqual(program.stop(), 0)
                os.unlink(at)
                # The same from systemd.
                p = self.activate("--workers", "3", env=gateway)
                at = self.folder.file("activated")
                self.serves(at)
                p.terminate()
                self.assertEqual(p.wait(PATIENCE), 0)
                os.unlink(at)

    def spawner(self, script):
        """A parent that begins the program, and its child's pid."""
        s = listening_socket(self.folder.file("zero"))
        with s, open(self.folder.file("log"), "wb") as log:
            parent = subprocess.Popen(
                ["sh", "-c", script, "sh", FAKE, "-c", self.folder.conf],
                stdin=s, stdout=subprocess.PIPE, stderr=log)
        self.addCleanup(parent.wait)
        self.addCleanup(parent.kill)
        pid = int(parent.stdout.readline())
        parent.stdout.close()
        self.addCleanup(lambda: self.is_alive(pid) and
                        os.kill(pid, signal.SIGKILL))
        self.serves(self.folder.file("zero"))
        return parent, pid

    @staticmethod
    def is_alive(pid):
        try:
            with open(f"/proc/{pid}/stat") as f:
                return f.read().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False

    # A shell gives what it begins behind it no input but what is asked for.
    SPAWN = "exec 3<&0; \"$@\" <&3 >/dev/null & echo $!; wait"

    def test_ends_with_its_web_server(self):
        parent, pid = self.spawner(self.SPAWN)
        with Connection(self.folder.file("zero")) as c:
            c.send(post(query="wait=1000"))
            time.sleep(0.3)
            parent.kill()
            # What is in hand is finished first.
            self.assertEqual(c.answer().status, 200)
        wait_until(lambda: not self.is_alive(pid), "its end")
        self.assertIn("web server is gone", self.said())

    def test_ends_with_its_web_server_after_a_new_start(self):
        parent, pid = self.spawner(self.SPAWN)
        ask(self.folder.file("zero"), post(query="fence"))
        wait_until(lambda: self.said().count("owns the store") == 2, "start")
        self.assertTrue(self.is_alive(pid))
        parent.kill()
        wait_until(lambda: not self.is_alive(pid), "its end")

    def test_stays_where_a_new_one_would_not_start(self):
        parent, pid = self.spawner(self.SPAWN)
        self.folder.configure("[receive]\nbody_mxa = 1m\n")
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: "is not followed" in self.said(), "the log")
        self.assertIn("body_max", self.said())
        self.serves(self.folder.file("zero"))
        self.folder.configure()
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: self.said().count("owns the store") == 2, "start")
        self.serves(self.folder.file("zero"))
        parent.kill()
        wait_until(lambda: not self.is_alive(pid), "its end")

    def test_stays_when_it_leads_a_session(self):
        """spawn-fcgi begins it so, and ends at once."""
        parent, pid = self.spawner(
            self.SPAWN.replace("\"$@\"", "setsid \"$@\""))
        parent.kill()
        time.sleep(1)
        self.assertTrue(self.is_alive(pid))
        self.serves(self.folder.file("zero"))
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not self.is_alive(pid), "its end")


def at_most_files(soft, hard):
    return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Running(InFolder):
    def test_too_few_descriptors(self):
        for hard in (16, 32, 255):
            status, _, words = self.run_it(
                "--socket", self.folder.file("s"),
                preexec_fn=at_most_files(16, hard))
            self.assertEqual(status, EX_OSERR, words)
            self.assertIn(f"at most {hard} files may be open, and 256 are",
                          words)
            self.assertIn("ulimit -Hn", words)

    def test_a_soft_limit_of_descriptors_is_raised(self):
        for hard, said in ((300, "at most 8 connections at once, as only 300"),
                           (4608, None)):
            where = self.folder.file(f"s{hard}")
            program = self.start("--socket", where,
                                 preexec_fn=at_most_files(16, hard))
            wait_for_socket(where)
            self.serves(where)
            with open(f"/proc/{program.pid}/limits") as f:
                line = next(li for li in f if li.startswith("Max open files"))
            self.assertEqual(line.split()[3:5], [str(hard), str(hard)])
            self.assertEqual("connections at once" in program.log(),
                             said is not None)
            if said is not None:
                self.assertIn(said, program.log())
            program.stop()

    def test_workers(self):
        cores = min(max(2, os.cpu_count()), 16)
        for options, settings, want in (
                (["--workers", "5"], "", 5), (["--workers", "1"], "", 1),
                ([], "workers = 7\n", 7),
                (["--workers", "3"], "workers = 7\n", 3), ([], "", cores)):
            with self.subTest(str((options, settings))):
                self.folder.configure(settings)
                program = self.start(*options)
                self.assertEqual(program.workers(), want)
                self.serves(program.socket)
                self.assertEqual(program.stop(), 0)

    def test_is_private(self):
        program = self.start(
            preexec_fn=lambda: os.umask(0))
        with open(f"/proc/{program.pid}/limits") as f:
            core = [line for line in f if line.startswith("Max core")]
        self.assertEqual(core[0].split()[4:6], ["0", "0"])
        with open(f"/proc/{program.pid}/status") as f:
            self.assertIn("Umask:\t0077\n", f.read())
        # Undumpable processes belong to root in /proc, whoever runs them.
        if not ROOT:
            self.assertEqual(os.stat(f"/proc/{program.pid}/environ").st_uid,
                             0)

    @unittest.skipUnless(ROOT, "only root can become somebody else")
    def test_becomes_the_owner_of_the_store(self):
        run = self.folder.file("run")  # the configuration's stays root's
        os.mkdir(run)
        os.chmod(self.folder.path, 0o755)
        for path in (self.folder.store, run):
            os.chown(path, 12345, 12346)
        self.folder.socket = os.path.join(run, "fcgi.sock")
        program = self.start()
        with open(f"/proc/{program.pid}/status") as f:
            text = f.read()
        self.assertIn("Uid:\t12345\t12345\t12345\t12345\n", text)
        self.assertIn("Gid:\t12346\t12346\t12346\t12346\n", text)
        self.assertEqual(os.stat(f"/proc/{program.pid}/environ").st_uid, 0)
        self.serves(program.socket)
        self.assertEqual(program.stop(), 0)

    @unittest.skipUnless(ROOT, "only root can look")
    def test_descriptors_are_closed_on_exec(self):
        program = self.start()
        self.serves(program.socket)
        for fd in os.listdir(f"/proc/{program.pid}/fdinfo"):
            try:
                with open(f"/proc/{program.pid}/fdinfo/{fd}") as f:
                    flags = int([line.split()[1] for line in f
                                 if line.startswith("flags")][0], 8)
            except FileNotFoundError:
                continue  # closed since
            self.assertEqual(bool(flags & os.O_CLOEXEC), int(fd) > 2, fd)

    def test_without_standard_descriptors(self):
        def close_all():
            for fd in range(3):
                os.close(fd)
        folder = self.folder
        p = subprocess.Popen([FAKE, "-c", folder.conf, "--socket",
                              folder.socket], preexec_fn=close_all)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        wait_for_socket(folder.socket)
        self.serves(folder.socket)
        for fd in range(3) if ROOT else ():
            self.assertEqual(os.readlink(f"/proc/{p.pid}/fd/{fd}"),
                             "/dev/null")
        p.terminate()
        self.assertEqual(p.wait(PATIENCE), 0)

    def test_requests_wait_while_the_store_opens(self):
        program = self.start(env={"FAKE_OPEN_MS": "1500"}, wait=False)
        wait_for_socket(program.socket)
        began = time.monotonic()
        self.serves(program.socket)
        self.assertGreater(time.monotonic() - began, 0.8)

    def test_long_opening_is_answered_503(self):
        program = self.start(env={"FAKE_OPEN_MS": "9000"}, wait=False)
        wait_for_socket(program.socket)
        began = time.monotonic()
        answer = ask(program.socket, post())
        self.assertEqual(answer.status, 503)
        self.assertTrue(4 < time.monotonic() - began < 8.5)
        program.wait_for_log("owns the store")
        self.serves(program.socket)

    def test_store_that_is_down_for_a_while(self):
        down = self.folder.file("down")
        with open(down, "w") as f:
            f.write("full")
        program = self.start(env={"FAKE_DOWN": down}, wait=False)
        program.wait_for_log("the store is not open")
        began = time.monotonic()
        answer = ask(program.socket, post())
        self.assertEqual((answer.status, answer.headers["retry-after"]),
                         (503, "5"))
        self.assertLess(time.monotonic() - began, 4)
        program.wait_for_log("fault=\"the fake store is down (full)\"")
        os.unlink(down)
        program.wait_for_log("owns the store")
        self.serves(program.socket)
        self.assertEqual(program.stop(), 0)

    def test_store_that_only_somebody_can_mend(self):
        down = self.folder.file("down")
        for code, status in (("corrupt", EX_DATAERR), ("version", EX_DATAERR),
                             ("denied", EX_NOPERM), ("config", EX_CONFIG)):
            with open(down, "w") as f:
                f.write(code)
            got, _, words = self.run_it("--socket", self.folder.socket,
                                        env={"FAKE_DOWN": down})
            self.assertEqual(got, status)
            self.assertIn(f"the fake store is down ({code})", words)

    def test_reload_without_memory_changes_nothing(self):
        program = self.start()
        for mount, refused in (("/no-memory", True), ("/in", False)):
            self.folder.configure(f"[receive]\nmount = {mount}\n")
            program.signal(signal.SIGHUP)
            if refused:
                program.wait_for_log("the old settings stay in force: no memory")
            else:
                program.wait_for_log("changed: receive.mount=/in")
            self.assertEqual("other schemes are in force" in program.log(),
                             not refused)
        self.serves(program.socket)
        self.assertEqual(program.stop(), 0)

    def test_second_process_does_not_own(self):
        self.start()
        second = Program(self.folder, "--socket", self.folder.file("second"),
                         wait=False)
        self.addCleanup(second.kill)
        second.wait_for_log("requests go there")
        self.assertEqual(second.stop(), 0)


def at_most_memory(mib):
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (mib << 20,) * 2)


def is_sanitized():
    with open(EYELET, "rb") as f:
        return b"__asan_init" in f.read()


@unittest.skipIf(is_sanitized(), "the sanitizer takes terabytes of addresses")
class Memory(InFolder):
    """The real store, with less memory than it needs."""

    NO_MEMORY = (
        "eyelet: no memory is left for the store, so this process ends; "
        "nothing that was answered is lost. Raise its limit (\"ulimit -v\", "
        "MemoryMax= in a unit of systemd), or lower store.cache in "
        "eyelet.conf\n")
    RAISE = ": raise the limit of memory ("

    def setUp(self):
        super().setUp()
        folder = self.folder
        folder.configure(program=EYELET)
        os.rmdir(folder.store)
        os.mkdir(folder.file("keys"), 0o700)
        with open(folder.conf) as f:
            conf = f.read()
        with open(folder.conf, "w") as f:
            f.write(conf.replace("store.key", "keys/store.key"))
        subprocess.run(
            [os.path.join(TOP, "admin", "eyelet-store"), "-c", folder.conf,
             "init", "--user", ME], check=True, capture_output=True)

    def end_with(self, mib):
        """Its exit status, or None where it runs on, and its words."""
        program = self.start(program=EYELET, wait=False,
                             preexec_fn=at_most_memory(mib))
        wait_until(lambda: program.process.poll() is not None or
                   "note=" in program.log(), f"an end with {mib} MiB")
        status = program.process.poll()
        words = program.log()
        if status is None:
            self.assertEqual(program.stop(), 0)
        return status, words

    def test_it_ends_with_words_and_a_cure(self):
        ended = 0
        limited = 0
        for mib in (40, 48, 56, 64, 72, 80, 88, 96, 128):
            with self.subTest(mib):
                status, words = self.end_with(mib)
                if status is None:
                    self.assertRegex(words, "owns the store|requests get 503")
                    self.assertEqual("requests get 503" in words,
                                     self.RAISE in words, words)
                    limited += self.RAISE in words
                    continue
                ended += 1
                self.assertEqual((status, words),
                                 (EX_OSERR, self.NO_MEMORY))
        self.assertGreater(ended, 0)
        self.assertGreater(limited, 0)
        # The cure.
        program = self.start(program=EYELET)
        self.assertEqual(program.stop(), 0)


def traceable():
    """Only root can trace what is not dumpable."""
    return ROOT and subprocess.run(
        ["which", "strace"], stdout=subprocess.DEVNULL).returncode == 0


# The leak sanitizer traces, too, and cannot where somebody else does.
NO_LEAKS = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") +
            ":detect_leaks=0"}


class Notify(InFolder):
    """What systemd hears, sd_notify(3)."""

    def setUp(self):
        super().setUp()
        self.systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.systemd.close)
        self.systemd.bind(self.folder.file("notify"))
        self.systemd.settimeout(PATIENCE)

    def begin(self, *args, wait=True, **env):
        return self.start(*args, wait=wait, env={
            "NOTIFY_SOCKET": self.folder.file("notify"), **env})

    def hears(self):
        return self.systemd.recv(256).decode()

    def test_ready_and_stopping(self):
        program = self.begin()
        self.assertEqual(self.hears(), "READY=1")
        self.serves(self.folder.socket)
        program.signal()
        self.assertEqual(self.hears(), "STOPPING=1")
        self.assertEqual(program.wait(), 0)

    def test_not_ready_before_the_store_was_opened(self):
        self.begin(FAKE_OPEN_MS="3000", wait=False)
        self.systemd.settimeout(1)
        with self.assertRaises(TimeoutError):
            self.hears()
        self.systemd.settimeout(PATIENCE)
        self.assertEqual(self.hears(), "READY=1")

    def hears_ready(self):
        """How often the watchdog was told before."""
        for told in range(100):
            words = self.hears()
            if words == "READY=1":
                return told
            self.assertEqual(words, "WATCHDOG=1")
        return self.fail("it is never ready")

    def test_watchdog_is_told_while_the_store_opens(self):
        """It runs on from before where the program is executed anew."""
        self.begin(FAKE_OPEN_MS="4000", WATCHDOG_USEC="1500000", wait=False)
        self.systemd.settimeout(1.5)
        self.assertGreater(self.hears_ready(), 3)

    def test_watchdog_while_it_answers(self):
        program = self.begin(WATCHDOG_USEC="300000")
        self.hears_ready()
        for _ in range(3):
            self.assertEqual(self.hears(), "WATCHDOG=1")
        self.assertNotIn("status=200", program.log())
        # Where nothing can connect, nothing answers.
        os.rename(self.folder.socket, self.folder.socket + ".away")
        self.systemd.settimeout(1)
        with self.assertRaises(TimeoutError):
            for _ in range(20):
                self.assertEqual(self.hears(), "WATCHDOG=1")
        os.rename(self.folder.socket + ".away", self.folder.socket)
        self.systemd.settimeout(PATIENCE)
        self.assertEqual(self.hears(), "WATCHDOG=1")

    def test_watchdog_of_one_that_took_over_the_socket(self):
        """Its socket was made beside the other's."""
        self.start()
        self.begin("--replace", WATCHDOG_USEC="1500000")
        self.hears_ready()
        for _ in range(3):
            self.assertEqual(self.hears(), "WATCHDOG=1")

    def test_watchdog_of_another_process(self):
        self.begin(WATCHDOG_USEC="300000", WATCHDOG_PID="1")
        self.assertEqual(self.hears(), "READY=1")
        self.systemd.settimeout(1)
        with self.assertRaises(TimeoutError):
            self.hears()


class Log(InFolder):
    def test_a_line_for_each_request(self):
        program = self.start()
        for i in range(10):
            self.serves(program.socket)
        ask(program.socket, post(query="status=404"))
        self.assertEqual(program.stop(), 0)
        lines = program.log().splitlines()
        stamp = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "
        for line in lines:
            self.assertRegex(line, stamp)
        requests = [line for line in lines if " status=" in line]
        self.assertEqual(len(requests), 11)
        self.assertRegex(requests[0],
                         stamp + r"status=200 answer=echo ms=\d+\.\d{3}$")
        self.assertIn("status=404", requests[10])

    def test_lines_are_gathered(self):
        """No request waits for a write of its own."""
        trace = self.folder.file("trace")
        if not traceable():
            self.skipTest("no strace, or not root")
        program = self.start(env=NO_LEAKS)
        tracer = subprocess.Popen(
            ["strace", "-qq", "-f", "-e", "trace=write", "-o", trace, "-p",
             str(program.pid)], stderr=subprocess.DEVNULL)
        self.addCleanup(tracer.wait)
        self.addCleanup(tracer.terminate)
        wait_until(lambda: os.path.exists(trace), "strace")
        time.sleep(0.3)
        with Connection(program.socket) as c:
            for _ in range(200):
                c.send(post(keep=True, query="here"))
                c.answer()
        self.assertEqual(program.stop(), 0)
        tracer.wait()
        with open(trace) as f:
            writes = [line for line in f if "write(2," in line]
        self.assertEqual(program.log().count("status=200"), 200)
        self.assertTrue(0 < len(writes) < 60, len(writes))

    def test_log_that_nobody_reads(self):
        """Lines are dropped and counted; no request waits."""
        read_end, write_end = os.pipe()
        p = subprocess.Popen([FAKE, "-c", self.folder.conf, "--socket",
                              self.folder.socket], stderr=write_end,
                             stdin=subprocess.DEVNULL)
        os.close(write_end)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        wait_for_socket(self.folder.socket)
        with Connection(self.folder.socket) as c:
            for _ in range(9000):
                c.send(post(keep=True, query="here"))
                self.assertEqual(c.answer().status, 200)
        p.terminate()
        text = b""
        with os.fdopen(read_end, "rb") as f:
            text = f.read()
        self.assertEqual(p.wait(PATIENCE), 0)
        lines = text.count(b" status=200 ")
        dropped = sum(int(line.split(b'note="')[1].split()[0])
                      for line in text.splitlines() if b"dropped" in line)
        self.assertGreater(dropped, 0)
        # Among the dropped ones may be the two notes that are no requests.
        self.assertIn(lines + dropped, (9000, 9001, 9002))

    def test_end_does_not_wait_for_the_log(self):
        read_end, write_end = os.pipe()
        p = subprocess.Popen([FAKE, "-c", self.folder.conf, "--socket",
                              self.folder.socket], stderr=write_end,
                             stdin=subprocess.DEVNULL)
        os.close(write_end)
        self.addCleanup(os.close, read_end)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        wait_for_socket(self.folder.socket)
        with Connection(self.folder.socket) as c:
            for _ in range(3000):
                c.send(post(keep=True, query="here"))
                self.assertEqual(c.answer().status, 200)
        p.terminate()
        self.assertEqual(p.wait(PATIENCE), 0)

    def test_syslog(self):
        if not traceable():
            self.skipTest("no strace, or not root")
        self.folder.configure("log = syslog\n")
        trace = self.folder.file("trace")
        p = subprocess.Popen(
            # -D: the program is this child, strace another process.
            ["strace", "-D", "-qq", "-f", "-s", "300", "-e",
             "trace=connect,sendto", "-o", trace, FAKE, "-c",
             self.folder.conf, "--socket", self.folder.socket],
            env=dict(os.environ, **NO_LEAKS),
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        wait_for_socket(self.folder.socket)
        self.serves(self.folder.socket)
        p.terminate()
        _, words = p.communicate(timeout=PATIENCE)
        self.assertEqual((p.returncode, words), (0, b""))
        with open(trace) as f:
            text = f.read()
        self.assertIn("/dev/log", text)
        if os.path.exists("/dev/log"):
            self.assertRegex(text, r"eyelet\.fcgi\[\d+\]: status=200 answer=echo ms=")


if __name__ == "__main__":
    main()
