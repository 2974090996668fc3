"""What tests need of the machine: time, ports, who they run as."""
import os
import pwd
import random
import socket

RANGE = "/proc/sys/net/ipv4/ip_local_port_range"
LOWEST = 10000
ME = pwd.getpwuid(os.geteuid()).pw_name


def slack():
    """How much longer than promised a thing may take: 1 when there is a core
    for each that wants to run, 3 when only for a third of them."""
    return max(1.0, os.getloadavg()[0] / os.cpu_count())


def free_port(host="127.0.0.1"):
    """A port that a server may bind a little later.

    None of those that the kernel gives to outgoing connections, of which other
    tests make thousands: it would be taken meanwhile.
    """
    with open(RANGE) as f:
        end = int(f.read().split()[0])
    for _ in range(100 if end > 2 * LOWEST else 0):
        port = random.randrange(LOWEST, end)
        with socket.socket() as s:
            try:
                s.bind((host, port))
                return port
            except OSError:
                pass
    with socket.socket() as s:
        s.bind((host, 0))
        return s.getsockname()[1]
