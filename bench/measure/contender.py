"""What stands between clients and broker while it is measured: one program, one worker, one port."""

import os
import re
import signal
import subprocess
from dataclasses import dataclass

from measure.process import Background, Failure, free_port, need, wait_for_port


@dataclass(frozen=True)
class Site:
    """Where a contender is set up, and with what; the same for all of them."""
    build: str                          # build directory of Sallyport
    pki: str                            # ca.crt, and server and bench-1 with .crt, .key and .pem
    folder: str                         # for its files, of its own
    broker: int                         # port of the broker, on loopback
    workers: int = 1
    client_certificates: bool = False


class Contender:
    """A program that clients connect to, running while its `with` block runs. Whoever derives from
    it says how the program is called and configured."""

    name = None                         # on the command line and in files
    title = None                        # in tables
    program = None
    package = None                      # of Debian, that brings the program
    is_broker = False                   # there is no sink behind it
    kind = "one process"                # how "one worker" is meant
    end_codes = (0, -signal.SIGTERM)    # SIGTERM is an orderly end where nobody catches it

    def __init__(self, site, wrap=None):
        self.site = site
        self.port = free_port()
        command = self.configure()
        self.background = Background(wrap(command) if wrap else command, self.path("log"))

    def configure(self):
        """Writes the program's files; its command, in the foreground."""
        raise NotImplementedError

    @classmethod
    def version(cls, build):
        """The version of the program as it says it itself."""
        raise NotImplementedError

    @classmethod
    def executable(cls, _build):
        return need(cls.program, cls.package)

    def path(self, name):
        return os.path.join(self.site.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def __enter__(self):
        self.background.__enter__()
        try:
            wait_for_port(self.port, self.background.process, 120)
        except Failure as failure:
            self.background.__exit__(None, None, None)
            raise Failure(f"{self.name} does not start: {failure}\n{self.background.tail()}") \
                from failure
        return self

    def __exit__(self, *error):
        self.background.__exit__(*error)

    @property
    def pid(self):
        """An instrument that wraps the command becomes the program by exec."""
        return self.background.pid

    def end(self):
        """An orderly end, so that nothing that went wrong goes unseen."""
        os.kill(self.pid, signal.SIGTERM)
        self.background.wait(120, codes=self.end_codes)


def said_version(command, pattern):
    """The version in what a program prints about itself, wherever it prints it."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=30, check=False)
    match = re.search(pattern, done.stdout + done.stderr)
    return match[1] if match else "unknown"
