"""Free TCP ports, out of those that the system gives to nobody by itself: some time passes between asking
and binding, and meanwhile a connection may take any other. A port is handed out once per run, whichever
of the test processes asks."""

import errno
import os
import random
import socket
import tempfile

_taken = os.environ.get("SALLYPORT_E2E_PORTS") or tempfile.mkdtemp(prefix="sallyport-ports-")


def _lowest_of_system():
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        return max(int(file.read().split()[0]), 20_000)


def free_port(host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        port = random.randrange(12_000, _lowest_of_system())
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        try:
            os.close(os.open(os.path.join(_taken, str(port)), os.O_CREAT | os.O_EXCL))
            return port
        except OSError as error:
            if error.errno != errno.EEXIST:
                raise


def is_listening(port, host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(5)
        return probe.connect_ex((host, port)) == 0
