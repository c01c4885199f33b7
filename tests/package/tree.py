"""A fresh Debian in a folder: made by debootstrap from the mirror that this machine's apt uses, and entered by
chroot or by a systemd of its own."""

import os
import shutil
import signal
import subprocess
import time

CACHE_SECONDS = 14 * 24 * 3600


def run(*command, bound=300, **options):
    """(exit code, all that was said)."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=bound, check=False, **options)
    return done.returncode, done.stdout


def mirror():
    """(address, release) of the Debian that apt knows for this machine's own release."""
    with open("/etc/os-release", encoding="utf-8") as file:
        release = dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)["VERSION_CODENAME"]
    _, said = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME) $(ORIGIN)", "Created-By: Packages")
    for line in said.splitlines():
        if line.split()[1:] == [release, "Debian"]:
            return line.split()[0], release
    raise SystemExit(f"apt knows no mirror of Debian {release}; it says: {said}")


def bootstrap(folder, cache):
    """Makes the tree, or takes the one of an earlier run."""
    address, release = mirror()
    archive = os.path.join(cache, f"debian-{release}.tar")
    os.makedirs(folder)
    if os.path.exists(archive) and time.time() - os.path.getmtime(archive) < CACHE_SECONDS:
        code, said = run("tar", "-C", folder, "-xpf", archive, "--numeric-owner")
        return code == 0, said
    code, said = run("debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv", release, folder, address,
                     bound=1800)
    if code == 0:
        shutil.rmtree(os.path.join(folder, "var/cache/apt/archives"))
        os.makedirs(os.path.join(folder, "var/cache/apt/archives/partial"))
        os.makedirs(cache, exist_ok=True)
        run("tar", "-C", folder, "-cpf", archive + ".new", "--numeric-owner", ".")
        os.replace(archive + ".new", archive)
    return code == 0, said[-3000:]


class Tree:
    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name.lstrip("/"))

    def command(self, *command, user=None):
        """What runs a command inside, with /proc and /dev that vanish with it."""
        enter = 'mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"'
        # The user is the tree's, so it is the tree's setpriv that looks for it.
        drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--no-new-privs"] if user else []
        environment = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
        return ["unshare", "--mount", "sh", "-c", enter, self.folder, *environment, *drop, *command]

    def run(self, *command, user=None, bound=300):
        return run(*self.command(*command, user=user), bound=bound)

    def start(self, *command, user=None, log):
        with open(log, "wb") as file:
            return subprocess.Popen(self.command(*command, user=user), stdin=subprocess.DEVNULL, stdout=file,
                                    stderr=file)


class Booted:
    """A systemd as process 1 of the tree, with this machine's network. Its processes end with it."""

    def __init__(self, tree, log):
        self.tree = tree
        with open(log, "wb") as file:
            self.process = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--directory", tree.folder],
                stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        self.leader = None
        end = time.monotonic() + 180
        while time.monotonic() < end and self.process.poll() is None:
            if self.leader is None:
                self.leader = self._find_leader()
            elif self.run("systemctl", "is-system-running")[1].strip() in ("running", "degraded"):
                return
            time.sleep(0.5)
        with open(log, encoding="utf-8", errors="replace") as file:
            self.trouble = file.read()[-3000:]
        self.stop()

    trouble = ""

    def _find_leader(self):
        _, said = run("ps", "-o", "pid=,comm=", "--ppid", str(self.process.pid))
        return next((line.split()[0] for line in said.splitlines() if line.split()[1] == "systemd"), None)

    def run(self, *command, bound=300):
        return run("nsenter", "--target", self.leader, "--mount", "--uts", "--ipc", "--pid", "--cgroup", "env", "-i",
                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", *command,
                   bound=bound)

    def show(self, what):
        return self.run("systemctl", "show", "--property", what, "--value", "sallyport.service")[1].strip()

    def stop(self):
        if self.process.poll() is not None:
            return
        if self.leader:
            # What systemd(1) calls SIGRTMIN+4: power off.
            os.kill(int(self.leader), signal.SIGRTMIN + 4)
        else:
            self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
