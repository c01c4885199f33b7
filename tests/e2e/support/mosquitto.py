"""A real, unmodified mosquitto on a port of its own."""

import os
import shutil
import signal

from . import pki, ports, process, wait


def _binary():
    found = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
    assert found, "mosquitto is not installed"
    return found


class Mosquitto:
    """Running once constructed. `options`: more lines for its configuration. `tls`: the name of the
    certificate that it shows; it is then reached by TLS only."""

    def __init__(self, directory, options=(), tls=None, client_ca=None, host="127.0.0.1"):
        self.host, self.port = host, ports.free_port(host)
        self.config = os.path.join(directory, f"mosquitto-{self.port}.conf")
        lines = [f"listener {self.port} {self.host}", "allow_anonymous true", "persistence false",
                 "log_dest stderr", "log_type all", "set_tcp_nodelay true"]
        if os.getuid() == 0:
            lines.append("user root")  # it must read certificates in a folder of root's
        if tls:
            lines += [f"certfile {pki.path(tls + '.crt')}", f"keyfile {pki.path(tls + '.key')}"]
        if client_ca:
            lines += [f"cafile {pki.path(client_ca)}", "require_certificate true"]
        with open(self.config, "w") as file:
            file.write("\n".join([*lines, *options]) + "\n")
        self.log_path = os.path.join(directory, f"mosquitto-{self.port}.log")
        self.restart()

    def restart(self):
        """Starts it (again); it keeps nothing of what was."""
        with open(self.log_path, "ab") as log:
            self.process = process.start([_binary(), "-c", self.config], stdout=log, stderr=log)
        try:
            wait.until(self._ready, lambda: "mosquitto listens; it says: " + self.log())
        except BaseException:
            self.stop()
            raise

    def _ready(self):
        assert self.process.poll() is None, "mosquitto ended: " + self.log()
        return ports.is_listening(self.port, self.host)

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    def kill(self):
        """As if the machine were gone: the kernel closes its sockets."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def pause(self):
        """It reads nothing any more, but its sockets stay."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
        process.end(self.process)
