"""What a service manager such as systemd is told (sd_notify(3)), and that it is the truth."""

import contextlib
import ctypes
import os
import signal
import socket
import tempfile
import time
import unittest.mock

from support import ports, wait
from support.case import Case

_libc = ctypes.CDLL(None, use_errno=True)
_PTRACE_DETACH, _PTRACE_SEIZE, _PTRACE_INTERRUPT = 17, 0x4206, 0x4207
_WALL = 0x40000000


@contextlib.contextmanager
def stopped_threads(pid):
    """All threads but the first stand still, as if each of them were caught in an endless call."""
    def ptrace(request, thread):
        if _libc.ptrace(request, thread, None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")
    threads = [int(name) for name in os.listdir(f"/proc/{pid}/task") if int(name) != pid]
    assert threads
    for thread in threads:
        ptrace(_PTRACE_SEIZE, thread)
        ptrace(_PTRACE_INTERRUPT, thread)
        os.waitpid(thread, _WALL)
    try:
        yield
    finally:
        for thread in threads:
            ptrace(_PTRACE_DETACH, thread)


class ServiceManager(Case):
    def managed(self, watchdog=None, address=None, **options):
        """A gateway that has not been started, and the manager's socket."""
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        # A socket's path is short.
        address = address or os.path.join(self.enterContext(tempfile.TemporaryDirectory()), "notify")
        self.manager.bind(address.replace("@", "\0", 1))
        variables = {"NOTIFY_SOCKET": address}
        if watchdog is not None:
            variables["WATCHDOG_USEC"] = str(int(watchdog * 1e6))
        self.enterContext(unittest.mock.patch.dict(os.environ, variables))
        return self.gateway(self.fake_broker(), start=False, **options)

    def hear(self, bound=wait.BOUND):
        """The next message as a table; None: there is none."""
        self.manager.settimeout(bound)
        try:
            text = self.manager.recv(65536).decode()
        except TimeoutError:
            return None
        return dict(line.split("=", 1) for line in text.splitlines())

    def test_ready_reloading_and_stopping_are_said_when_they_are_true(self):
        gateway = self.managed(more='[drain]\ntimeout = "20 s"\ngrace = "3 s"')
        gateway.begin()
        said = self.hear()
        self.assertEqual(said["READY"], "1")
        self.assertEqual(said["STATUS"], "1 role, 1 rule")
        for port in (gateway.port, gateway.tls_port):
            self.assertTrue(ports.is_listening(port))

        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        gateway.signal(signal.SIGHUP)
        said = self.hear()
        self.assertEqual(said["RELOADING"], "1")
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self.assertTrue(before <= int(said["MONOTONIC_USEC"]) <= after, said)
        self.assertEqual(self.hear(), {"READY": "1", "STATUS": "1 role, 1 rule"})

        gateway.write_policy("nonsense = 1\n")
        gateway.signal(signal.SIGHUP)
        self.assertEqual(self.hear()["RELOADING"], "1")
        said = self.hear()
        self.assertEqual(said["READY"], "1")
        self.assertIn("1 role, 1 rule; the last reload failed", said["STATUS"])

        gateway.signal(signal.SIGTERM)
        said = self.hear()
        self.assertEqual(said["STOPPING"], "1")
        # Longer than a drain can take, so that nobody cuts it off.
        self.assertGreater(int(said["EXTEND_TIMEOUT_USEC"]), 23_000_000)
        self.assertEqual(gateway.process.wait(30), 0)
        gateway.stopped_already()

    def test_one_that_cannot_start_is_never_ready(self):
        gateway = self.managed()
        with socket.create_server(("127.0.0.1", gateway.port)):
            gateway.begin()
            self.assertEqual(gateway.process.wait(30), 1)
        self.assertIsNone(self.hear(0.1))
        gateway.stopped_already()

    def test_the_abstract_namespace_and_a_manager_that_is_gone(self):
        gateway = self.managed(address=f"@sallyport-{os.getpid()}-{time.monotonic_ns()}", watchdog=1)
        gateway.start()
        self.assertEqual(self.hear()["READY"], "1")
        self.manager.close()
        self.assertTrue(gateway.reload())

    def test_the_watchdog_of_another_process_is_not_fed(self):
        gateway = self.managed(watchdog=0.2)
        with unittest.mock.patch.dict(os.environ, {"WATCHDOG_PID": "1"}):
            gateway.start()
        self.assertEqual(self.hear()["READY"], "1")
        self.assertIsNone(self.hear(1))

    def test_the_watchdog_is_fed_only_while_every_worker_answers(self):
        gateway = self.managed(watchdog=1, workers=2)
        gateway.start()
        self.assertEqual(self.hear()["READY"], "1")
        for _ in range(3):
            self.assertEqual(self.hear(), {"WATCHDOG": "1"})
        with stopped_threads(gateway.process.pid):
            wait.until(lambda: "watchdog is told nothing: worker 0: no turn" in gateway.log(),
                       lambda: "the log says so: " + gateway.log())
            while self.hear(0.1):
                pass
            self.assertIsNone(self.hear(2))
        self.assertEqual(self.hear(), {"WATCHDOG": "1"})

    test_the_watchdog_is_fed_only_while_every_worker_answers.slow = True
