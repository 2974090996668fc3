"""The stand (stand.py) behind each web server, by the configuration that is
shipped for it in conf/: only the places in it are changed."""
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess

from machine import free_port
from stand import (PROGRAM, REPLY_S, SOURCE, START_S, CALL_S, Stand,
                   skip, wait_for)

HOST = "127.0.0.1"
MODULES = "/usr/lib/apache2/modules"
NOBODY = "www-data"  # who Debian's web servers run as
GONE = "0 -"  # the connection was closed without an answer

LIGHTTPD = """
server.modules += ( "mod_openssl", "mod_setenv" )
server.bind = "{host}"
server.port = {port}
server.document-root = "{top}/www"
server.upload-dirs = ( "{top}/run" )
server.max-keep-alive-requests = 1000000
server.max-keep-alive-idle = 60
setenv.set-environment = ( {variables} )
$SERVER["socket"] == "{host}:{tls_port}" {{
	ssl.engine = "enable"
	ssl.pemfile = "{top}/both.pem"
}}
include "{top}/shipped.conf"
"""
APACHE = """
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule alias_module {modules}/mod_alias.so
LoadModule env_module {modules}/mod_env.so
LoadModule reqtimeout_module {modules}/mod_reqtimeout.so
LoadModule ssl_module {modules}/mod_ssl.so
{load}
ServerName stand
ServerRoot {top}
DefaultRuntimeDir {top}/run
PidFile {top}/run/pid
ErrorLog {top}/web.log
Listen {host}:{port}
Listen {host}:{tls_port}
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
DocumentRoot {top}/www
<Directory />
	Require all denied
</Directory>
<Directory {top}/www>
	Require all granted
</Directory>
{variables}
Include {top}/shipped.conf
<VirtualHost {host}:{tls_port}>
	SSLEngine on
	SSLCertificateFile {top}/cert.pem
	SSLCertificateKeyFile {top}/key.pem
</VirtualHost>
"""
NGINX = """
daemon off;
worker_processes 2;
pid {top}/run/pid;
error_log {top}/web.log;
events {{ }}
http {{
	access_log off;
	client_body_temp_path {top}/run/body;
	fastcgi_temp_path {top}/run/fastcgi;
	proxy_temp_path {top}/run/proxy;
	scgi_temp_path {top}/run/scgi;
	uwsgi_temp_path {top}/run/uwsgi;
	keepalive_requests 1000000;
	server {{
		listen {host}:{port};
		listen {host}:{tls_port} ssl;
		ssl_certificate {top}/cert.pem;
		ssl_certificate_key {top}/key.pem;
		include {top}/shipped.conf;
	}}
}}
"""
LOAD = "LoadModule {0}_module {modules}/mod_{0}.so\n"


class Front:
    """One way to have eyelet behind a web server."""

    def __init__(self, name, server, conf, has_service=False, load=()):
        self.name = name
        self.server = server  # lighttpd, apache2 or nginx
        self.conf = conf  # in conf/
        self.has_service = has_service  # it does not start eyelet itself
        self.load = load  # modules of Apache

    @property
    def is_cgi(self):
        return self.name.endswith("-cgi")


FRONTS = {f.name: f for f in (
    Front("lighttpd", "lighttpd", "lighttpd.conf"),
    Front("lighttpd-socket", "lighttpd", "lighttpd-socket.conf",
          has_service=True),
    Front("lighttpd-cgi", "lighttpd", "lighttpd-cgi.conf"),
    Front("apache", "apache2", "apache.conf", has_service=True,
          load=("proxy", "proxy_fcgi")),
    Front("apache-fcgid", "apache2", "apache-fcgid.conf", load=("fcgid",)),
    Front("apache-cgi", "apache2", "apache-cgi.conf", load=("cgid",)),
    Front("nginx", "nginx", "nginx.conf", has_service=True),
)}

# What each server is told to begin anew with, while it serves on.
GRACEFUL = {"lighttpd": signal.SIGUSR1, "apache2": signal.SIGUSR1,
            "nginx": signal.SIGHUP}


def anybody_shares_memory():
    try:
        return os.stat("/dev/shm").st_mode & 0o002 != 0
    except OSError:
        return False


