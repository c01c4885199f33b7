"""Descriptors: some are held back, whoever is in keeps working, new clients are refused by name."""

import os
import re
import resource
import signal
import socket
import threading
import time

from support import gateway as gateways
from support import metrics, wait, wire
from support.case import Case

CHECK = "connection.no-files"
POLICY_WITHOUT_T = gateways.OPEN_POLICY + '[[role.deny]]\nid = "no-t"\npublish = ["t"]\n'


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Files(Case):
    def few_files(self, number=160, **options):
        """A gateway that may open so many."""
        gateway = self.gateway(self.fake_broker(), start=False, **options)
        # The gateway raises its soft limit as far as it may, so the hard one is set, too.
        return gateway.start(
            before_exec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (number, number)))

    def crowd(self, gateway, number=200):
        """So many connections that say nothing, and the proof that some were refused."""
        held = [self.client(gateway.port) for _ in range(number)]
        gateway.wait_audit(check=CHECK)
        gateway.wait_metric(1, "sallyport_refusals_total", rule=CHECK)
        return held

    def test_whoever_is_in_keeps_working_and_new_clients_are_refused_by_name(self):
        gateway = self.few_files()
        live = self.client(gateway.port).open_session("live")
        early = self.client(gateway.port)  # is in, and has no way to the broker yet
        early.send(wire.connect("early")[:5])
        gateway.wait_metric(2, "sallyport_connections_accepted_total", listener="plain")
        held = self.crowd(gateway)

        live.send(wire.publish("t", b"x", qos=1))
        live.expect(wire.PUBACK)
        early.send(wire.connect("early")[5:])
        self.assertEqual(early.expect(wire.CONNACK).reason, 0)
        line = gateway.audit_lines(check=CHECK)[0]
        self.assertEqual((line["event"], line["phase"], line["listener"]), ("refusal", "accept", "plain"))
        self.assertTrue(line["address"].startswith("127.0.0.1"))
        self.until(lambda: re.search(rf'listener "plain" refused .* connections?: .*\({CHECK}\)', gateway.log()),
                   "the log says what it is")

        for path in ("/healthz", "/readyz", "/metrics"):
            self.assertEqual(metrics.get(gateway.url(path))[0], 200)
        gateway.write_policy(POLICY_WITHOUT_T)
        self.assertTrue(gateway.reload())
        self.until(lambda: self._refused(live), "the new policy holds for who is in")
        os.rename(gateway.audit_path, gateway.path("audit.1"))
        gateway.signal(signal.SIGUSR1)
        self.until(lambda: os.path.exists(gateway.audit_path), "the audit log is opened again")

        before = cpu_seconds(gateway.process.pid)
        time.sleep(1)  # nothing is waited for here: it is what nobody does in this second
        self.assertLess(cpu_seconds(gateway.process.pid) - before, 0.5, "something spins")

        for client in held:
            client.close()
        self.until(lambda: self.lets_in(gateway.port), "it lets clients in again")

    def _refused(self, client):
        client.send(wire.publish("t", b"x", qos=1, version=client.version))
        client.expect(wire.PUBACK)
        return True if self._lines_of_t() else False

    def _lines_of_t(self):
        return any("no-t" in str(line) for gateway in self._gateways for line in gateway.audit())

    def test_more_are_held_back_where_the_key_says_so(self):
        few = self.few_files(160, more="[files]\nheld_back = 16\n")
        most = self.few_files(160, more="[files]\nheld_back = 40\n")
        # A connection takes two, so that one of the rest may be left over.
        self.assertAlmostEqual(self._places(few) - self._places(most), (40 - 16) // 2, delta=1)

    def _places(self, gateway):
        """How many connections get in, of more than there is room for."""
        return 200 - self._refusals(gateway, 200)

    def _refusals(self, gateway, number):
        held = [self.client(gateway.port) for _ in range(number)]
        self.assertEqual(len(held), number)

        def decided():
            now = gateway.metrics()
            refused = now.value("sallyport_refusals_total", rule=CHECK)
            return refused and now.value("sallyport_connections_accepted_total", listener="plain") + refused >= number
        self.until(decided, "all are decided")
        return int(gateway.metrics().value("sallyport_refusals_total", rule=CHECK))

    def test_too_few_for_a_single_connection_is_said_at_the_start(self):
        gateway = self.gateway(self.fake_broker(), start=False)
        with self.assertRaises(AssertionError):
            gateway.start(before_exec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24)))
        self.assertIn("files", gateway.log())
        gateway.stopped_already()

    def test_the_warning_at_the_start_says_for_how_many_they_suffice(self):
        log = self.few_files(160).log()
        said = re.search(r"may open 160 files, enough for (\d+) connections, but its listeners allow 20000 .*"
                         r"to (\d+) or lower", log)
        self.assertTrue(said, log)
        self.assertEqual(int(said[2]), 160 + 2 * (20000 - int(said[1])))


class Observe(Case):
    """The observe address, whatever its clients do."""

    def probe(self, gateway):
        self.assertEqual(metrics.get(gateway.url("/healthz"), bound=wait.BOUND)[0], 200)

    def test_probes_beside_clients_that_send_half_a_request(self):
        gateway = self.gateway(self.fake_broker(), observe_more='timeout = "10 min"\n')
        half = [self.client(gateway.metrics_port) for _ in range(300)]
        for number, client in enumerate(half):
            try:
                client.send(b"GET /metrics HTTP/1.1\r\nX: ")
            except OSError:
                pass  # put out already
            if number % 20 == 0:
                self.probe(gateway)
        self.probe(gateway)
        self.assertEqual(metrics.get(gateway.url("/metrics"))[0], 200)

    def test_probes_beside_clients_that_do_not_take_their_answers(self):
        gateway = self.gateway(self.fake_broker(), observe_more='timeout = "10 min"\nmax_clients = 4\n')
        for _ in range(30):
            deaf = socket.socket()
            self.addCleanup(deaf.close)
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            deaf.connect(("127.0.0.1", gateway.metrics_port))
            deaf.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            self.probe(gateway)

    def test_probes_beside_thousands_of_scrapes(self):
        gateway = self.gateway(self.fake_broker())
        enough = threading.Event()

        def scrape():
            while not enough.is_set():
                try:
                    with socket.create_connection(("127.0.0.1", gateway.metrics_port), wait.BOUND) as one:
                        one.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
                        while one.recv(65536):
                            pass
                except OSError:
                    pass
        threads = [threading.Thread(target=scrape, daemon=True) for _ in range(40)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(30):
                self.probe(gateway)
        finally:
            enough.set()
            for thread in threads:
                thread.join()

    def test_probes_during_a_slow_reload(self):
        """A reload works on the main thread; nobody who probes waits for it: who did would be answered once."""
        gateway = self.gateway(self.fake_broker())
        gateway.write_policy("".join(f'[[role]]\nname = "r{n}"\n[[role.allow]]\nid = "a{n}"\npublish = ["t{n}/#"]\n'
                                     for n in range(1_000)))
        gateway.signal(signal.SIGHUP)
        answered = 0
        while gateway.metrics().value("sallyport_config_reloads_total", result="ok") < 1:
            self.probe(gateway)
            answered += 1
        self.assertGreater(answered, 3)

    def test_a_client_too_slow_for_the_deadline_is_put_out(self):
        gateway = self.gateway(self.fake_broker(), observe_more='timeout = "1 s"\n')
        client = self.client(gateway.metrics_port)
        client.send(b"GET /healthz HT")
        client.expect_end()
