"""Programs that are started, waited for and ended; none outlives the measurement."""

import os
import shutil
import signal
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Failure(Exception):
    """Something that the user has to put right, in words."""


def need(program, package):
    """The path of a program, or a Failure that names its package."""
    path = shutil.which(program)
    if path is None:
        raise Failure(f"{program} is missing; install the package {package}")
    return path


def run(command, timeout=600):
    """The standard output of a program that must succeed."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout, check=False)
    except FileNotFoundError as error:
        raise Failure(f"{command[0]} is missing; was it built?") from error
    except subprocess.TimeoutExpired as error:
        raise Failure(f"{command[0]} did not end within {timeout} s") from error
    if done.returncode != 0:
        raise Failure(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def free_port():
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process, seconds):
    """Until somebody listens. Asks the kernel's table, for a connection would be work to measure."""
    wanted = f":{port:04X}"
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise Failure(f"it ended with {process.returncode} before it listened")
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table]
        if any(row[1].endswith(wanted) and row[3] == "0A" for row in rows[1:]):
            return
        time.sleep(0.05)
    raise Failure(f"nobody listens on port {port} after {seconds} s")


class Background:
    """A program that runs while something is measured. Ended when the `with` block ends."""

    def __init__(self, command, log, **options):
        self.command = command
        self.log = log
        self.options = options
        self.process = None

    def __enter__(self):
        try:
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    self.command, stdin=subprocess.DEVNULL,
                    stdout=self.options.get("stdout", log), stderr=log, text=True)
        except FileNotFoundError as error:
            raise Failure(f"{self.command[0]} is missing; was it built?") from error
        return self

    def __exit__(self, kind, value, trace):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def pid(self):
        return self.process.pid

    def end(self, seconds=60):
        """SIGTERM, and wait()."""
        self.process.send_signal(signal.SIGTERM)
        self.wait(seconds)

    def wait(self, seconds, codes=(0,)):
        """For an end that somebody asked for, with one of these exit codes."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise Failure(f"{self.command[0]} did not end within {seconds} s") from error
        if code not in codes:
            raise Failure(f"{self.command[0]} ended with {code}:\n{self.tail()}")

    def tail(self, size=2000):
        with open(self.log, "rb") as log:
            log.seek(max(0, os.path.getsize(self.log) - size))
            return log.read().decode(errors="replace")