class WebStand(Stand):
    def __init__(self, front, settings=None):
        self.front = FRONTS[front]
        for needed in (self.front.server, "openssl"):
            if shutil.which(needed, path=self.path()) is None:
                raise SystemExit(f"{needed} is not installed")
        if "fcgid" in self.front.load and not anybody_shares_memory():
            skip("mod_fcgid needs a /dev/shm that everybody may write to")
        # A program of its own place: so its processes are told from others'.
        super().__init__(user=NOBODY if os.geteuid() == 0 else None,
                         settings=settings, program=PROGRAM)

    def write_conf(self, settings):
        """Called when the folder is there, before the store is made."""
        for name in ("libexec", "run", "www", "schemes"):
            os.mkdir(f"{self.top}/{name}")
            self.own(f"{self.top}/{name}")
        self.program = f"{self.top}/libexec/eyelet.fcgi"
        shutil.copy2(PROGRAM, self.program)
        super().write_conf({
            "schemes.path": f"{SOURCE}/conf/schemes {self.top}/schemes",
            **settings})

    # --- configuration -------------------------------------------------------

    def shipped(self):
        """What is shipped, with the places of this stand."""
        with open(f"{SOURCE}/conf/{self.front.conf}") as f:
            text = f.read()
        places = {"/usr/libexec/eyelet": f"{self.top}/libexec",
                  "/run/eyelet/fcgi": f"{self.home}/fcgi",
                  "/run/lighttpd/eyelet": f"{self.home}/fcgi",
                  "/var/log/lighttpd/eyelet.log": self.log}
        for place, ours in places.items():
            text = text.replace(place, ours)
        if self.top not in text:
            raise AssertionError(f"{self.front.conf} names no place of ours")
        # Where options are given for a program, these alone count for it.
        return text.replace("MinProcesses 1", " ".join(
            f"InitialEnv {k}={v}" for k, v in self.variables().items())
            + " MinProcesses 1")

    def variables(self):
        """For programs that the web server gives an environment of its own."""
        names = {"EYELET_CONFIG": self.conf}
        for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS"):
            if self.env.get(name, ""):
                names[name] = self.env[name]
        return names

    def set_variables(self):
        pairs = self.variables().items()
        if self.front.server == "lighttpd":
            return ", ".join(f'"{k}" => "{v}"' for k, v in pairs)
        if self.front.name == "apache-cgi":
            return "\n".join(f'SetEnv {k} "{v}"' for k, v in pairs)
        return ""

    def write_web_conf(self):
        self.port = self.port or free_port()
        self.tls_port = free_port()
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-days", "1", "-subj", "/CN=stand", "-keyout",
             f"{self.top}/key.pem", "-out", f"{self.top}/cert.pem"],
            check=True, capture_output=True, timeout=CALL_S)
        with open(f"{self.top}/both.pem", "w") as f:
            for name in ("key", "cert"):
                with open(f"{self.top}/{name}.pem") as part:
                    f.write(part.read())
                self.own(f"{self.top}/{name}.pem")
        self.own(f"{self.top}/both.pem")
        with open(f"{self.top}/shipped.conf", "w") as f:
            f.write(self.shipped())
        if self.front.server == "nginx":
            shutil.copy("/etc/nginx/fastcgi_params", self.top)
        text = {"lighttpd": LIGHTTPD, "apache2": APACHE,
                "nginx": NGINX}[self.front.server]
        load = "".join(LOAD.format(name, modules=MODULES)
                       for name in self.front.load)
        with open(f"{self.top}/web.conf", "w") as f:
            f.write(text.format(
                top=self.top, host=HOST, port=self.port, load=load,
                tls_port=self.tls_port, modules=MODULES,
                variables=self.set_variables()))
            if "fcgid" in self.front.load:
                f.write(f"FcgidIPCDir {self.top}/run\n"
                        f"FcgidProcessTableFile {self.top}/run/shm\n")

    # --- processes -----------------------------------------------------------

    def service_command(self):
        return [self.program, "-c", self.conf, "--socket",
                f"{self.home}/fcgi"]

    def start_service(self):
        with open(self.log, "ab") as log:
            self.service = subprocess.Popen(
                self.as_user(self.service_command()), env=self.env,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def close(self):
        # It may be so young that it is not yet known by its name.
        if self.service is not None and self.service.poll() is None:
            self.service.kill()
        super().close()

    def stop_service(self):
        self.kill(self.processes(), signal.SIGTERM)
        self.service.wait(CALL_S)

    def start(self):
        self.write_web_conf()
        for name in (self.log, f"{self.top}/web.log"):
            open(name, "ab").close()
            self.own(name)
        if self.front.has_service:
            self.start_service()
        command = {
            "lighttpd": ["lighttpd", "-D", "-f", f"{self.top}/web.conf"],
            "apache2": ["apache2", "-DFOREGROUND", "-f",
                        f"{self.top}/web.conf"],
            "nginx": ["nginx", "-c", f"{self.top}/web.conf", "-p",
                      f"{self.top}/", "-e", f"{self.top}/web.log"],
        }[self.front.server]
        with open(f"{self.top}/web.log", "ab") as log:
            self.web = subprocess.Popen(
                self.as_user(command), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, env=dict(self.env, PATH=self.path(),
                                     EYELET_CONFIG=self.conf))
        return wait_for("the web server answers", START_S, self.answers)

    def graceful(self):
        self.web.send_signal(GRACEFUL[self.front.server])

    def processes(self):
        """Every eyelet.fcgi of this stand, and nobody else's."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if f.read().split(b"\0")[0] == self.program.encode():
                        found.append(int(pid))
            except OSError:
                continue
        return found

    def tail(self, lines=40):
        with open(f"{self.top}/web.log", errors="replace") as f:
            return super().tail(lines) + "".join(f.readlines()[-lines:])

    # --- requests ------------------------------------------------------------

    def connect(self, source=HOST, tls=False):
        s = socket.create_connection(
            (HOST, self.tls_port if tls else self.port), REPLY_S,
            (source, 0))
        if tls:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            s = context.wrap_socket(s)
        s.settimeout(REPLY_S)
        return s

    def exchange(self, pieces, source=HOST, tls=False):
        """Sends each piece by itself; what read_answer() says."""
        with self.connect(source, tls) as s:
            try:
                for piece in pieces:
                    s.sendall(piece)
            except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
                pass  # it was answered before its end
            return read_answer(s)


def read_answer(s):
    """Status and the word of the body's "status"; "-": not eyelet's."""
    said = "-"
    with http.client.HTTPResponse(s) as answer:
        try:
            answer.begin()
            said = json.loads(answer.read())["status"]
        except (ValueError, KeyError, TypeError):
            pass
        except (OSError, http.client.HTTPException):
            return GONE
        return f"{answer.status} {said}"
