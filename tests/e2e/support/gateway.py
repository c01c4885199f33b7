"""The gateway under test: the real binary with a configuration written for one test."""

import dataclasses
import json
import os
import re
import signal
import subprocess

from . import audit, metrics, pki, ports, process, wait

# Everything but `$` topics is allowed for everybody.
OPEN_POLICY = """
[[role]]
name = "everybody"

[[role.allow]]
id = "all"
publish = ["#"]
subscribe = ["#"]
"""

_REPORT = re.compile(r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:")


def binary():
    path = os.environ.get("SALLYPORT_BINARY")
    assert path, "SALLYPORT_BINARY is not set; start tests with tests/e2e/run.py"
    return path


def is_sanitized():
    return os.environ.get("SALLYPORT_SANITIZED") == "1"


@dataclasses.dataclass
class Listener:
    """`client_certificate`: "none", "optional", "required"; None: plain TCP. `more`: lines of TOML."""
    name: str
    client_certificate: str | None = None
    host: str = "127.0.0.1"
    certificate: str = "server"
    min_version: str | None = None
    crl: str | None = None
    more: str = ""
    port: int = 0

    def toml(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        text = f'[[listener]]\nname = "{self.name}"\naddress = "{host}:{self.port}"\n'
        if self.client_certificate is not None:
            keys = [f'certificate = "{pki.path(self.certificate + ".crt")}"',
                    f'key = "{pki.path(self.certificate + ".key")}"',
                    f'client_certificate = "{self.client_certificate}"']
            if self.client_certificate != "none":
                keys.append(f'client_ca = "{pki.path("ca.crt")}"')
            if self.min_version:
                keys.append(f'min_version = "{self.min_version}"')
            if self.crl:
                keys.append(f'crl = "{self.crl}"')
            text += "tls = { " + ", ".join(keys) + " }\n"
        return text + self.more + "\n"


class Gateway:
    """Made by Case.gateway(). Two listeners unless told otherwise: `plain` on .port, and `devices`
    (TLS, client certificates optional) on .tls_port."""

    def __init__(self, directory, broker, policy=OPEN_POLICY, listeners=None, workers=1, more="",
                 broker_more="", listener_more="", observe_more=""):
        """`broker`: "host:port" or something with .host and .port. The `more` are lines of TOML."""
        self.directory = directory
        self.listeners = listeners or [Listener("plain", more=listener_more),
                                       Listener("devices", "optional", more=listener_more)]
        for listener in self.listeners:
            listener.port = listener.port or ports.free_port(listener.host)
        self.metrics_port = ports.free_port()
        self.audit_path = self.path("audit.jsonl")
        self.log_path = self.path("gateway.log")
        found = re.search(r'audit_format = "(\w+)"', observe_more)
        self.audit_format = found.group(1) if found else "native"
        self.process = None
        self._stopped = False
        address = broker if isinstance(broker, str) else f"{broker.host}:{broker.port}"
        self.write_policy(policy)
        self.write("gateway.toml", "\n".join([
            f'[broker]\naddress = "{address}"', broker_more,
            *(listener.toml() for listener in self.listeners),
            f"[workers]\ncount = {workers}",
            '[policy]\nfiles = ["policy.toml"]',
            f'[observe]\naddress = "127.0.0.1:{self.metrics_port}"\naudit_log = "audit.jsonl"',
            observe_more, more, ""]))

    # --- files ---
    def path(self, name):
        return os.path.join(self.directory, name)

    def write(self, name, text):
        """Writes a file as careful operators do: whole, then renamed into place."""
        with open(self.path(name + ".new"), "w") as file:
            file.write(text)
        os.rename(self.path(name + ".new"), self.path(name))

    def write_policy(self, text):
        self.write("policy.toml", text)

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()

    # --- process ---
    def command(self, *args):
        return [binary(), *args]

    def begin(self, **options):
        """Starts the process and waits for nothing. `options`: process.start()."""
        with open(self.log_path, "ab") as log:
            self.process = process.start(self.command("run", "-c", self.path("gateway.toml")),
                                         stdout=log, stderr=log, env=environment(), **options)

    def start(self, **options):
        self.begin(**options)
        wait.until(self._ready, lambda: "the gateway is ready; it says: " + self.log())
        return self

    def _ready(self):
        assert self.process.poll() is None, "the gateway ended: " + self.log()
        try:
            return metrics.get(self.url("/readyz"))[0] == 200
        except OSError:
            return False

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, bound=30):
        """SIGTERM; it must end well, and no sanitizer may have complained."""
        if self.process is None or self._stopped:
            return
        self._stopped = True
        ended_before = self.process.poll()
        if ended_before is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(bound)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the gateway did not end within {bound} s: {self.log()}") from None
        report = _REPORT.search(self.log())
        assert not report, "the sanitizer reports:\n" + self.log()[-20000:]
        assert ended_before is None, f"the gateway ended by itself ({ended_before}): {self.log()}"
        assert code == 0, f"the gateway ended with {code}: {self.log()}"
        audit.check_files(self.audit_path, self.audit_format)

    def stopped_already(self):
        """A test has ended the gateway itself; only the sanitizers remain to be asked."""
        self._stopped = True
        report = _REPORT.search(self.log())
        assert not report, "the sanitizer reports:\n" + self.log()[-20000:]
        audit.check_files(self.audit_path, self.audit_format)

    def reload(self, bound=wait.BOUND):
        """SIGHUP, and waits until the metric counts a reload, good or bad; whether it was good."""
        before = self.metrics()
        self.process.send_signal(signal.SIGHUP)

        def counted():
            now = self.metrics()
            return [result for result in ("ok", "failed")
                    if now.value("sallyport_config_reloads_total", result=result)
                    > before.value("sallyport_config_reloads_total", result=result)]
        return wait.until(counted, "a reload is counted", bound)[0] == "ok"

    # --- where things are ---
    def _port_of(self, tls):
        return next(x.port for x in self.listeners if (x.client_certificate is not None) == tls)

    @property
    def port(self):
        return self._port_of(False)

    @property
    def tls_port(self):
        return self._port_of(True)

    def url(self, path):
        return f"http://127.0.0.1:{self.metrics_port}{path}"

    # --- what it tells ---
    def metrics(self):
        status, text = metrics.get(self.url("/metrics"))
        assert status == 200, f"/metrics answered {status}"
        return metrics.Metrics(text)

    def wait_metric(self, at_least, name, **labels):
        """Waits until a counter (or gauge) has reached this value."""
        seen = []

        def reached():
            seen[:] = [self.metrics().value(name, **labels)]
            return seen[0] >= at_least
        wait.until(reached, lambda: f"{name}{labels} reaches {at_least}; it is {seen[0]}", every=0.05)

    def wait_gauge(self, exactly, name, **labels):
        seen = []

        def reached():
            seen[:] = [self.metrics().value(name, **labels)]
            return seen[0] == exactly
        wait.until(reached, lambda: f"{name}{labels} becomes {exactly}; it is {seen[0]}", every=0.05)

    def audit(self):
        """All audit lines so far, each of which must be a JSON object."""
        if not os.path.exists(self.audit_path):
            return []
        with open(self.audit_path) as file:
            text = file.read()
        return [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]

    def audit_lines(self, **fields):
        return [line for line in self.audit()
                if all(line.get(key) == value for key, value in fields.items())]

    def wait_audit(self, count=1, **fields):
        """Waits for audit lines with these fields; all of them."""
        wait.until(lambda: len(self.audit_lines(**fields)) >= count,
                   lambda: f"{count} audit line(s) with {fields}; there are: "
                           + "\n".join(map(str, self.audit())), every=0.02)
        return self.audit_lines(**fields)


def environment(**more):
    """Sanitizers stop at the first thing they find, and say so in the exit code."""
    return {**os.environ, "LC_ALL": "C.UTF-8",
            "ASAN_OPTIONS": "detect_leaks=1:exitcode=99:quarantine_size_mb=16",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99", **more}


def run_command(*args, cwd=None, bound=60):
    """Runs the binary to its end; (exit code, standard output, standard error)."""
    done = subprocess.run([binary(), *args], capture_output=True, text=True, timeout=bound, cwd=cwd,
                          stdin=subprocess.DEVNULL, env=environment(), check=False)
    assert not _REPORT.search(done.stderr), done.stderr
    return done.returncode, done.stdout, done.stderr
