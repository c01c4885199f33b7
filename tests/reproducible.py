#!/usr/bin/python3
"""Builds the source in two folders, and holds that they make the same: tests/reproducible.py [--all]

Release flags, no compiler cache, folders whose names differ in length and characters. Without --all it is a
small program around the libraries of packets, linked with the optimization over all that the release build has:
a minute and a half of one core. With --all it is the whole program and what it says of itself, which takes ten
times as long. Objects are not compared: what they keep for that optimization has random names, of which
nothing is left in a program. The last line says "N passed, N failed".
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PARTS = ["src/base/libbase.a", "src/mqtt/libmqtt.a"]
WHOLE = ["src/cli/sallyport", "deploy/sallyport.1", "deploy/gateway.toml.5", "deploy/sallyport", "deploy/_sallyport"]
PROGRAM = """#include "sallyport/framer.h"
int main(int argc, char**) {
  const auto byte = static_cast<std::uint8_t>(argc);
  return static_cast<int>(sallyport::mqtt::next_frame({&byte, 1}, {}).status);
}
"""


def run(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stdout[-4000:]}\n0 passed, 1 failed")
    return done.stdout


def copy(folder):
    """What belongs to the source and nothing else, as a released archive has it, with one time for all."""
    inside = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                            capture_output=True, text=True, check=False).stdout.split("\0")
    for name in filter(None, inside):
        source, target = os.path.join(ROOT, name), os.path.join(folder, name)
        if os.path.exists(source):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(source, target, follow_symlinks=False)
    if not os.path.exists(os.path.join(folder, "meson.build")):  # the source is no git tree
        shutil.copytree(ROOT, folder, dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns("build*", ".*"))
    with open(os.path.join(folder, "REVISION"), "w", encoding="utf-8") as file:
        file.write("v1-of-a-test\n")
    return folder


def make(folder, targets):
    """target -> its hash."""
    build = os.path.join(copy(folder), "build")
    environment = {**os.environ, "CC": "gcc", "CXX": "g++", "CCACHE_DISABLE": "1"}
    run("meson", "setup", build, folder, "--buildtype=release", env=environment)
    run("ninja", "-C", build, *targets, env=environment)
    if targets == PARTS:
        source = os.path.join(build, "program.cc")
        with open(source, "w", encoding="utf-8") as file:
            file.write(PROGRAM)
        run("g++", "-std=c++23", "-O3", "-flto=auto", "-I../include", "-I../src", "program.cc", PARTS[1], PARTS[0],
            "-Wl,-z,relro,-z,now", "-o", "program", cwd=build)
        targets = ["program"]
    made = [os.path.join(build, target) for target in targets]
    hashes = {}
    for path in made:
        with open(path, "rb") as file:
            content = file.read()
        assert folder.encode() not in content, f"{path} names the folder in which it was built"
        hashes[os.path.relpath(path, build)] = hashlib.sha256(content).hexdigest()
    return hashes


def main():
    if sys.argv[1:] not in ([], ["--all"]):
        sys.exit(__doc__)
    targets = WHOLE if sys.argv[1:] else PARTS
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="sallyport-same-") as top:
        one = make(os.path.join(top, "a"), targets)
        other = make(os.path.join(top, "another one, much deeper", "sällyport-1.0"), targets)
        for name, digest in one.items():
            same = digest == other[name]
            passed, failed = passed + same, failed + (not same)
            print(f"{name}: {digest[:16]}" if same else f"FAILED: {name}: {digest} and {other[name]}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
