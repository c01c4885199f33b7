#!/usr/bin/python3
"""Installs a build into a folder of its own, and starts what was installed: tests/install.py BUILD

The last line says "N passed, N failed".
"""

import os
import re
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


def install(build, top):
    done = subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--destdir", top],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode == 0, done.stdout


def wanted_files():
    """What belongs where, below <prefix> (P) and the folder of the system's configuration (C)."""
    policies = os.listdir(os.path.join(ROOT, "policies"))
    return {"P/bin/sallyport", "P/lib/systemd/system/sallyport.service", "P/lib/sysusers.d/sallyport.conf",
            "P/lib/tmpfiles.d/sallyport.conf", "P/share/man/man1/sallyport.1", "P/share/man/man5/gateway.toml.5",
            "P/share/man/man5/sallyport-policy.5", "P/share/bash-completion/completions/sallyport",
            "P/share/zsh/site-functions/_sallyport", "C/sallyport/gateway.toml", "C/sallyport/policies/devices.toml",
            "C/logrotate.d/sallyport", *("P/share/doc/sallyport/" + name for name in (
                "README.md", "CHANGELOG.md", "LICENSE", "SECURITY.md", "THIRD-PARTY", "deploy/README.md",
                "deploy/gateway.toml", "deploy/install.md", "deploy/logs.md", "deploy/metrics.md", "deploy/monitoring.md",
                "deploy/refused.md", "deploy/stolen-device.md", "examples/sysctl.conf",
                *("policies/" + policy for policy in policies)))}


def of_the_files(build, top):
    good, said = install(build, top)
    yield "meson install works", good, said
    files = installed_files(top)
    binary = next((path for path in files if path.endswith("/bin/sallyport")), "")
    yield "the program is installed", binary != "", sorted(files)
    prefix = binary.removesuffix("/bin/sallyport")
    conf = next((path for path in files if path.endswith("/sallyport/gateway.toml")), "").removesuffix("/sallyport/gateway.toml")
    seen = {re.sub(f"^{conf}/", "C/", re.sub(f"^{prefix}/", "P/", path) if not path.startswith(conf + "/") else path)
            for path in files}
    yield "so are the licence, the references and the examples", {
        path for path in wanted_files() if "/doc/" in path} <= seen, sorted(seen)
    yield "and the unit, the manual, the completions and the configuration, and nothing else", seen == wanted_files(), sorted(
        seen ^ wanted_files())

    # What an operator has changed is his.
    gateway = os.path.join(top, conf, "sallyport/gateway.toml")
    with open(gateway, "a", encoding="utf-8") as file:
        file.write("# mine\n")
    os.remove(os.path.join(top, conf, "logrotate.d/sallyport"))
    good, said = install(build, top)
    with open(gateway, encoding="utf-8") as file:
        yield "installing once more keeps what was changed", good and file.read().endswith("# mine\n"), said
    yield "and brings what is missing", installed_files(top) == files, installed_files(top) ^ files
    yield from of_the_program(build, top, os.path.join(top, binary), os.path.join(top, prefix))
    yield from of_the_unit(top, os.path.join(top, prefix), os.path.join(top, conf))


def of_the_program(build, top, binary, prefix):
    code, said = run(binary, "--version")
    yield "it starts, with BoringSSL", code == 0 and "BoringSSL" in said, said
    told = dict(line.split(" ", 1) for line in said.replace("TLS library", "TLS").splitlines())
    revision = subprocess.run([os.path.join(ROOT, "src/cli/revision.sh"), ROOT], capture_output=True, text=True,
                              check=False).stdout.strip()
    yield "it says which revision it was built from", told["revision"] == revision != "", (told, revision)
    yield "it says with which compiler", re.match(r"(gcc|clang) \d+\.", told["compiler"]), told
    yield "it says which revision of the TLS library it has", re.match(r"BoringSSL, \S.* \(API version \d+\)$", told["TLS"]) and (
        "unknown" not in told["TLS"]), told
    _, libraries = run("ldd", binary)
    yield "every library is found", "not found" not in libraries, libraries
    _, dynamic = run("readelf", "-d", binary)
    yield "it looks for none in the build folder", build not in dynamic and "$ORIGIN" not in dynamic, dynamic

    # A folder as an operator would make it, beside the examples that came with the program.
    gateway = os.path.join(top, "gateway.toml")
    with open(gateway, "w", encoding="utf-8") as file:
        file.write('[broker]\naddress = "127.0.0.1:1883"\n[[listener]]\nname = "devices"\n'
                   f'address = "127.0.0.1:8883"\n[policy]\nfiles = ["{prefix}/share/doc/sallyport/policies/sensor-fleet.toml"]\n')
    code, said = run(binary, "check", "-c", gateway)
    yield "it checks a configuration with an installed policy", code == 0, said


def of_the_unit(top, prefix, conf):
    unit = os.path.join(prefix, "lib/systemd/system/sallyport.service")
    code, said = run("systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=15", unit)
    level = re.search(r"Overall exposure level for sallyport.service: ([\d.]+)", said)
    yield "systemd finds it exposed at most 1.5", code == 0 and level and float(level[1]) <= 1.5, said
    # The program is not below / here.
    code, said = run("systemd-analyze", "verify", "--man=no", unit)
    wrong = [line for line in said.splitlines() if "sallyport.service" in line and "is not executable" not in line]
    yield "and nothing wrong with it", not wrong, said
    with open(unit, encoding="utf-8") as file:
        text = file.read()
    for line in (rf"^ExecStart=.*/bin/sallyport run -c .*{re.escape(conf.removeprefix(top))}/sallyport/gateway\.toml$",
                 "^Type=notify$", r"^WatchdogSec=\d+$", "^LoadCredential=.+$", "^User=sallyport$"):
        yield f"it has {line}", re.search(line, text, re.MULTILINE), text
    # In a tree of its own, with the names of users that it begins with.
    root = os.path.join(top, "root")
    os.makedirs(os.path.join(root, "etc"))
    code, said = run("systemd-sysusers", "--root", root, os.path.join(prefix, "lib/sysusers.d/sallyport.conf"))
    with open(os.path.join(root, "etc/passwd"), encoding="utf-8") as file:
        made = [line for line in file if line.startswith("sallyport:")]
    yield "systemd-sysusers makes its user, who cannot log in", code == 0 and made and made[0].endswith("/nologin\n"), said
    code, said = run("systemd-tmpfiles", "--root", root, "--create", os.path.join(prefix, "lib/tmpfiles.d/sallyport.conf"))
    seen = [oct(os.stat(root + name).st_mode & 0o777) for name in ("/var/log/sallyport", "/run/sallyport")]
    yield "systemd-tmpfiles makes its folders, for nobody else", code == 0 and seen == ["0o750", "0o750"], (said, seen)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    passed = failed = 0
    top = tempfile.mkdtemp(prefix="sallyport-install-")
    try:
        for what, good, seen in of_the_files(os.path.abspath(sys.argv[1]), top):
            good = bool(good)
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
