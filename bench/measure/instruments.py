"""What is counted while a contender works. An instrument counts in windows: what the program and all
of its threads do between start() and stop()."""

import os
import re
import signal
import subprocess
import time

from measure import callgrind
from measure.process import Failure, need, run


class Instructions:
    """Instructions in user space, by valgrind's callgrind. Outside of a window the program runs
    uncounted, and so much faster."""

    name = "instructions"

    def __init__(self, folder, with_functions=False):
        self.out = os.path.join(folder, "callgrind")
        self.with_functions = with_functions
        self.windows = 0
        self.pid = None

    def wrap(self, command):
        return callgrind.wrap(command, self.out, at_start=False)

    def start(self, pid):
        self.pid = pid
        self.control("--instr=on")

    def stop(self):
        """{(function, library): instructions}; without functions all is one."""
        self.control("--dump=window")
        self.control("--instr=off")
        self.windows += 1
        out = f"{self.out}.{self.windows}"
        if self.with_functions:
            return callgrind.functions(out)
        return {("", ""): callgrind.total(out)}

    def control(self, what):
        said = run([need("callgrind_control", "valgrind"), what, str(self.pid)])
        if "OK" not in said:
            raise Failure(f"callgrind_control {what}: {said}")


class SystemCalls:
    """By strace, which is attached for the window only."""

    name = "calls"

    def __init__(self, folder):
        self.out = os.path.join(folder, "strace")
        self.strace = None

    @staticmethod
    def wrap(command):
        return command

    def start(self, pid):
        self.strace = subprocess.Popen(
            [need("strace", "strace"), "-f", "-c", "-o", self.out, "-p", str(pid)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        line = self.strace.stderr.readline()
        if "attached" not in line:
            self.strace.kill()
            raise Failure(f"strace cannot trace: {line}{self.strace.communicate()[1]}")

    def stop(self):
        """{name: system calls}"""
        self.strace.send_signal(signal.SIGINT)
        self.strace.communicate(timeout=60)
        calls = {}
        with open(self.out, encoding="utf-8") as file:
            for line in file:
                # % time, seconds, usecs/call, calls, [errors,] name
                match = re.match(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z]\w*)$", line)
                if match and match[2] != "total":
                    calls[match[2]] = int(match[1])
        return calls


class CpuTime:
    """As the kernel's scheduler counts it, with system calls, in microseconds: the sum of
    /proc/PID/task/*/schedstat, and of threads that have ended as well, which leave no file."""

    name = "cpu_us"

    def __init__(self, _folder):
        self.clock = None
        self.before = None

    @staticmethod
    def wrap(command):
        return command

    def start(self, pid):
        # What clock_getcpuclockid(3) makes of a process.
        self.clock = (~pid << 3) | 2
        self.before = time.clock_gettime_ns(self.clock)

    def stop(self):
        return {"": (time.clock_gettime_ns(self.clock) - self.before) / 1000}


def proportional_set_size(pid):
    """PSS in bytes."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    raise Failure(f"/proc/{pid}/smaps_rollup has no line Pss")
