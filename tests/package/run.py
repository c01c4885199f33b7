#!/usr/bin/python3
"""Makes the Debian package of a build, and installs, uses, upgrades and purges it in a fresh Debian of its own:

    tests/package/run.py BUILD [--tree FOLDER]

    BUILD            has been built with --prefix=/usr
    --tree FOLDER    keeps the Debian of debootstrap there, for the next run (.cache)

Needs root. The last line says "N passed, N failed".
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "tests/e2e")]
sys.dont_write_bytecode = True
os.environ.setdefault("SALLYPORT_E2E_PORTS", tempfile.mkdtemp(prefix="sallyport-ports-"))

from support import ports, process, wait  # noqa: E402
from tree import Booted, Tree, bootstrap, run  # noqa: E402

GATEWAY = "/etc/sallyport/gateway.toml"
POLICY = "/etc/sallyport/policies/devices.toml"
CREDENTIAL = "/run/credentials/sallyport.service/private_server.key"
AUDIT = "/var/log/sallyport/audit.jsonl"


class Site:
    """A broker on this machine, and clients that come by TLS or go to the broker itself."""

    def __init__(self, folder):
        self.folder = folder
        self.pki = os.path.join(folder, "pki")
        self.port, self.broker_port, self.metrics_port = (ports.free_port("127.0.0.1") for _ in range(3))
        run(os.path.join(ROOT, "deploy/dev-pki.sh"), self.pki, "pump-1", "pump-2")
        config = os.path.join(folder, "mosquitto.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"listener {self.broker_port} 127.0.0.1\nallow_anonymous true\nuser root\n")
        self.broker = process.start([shutil.which("mosquitto", path="/usr/sbin:/usr/bin"), "-c", config],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait.until(lambda: ports.is_listening(self.broker_port), "mosquitto listens")

    def stop(self):
        process.end(self.broker)

    def configure(self, tree):
        """As an operator does it: certificates put in place, ports changed, one line of his own."""
        for name in ("server.crt", "server.key", "ca.crt"):
            self.give_key(tree, name)
        path = tree.path(GATEWAY)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for old, new in (("127.0.0.1:1883", f"127.0.0.1:{self.broker_port}"), ("0.0.0.0:8883", f"127.0.0.1:{self.port}"),
                         ("127.0.0.1:9464", f"127.0.0.1:{self.metrics_port}")):
            assert old in text, old
            text = text.replace(old, new)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "\n[workers]\ncount = 2             # the operator's own\n")

    def give_key(self, tree, name):
        """Into the folder that a reload reads: for root and the gateway's group."""
        target = tree.path("/etc/sallyport/tls/" + name)
        shutil.copyfile(os.path.join(self.pki, name), target)
        os.chown(target, 0, os.stat(tree.path("/etc/sallyport/tls")).st_gid)
        os.chmod(target, 0o640)

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/readyz", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def passes(self, client, topic, text):
        """Whether what a client says to the gateway is heard at the broker."""
        heard = subprocess.Popen(["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.broker_port), "-t", "devices/#",
                                  "-t", "ready", "-W", "10", "-F", "%t %p"], stdout=subprocess.PIPE, text=True)
        here = ["mosquitto_pub", "-h", "127.0.0.1"]
        sender = subprocess.Popen(["sh", "-c", 'while kill -0 "$0"; do "$@"; sleep 0.2; done', str(heard.pid), *here,
                                   "-p", str(self.broker_port), "-t", "ready", "-m", "x"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            heard.stdout.readline()  # it listens
            key = [os.path.join(self.pki, client + end) for end in (".crt", ".key")]
            run(*here, "-p", str(self.port), "--cafile", os.path.join(self.pki, "ca.crt"), "--cert", key[0], "--key",
                key[1], "-i", client, "-V", "5", "-q", "1", "-t", topic, "-m", text)
            end = time.monotonic() + 3
            while time.monotonic() < end:
                line = heard.stdout.readline().strip()
                if line == f"{topic} {text}":
                    return True
            return False
        finally:
            for one in (heard, sender):
                one.kill()
                one.wait()


def text_of(tree, name):
    with open(tree.path(name), encoding="utf-8") as file:
        return file.read()


def owner(tree, name):
    """ "root:sallyport 750", by the tree's own names."""
    return tree.run("stat", "-c", "%U:%G %a", name)[1].strip()


def newer(package, folder):
    """The same package with a higher version and files of the configuration that say something else."""
    unpacked = os.path.join(folder, "newer")
    run("dpkg-deb", "-R", package, unpacked)
    for name in (GATEWAY, POLICY):
        with open(unpacked + name, "a", encoding="utf-8") as file:
            file.write("# of the next version\n")
    control = os.path.join(unpacked, "DEBIAN/control")
    with open(control, encoding="utf-8") as file:
        text = re.sub(r"^Version: .*$", "Version: 999.0-1", file.read(), flags=re.MULTILINE)
    with open(control, "w", encoding="utf-8") as file:
        file.write(text)
    path = os.path.join(folder, "newer.deb")
    code, said = run("dpkg-deb", "--root-owner-group", "-b", unpacked, path)
    assert code == 0, said
    return path


def into(tree, package):
    target = tree.path("/root/" + os.path.basename(package))
    shutil.copyfile(package, target)
    return "/root/" + os.path.basename(package)


def of_the_package(build, folder):
    code, said = run(os.path.join(ROOT, "deploy/deb.sh"), "--build", build, "--out", folder)
    package = said.strip().splitlines()[-1]
    yield "deb.sh makes a package", code == 0 and os.path.isfile(package), said
    _, again = run(os.path.join(ROOT, "deploy/deb.sh"), "--build", build, "--out", os.path.join(folder, "again"))
    with open(package, "rb") as one, open(again.strip().splitlines()[-1], "rb") as other:
        yield "and the same package, byte for byte, once more", one.read() == other.read(), again
    code, said = run("lintian", "--fail-on", "error", "--tag-display-limit", "0", package)
    yield "lintian finds no error", code == 0, said
    _, said = run("dpkg-deb", "-f", package, "Depends")
    yield "its libraries are among its dependencies", all(name in said for name in (
        "libc6 (", "libuv1 (", "libprometheus-cpp-core")), said


def of_the_installation(tree, package, site):
    shutil.copyfile("/etc/resolv.conf", tree.path("/etc/resolv.conf"))
    code, said = tree.run("sh", "-c", 'apt-get -q update && apt-get -q install -y "$0"', into(tree, package), bound=900)
    yield "apt finds what it depends on, and installs it", code == 0, said
    yield "its user is there", tree.run("id", "-un", "sallyport")[1].strip() == "sallyport", said
    seen = [owner(tree, name) for name in ("/etc/sallyport/tls", "/etc/sallyport/private", "/var/log/sallyport")]
    yield "folders of keys and logs are for nobody else", seen == [
        "root:sallyport 750", "root:root 700", "sallyport:sallyport 750"], seen
    code, said = tree.run("systemctl", "is-enabled", "sallyport.service")
    yield "nothing starts it before it has certificates", said.strip() == "disabled", said
    code, said = tree.run("sallyport", "check", "-c", GATEWAY)
    yield "check says which certificate is missing", code == 1 and "tls/server.crt" in said, said
    site.configure(tree)
    code, said = tree.run("sallyport", "check", "-c", GATEWAY, user="sallyport")
    yield "with certificates in place its user may read all it needs", code == 0, said

    log = os.path.join(site.folder, "gateway.log")
    gateway = tree.start("sallyport", "run", "-c", GATEWAY, user="sallyport", log=log)
    try:
        wait.until(lambda: site.is_ready() or gateway.poll() is not None, "the gateway is ready")
        yield "it starts as its user", gateway.poll() is None, open(log, encoding="utf-8").read()
        yield "a message passes through", site.passes("pump-1", "devices/pump-1/up/t", "21"), open(log).read()
        yield "one in another's name does not", not site.passes("pump-1", "devices/pump-2/up/t", "22"), ""
        yield "the refusal is in the audit log", "devices/pump-2/up/t" in text_of(tree, AUDIT), text_of(tree, AUDIT)
        code, said = tree.run("sallyport", "status", "-c", GATEWAY)
        yield "root may ask it for its status", code == 0 and "workers: 2" in said, said
    finally:
        gateway.terminate()
        code = gateway.wait(30)
    yield "SIGTERM ends it well", code == 0, code


def under_systemd(tree, package, site):
    """The unit as it is, with a real systemd: its sandbox, what the gateway tells it, and the watchdog."""
    booted = Booted(tree, os.path.join(site.folder, "systemd.log"))
    yield "systemd starts", not booted.trouble, booted.trouble
    try:
        code, said = booted.run("systemctl", "start", "sallyport.service")
        said += booted.run("journalctl", "-u", "sallyport.service", "-n", "50")[1]
        yield "it starts the gateway, and hears that it is ready", code == 0 and site.is_ready(), said
        yield "a message passes through the sandbox", site.passes("pump-1", "devices/pump-1/up/t", "31"), said
        first = booted.show("MainPID")
        yield "the status says what is in force", "1 role" in booted.show("StatusText"), booted.show("StatusText")

        shutil.copyfile(tree.path(POLICY), tree.path("/root/policy"))
        with open(tree.path(POLICY), "a", encoding="utf-8") as file:
            file.write("nonsense = 1\n")
        code, said = booted.run("systemctl", "reload", "sallyport.service")
        yield "a reload with an error fails", code != 0 and booted.show("ActiveState") == "active", said
        said = booted.run("journalctl", "-u", "sallyport.service", "-n", "20")[1]
        yield "and its journal says which", 'unknown key "nonsense"' in said, said
        with open(tree.path("/root/policy"), encoding="utf-8") as file:
            text = file.read()
        with open(tree.path(POLICY), "w", encoding="utf-8") as file:
            file.write(text + '\n[[role]]\nname = "second"\nmatch = { cert_cn = "app-*" }\n')
        code, said = booted.run("systemctl", "reload", "sallyport.service")
        yield "a good one is taken", code == 0, said + booted.run("journalctl", "-u", "sallyport.service", "-n", "20")[1]
        wait.until(lambda: "2 roles" in booted.show("StatusText"), "the reload is in the status")
        yield "and is in force, in the same process", booted.show("MainPID") == first, booted.show("StatusText")
        with open(tree.path(POLICY), "w", encoding="utf-8") as file:
            file.write(text)

        with open(tree.path(GATEWAY), encoding="utf-8") as file:
            configured = file.read()
        os.rename(tree.path("/etc/sallyport/tls/server.key"), tree.path("/etc/sallyport/private/server.key"))
        os.chown(tree.path("/etc/sallyport/private/server.key"), 0, 0)
        os.chmod(tree.path("/etc/sallyport/private/server.key"), 0o600)
        with open(tree.path(GATEWAY), "w", encoding="utf-8") as file:
            file.write(configured.replace('"tls/server.key"', f'"{CREDENTIAL}"'))
        code, said = booted.run("systemctl", "restart", "sallyport.service")
        said += booted.run("journalctl", "-u", "sallyport.service", "-n", "20")[1]
        yield "systemd hands over a key that root alone may read", code == 0 and site.is_ready(), said
        code, said = booted.run("systemctl", "reload", "sallyport.service")
        yield "a reload reads it again", code == 0, said
        os.remove(tree.path("/etc/sallyport/private/server.key"))
        with open(tree.path(GATEWAY), "w", encoding="utf-8") as file:
            file.write(configured)
        site.give_key(tree, "server.key")
        code, said = booted.run("systemctl", "restart", "sallyport.service")
        first = booted.show("MainPID")

        code, said = booted.run("logrotate", "--force", "/etc/logrotate.d/sallyport")
        wait.until(lambda: os.path.exists(tree.path(AUDIT)), "the audit log is there again")
        site.passes("pump-1", "devices/pump-2/up/t", "32")
        wait.until(lambda: "devices/pump-2" in text_of(tree, AUDIT), "the new audit log is written to")
        old = os.path.exists(tree.path(AUDIT + ".1"))
        yield "logrotate turns the audit log over", code == 0 and old, said

        code, said = booted.run("dpkg", "-i", "--force-confold", into(tree, package))
        wait.until(site.is_ready, "the new version is ready")
        yield "an upgrade starts a gateway that ran again", code == 0 and booted.show("MainPID") != first, said
        yield "what the operator changed stays", "the operator's own" in text_of(tree, GATEWAY) and (
            "next version" not in text_of(tree, GATEWAY)), text_of(tree, GATEWAY)
        yield "what he did not change is the new one", "next version" in text_of(tree, POLICY), text_of(tree, POLICY)
        yield "a message passes through the new one", site.passes("pump-1", "devices/pump-1/up/t", "33"), ""

        drop_in = tree.path("/etc/systemd/system/sallyport.service.d/short.conf")
        os.makedirs(os.path.dirname(drop_in))
        with open(drop_in, "w", encoding="utf-8") as file:
            file.write("[Service]\nWatchdogSec=3\nTimeoutAbortSec=1\n")
        booted.run("systemctl", "daemon-reload")
        booted.run("systemctl", "restart", "sallyport.service")
        time.sleep(7)
        before = booted.show("MainPID")
        yield "the watchdog is fed", booted.show("NRestarts") == "0" and site.is_ready(), booted.show("NRestarts")
        booted.run("sh", "-c", "kill -STOP " + before)
        wait.until(lambda: booted.show("NRestarts") == "1" and site.is_ready(), "systemd starts it again", 60)
        yield "one that hangs is ended, and comes back", booted.show("MainPID") != before, booted.show("MainPID")

        code, said = booted.run("systemctl", "stop", "sallyport.service")
        yield "it stops well", code == 0 and booted.show("Result") == "success", said + booted.show("Result")
        booted.run("dpkg", "-i", "--force-confold", into(tree, package))
        yield "an upgrade starts none that did not run", booted.show("ActiveState") == "inactive", booted.show("ActiveState")
        booted.run("systemctl", "start", "sallyport.service")
        code, said = booted.run("dpkg", "--remove", "sallyport")
        yield "removing it ends the one that runs", code == 0 and not site.is_ready(), said
        yield "and keeps the configuration", os.path.exists(tree.path(GATEWAY)), said
    finally:
        booted.stop()


def of_the_end(tree):
    code, said = tree.run("dpkg", "--purge", "sallyport")
    yield "dpkg purges it", code == 0, said
    left = tree.run("find", "/etc/sallyport", "-type", "f")[1].split()
    mine = ["/etc/sallyport/tls/" + name for name in ("ca.crt", "server.crt", "server.key")]
    yield "nothing is left but the operator's own keys", sorted(left) == mine, left
    left = [name for name in ("/var/log/sallyport", "/etc/logrotate.d/sallyport", "/usr/bin/sallyport")
            if os.path.exists(tree.path(name))]
    yield "logs, program and unit are gone", not left, left


def look_at(build, folder, cache):
    yield from of_the_package(build, folder)
    package = next(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".deb"))
    tree = Tree(os.path.join(folder, "tree"))
    good, said = bootstrap(tree.folder, cache)
    yield "debootstrap makes a fresh Debian", good, said
    site = Site(folder)
    try:
        yield from of_the_installation(tree, package, site)
        yield from under_systemd(tree, newer(package, folder), site)
    finally:
        site.stop()
    yield from of_the_end(tree)


def main():
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("build")
    options.add_argument("--tree", default=os.path.join(ROOT, ".cache"))
    given = options.parse_args()
    passed = failed = 0
    folder = tempfile.mkdtemp(prefix="sallyport-package-")
    os.chmod(folder, 0o755)
    try:
        for what, good, seen in look_at(os.path.abspath(given.build), folder, given.tree):
            passed, failed = passed + bool(good), failed + (not good)
            print(("ok: " if good else "FAILED: ") + what, flush=True)
            if not good:
                print(seen)
                break  # what follows needs it
    except (AssertionError, subprocess.TimeoutExpired) as error:
        print(f"FAILED: {error}")
        failed += 1
    finally:
        for made in (folder, os.environ["SALLYPORT_E2E_PORTS"]):
            shutil.rmtree(made, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
