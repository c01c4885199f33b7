#!/usr/bin/python3
"""Installs a build into a folder of its own, and starts what was installed: tests/install.py BUILD

The last line says "N passed, N failed".
"""

import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(*command, **options):
    """The exit code and all that was said. Nothing of this shell's environment helps it to start."""
    done = subprocess.run(command, env={"LC_ALL": "C.UTF-8"}, cwd="/", stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    return done.returncode, done.stdout


def installed_files(top):
    return {os.path.relpath(os.path.join(base, name), top) for base, _, names in os.walk(top) for name in names}


def look_at(build, top):
    """(what must be so, whether it is, what was seen)."""
    done = subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--destdir", top],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    yield "meson install works", done.returncode == 0, done.stdout
    files = installed_files(top)
    binary = next((os.path.join(top, path) for path in files if path.endswith("bin/sallyport")), "")
    yield "the program is installed", binary != "", sorted(files)
    docs = next((os.path.join(top, path) for path in files if path.endswith("doc/sallyport/README.md")), "")
    yield "its README is installed", docs != "", sorted(files)
    docs = os.path.dirname(docs)
    wanted = {"README.md", "LICENSE", "deploy/gateway.toml", "deploy/metrics.md"}
    wanted |= {os.path.join("policies", name) for name in os.listdir(os.path.join(ROOT, "policies"))}
    yield "so are the licence, the references and the examples", installed_files(docs) == wanted, installed_files(docs)
    yield "and nothing else", len(files) == len(wanted) + 1, sorted(files)

    code, said = run(binary, "--version")
    yield "it starts, with BoringSSL", code == 0 and "BoringSSL" in said, said
    _, libraries = run("ldd", binary)
    yield "every library is found", "not found" not in libraries, libraries
    _, dynamic = run("readelf", "-d", binary)
    yield "it looks for none in the build folder", build not in dynamic and "$ORIGIN" not in dynamic, dynamic

    # A folder as an operator would make it, beside the examples that came with the program.
    gateway = os.path.join(top, "gateway.toml")
    with open(gateway, "w", encoding="utf-8") as file:
        file.write('[broker]\naddress = "127.0.0.1:1883"\n[[listener]]\nname = "devices"\n'
                   f'address = "127.0.0.1:8883"\n[policy]\nfiles = ["{docs}/policies/sensor-fleet.toml"]\n')
    code, said = run(binary, "check", "-c", gateway)
    yield "it checks a configuration with an installed policy", code == 0, said


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    passed = failed = 0
    top = tempfile.mkdtemp(prefix="sallyport-install-")
    try:
        for what, good, seen in look_at(os.path.abspath(sys.argv[1]), top):
            passed, failed = passed + good, failed + (not good)
            if not good:
                print(f"FAILED: {what}: {seen}")
                break  # what follows needs it
    finally:
        shutil.rmtree(top)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
