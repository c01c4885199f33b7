"""Child processes that cannot outlive the test process, and what they can be asked."""

import ctypes
import signal
import subprocess

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _die_with_parent():
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def start(args, before_exec=None, **options):
    """`before_exec` is called in the child, between fork and exec."""
    def prepare():
        _die_with_parent()
        if before_exec is not None:
            before_exec()
    options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen(args, preexec_fn=prepare, **options)


def end(process, bound=20):
    """SIGTERM, and SIGKILL where that is not enough; the exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(bound)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def resident_bytes(pid):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")
