"""Free TCP ports, chosen by the system. A port is handed out once per run, whichever of the test
processes asks, because some time passes between asking and binding."""

import errno
import os
import socket
import tempfile

_taken = os.environ.get("SALLYPORT_E2E_PORTS") or tempfile.mkdtemp(prefix="sallyport-ports-")


def free_port(host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
            port = probe.getsockname()[1]
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
