"""Where and with what something was measured. Nothing that tells who measured it."""

import os
import platform
import re
import subprocess
from datetime import datetime, timezone

from measure.contender import said_version
from measure.process import need


def first_match(path, pattern):
    with open(path, encoding="utf-8") as file:
        match = re.search(pattern, file.read())
    return match[1] if match else "unknown"


def conditions(build, kinds):
    """For JSON; contenders stay in the order of the table."""
    log = os.path.join(build, "meson-logs", "meson-log.txt")
    tools = ", ".join(
        f"{name} {said_version([need(name, name), option], pattern)}" for name, option, pattern in
        (("valgrind", "--version", r"valgrind-(\S+)"), ("strace", "-V", r"version (\S+)")))
    system = first_match("/etc/os-release", r'PRETTY_NAME="?([^"\n]*)')
    kernel = platform.release().split("-")[0]
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "machine": {"cpu": first_match("/proc/cpuinfo", r"model name\s*: (.*)"),
                    "cores": os.cpu_count(),
                    "system": f"{system}, Linux {kernel} {platform.machine()}"},
        "compiler": first_match(log, r"C\+\+ compiler for the host machine: [^(]*\((\w+ [\d.]+)")
        if os.path.exists(log) else "unknown",
        "tools": tools,
        "commit": commit(),
        "contenders": {kind.name: {"title": kind.title, "worker": kind.kind,
                                   "version": kind.version(build)} for kind in kinds},
    }


def commit():
    try:
        done = subprocess.run(["git", "-C", os.path.dirname(__file__), "rev-parse", "--short=12",
                               "HEAD"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=30, check=False)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"
