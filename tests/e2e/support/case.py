"""The base of all end-to-end tests."""

import os
import shutil
import tempfile
import unittest

from . import client, fake_broker, gateway, mosquitto, wait

# The versions most tests are run for; 3.1 has tests of its own where it differs.
VERSIONS = (4, 5)


class Case(unittest.TestCase):
    """What a test starts is stopped at its end, last first; a gateway must have ended well."""

    maxDiff = 4000
    until = staticmethod(wait.until)

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix=self._testMethodName[:60] + "-",
                                          dir=os.environ.get("SALLYPORT_E2E_TMP"))
        self._gateways = []
        self._failures_before = self._failure_count()
        self.addCleanup(self._tidy)

    def _failure_count(self):
        outcome = getattr(self._outcome, "result", None)
        return len(outcome.failures) + len(outcome.errors) if outcome else 0

    def _tidy(self):
        """A failing test leaves its files, and shows the end of the gateway's log."""
        if self._failure_count() == self._failures_before and self._outcome.success:
            shutil.rmtree(self.directory, ignore_errors=True)
            return
        print(f"--- files of {self.id()}: {self.directory}")
        for one in self._gateways:
            if os.path.exists(one.log_path):
                print("--- the gateway's log ends with:\n" + one.log()[-6000:])

    def subdirectory(self, name):
        path = os.path.join(self.directory, name)
        os.mkdir(path)
        return path

    def mosquitto(self, *args, **options):
        broker = mosquitto.Mosquitto(self.directory, *args, **options)
        self.addCleanup(broker.stop)
        return broker

    def fake_broker(self, *args, **options):
        broker = fake_broker.FakeBroker(*args, **options)
        self.addCleanup(broker.stop)
        return broker

    def gateway(self, broker, *args, start=True, **options):
        """A running gateway before `broker`."""
        made = gateway.Gateway(self.subdirectory(f"gateway-{len(self._gateways) + 1}"), broker, *args,
                               **options)
        self._gateways.append(made)
        self.addCleanup(made.stop)
        return made.start() if start else made

    def client(self, port, *args, **options):
        made = client.Client(port, *args, **options)
        self.addCleanup(made.close)
        return made

    def lets_in(self, port):
        """Whether a client gets in, for until()."""
        try:
            with self.client(port) as made:
                return made.connect("c").reason == 0
        except (OSError, AssertionError):
            return False
