"""SIGTERM: the gateway stops accepting, says goodbye and ends in time, whatever its clients do."""

import signal
import subprocess
import time

from support import metrics, ports, wire
from support.case import Case


class Drain(Case):
    def running(self, broker=None, **options):
        self.broker = broker or self.fake_broker()
        return self.gateway(self.broker, **options)

    def ended(self, gateway, bound=30):
        try:
            return gateway.process.wait(bound)
        except subprocess.TimeoutExpired:
            self.fail(f"still there after {bound} s: {gateway.log()}")

    def test_clients_are_told_and_the_process_ends_well(self):
        gateway = self.running()
        clients = [self.client(gateway.port, version=v).open_session(f"c{v}") for v in (3, 4, 5)]
        clients.append(self.client(gateway.tls_port, tls="sensor-1", version=5).open_session("tls"))
        gateway.signal(signal.SIGTERM)
        for client in clients:
            if client.version == 5:
                self.assertEqual(client.expect(wire.DISCONNECT).reason, 0x8B)
            client.expect_end()
        self.assertEqual(self.ended(gateway), 0)
        self.assertEqual(len(gateway.audit_lines(event="session_end", kind="shutdown")), 4)
        for port in (gateway.port, gateway.tls_port, gateway.metrics_port):
            self.assertFalse(ports.is_listening(port))
        for connection in self.broker.connections:
            connection.wait_end()
        gateway.stopped_already()

    def test_sigint_ends_it_as_well(self):
        gateway = self.running()
        self.client(gateway.port).open_session("c")
        gateway.signal(signal.SIGINT)
        self.assertEqual(self.ended(gateway), 0)
        gateway.stopped_already()

    def test_without_clients_it_ends_at_once(self):
        gateway = self.running()
        begin = time.monotonic()
        gateway.signal(signal.SIGTERM)
        self.assertEqual(self.ended(gateway), 0)
        self.assertLess(time.monotonic() - begin, 5)
        gateway.stopped_already()

    def test_clients_that_do_not_read_do_not_hold_it_up(self):
        gateway = self.running(more='[drain]\ntimeout = "1 s"')
        client = self.client(gateway.port, receive_buffer=4096).open_session("deaf")
        self.broker.connection().send_some(wire.publish("t", b"x" * 65_000) * 1000, 0.5)
        half_open = self.client(gateway.tls_port)  # never says a word
        gateway.signal(signal.SIGTERM)
        self.assertEqual(self.ended(gateway, 15), 0)
        gateway.stopped_already()
        del client, half_open

    def test_a_broker_that_does_not_read_does_not_hold_it_up(self):
        gateway = self.running(self.fake_broker(receive_buffer=4096), more='[drain]\ntimeout = "1 s"')
        client = self.client(gateway.port).open_session("busy")
        self.broker.reading.clear()
        client.send_some(wire.publish("t", b"x" * 65_000) * 1000, 0.5)
        gateway.signal(signal.SIGTERM)
        self.assertEqual(self.ended(gateway, 15), 0)
        gateway.stopped_already()

    def test_a_client_whose_connect_waits_for_the_broker(self):
        gateway = self.running(self.fake_broker(answer=None), more='[drain]\ntimeout = "1 s"')
        client = self.client(gateway.port, version=5)
        client.send(wire.connect("c", version=5))
        self.broker.connection().wait_packet(wire.CONNECT)
        gateway.signal(signal.SIGTERM)
        self.assertEqual(self.ended(gateway, 15), 0)
        while client.receive():
            pass
        gateway.stopped_already()

    def test_in_the_delay_it_lets_clients_in_but_is_not_ready(self):
        gateway = self.running(more='[drain]\ndelay = "10 min"')
        first = self.client(gateway.port, version=5).open_session("first")
        gateway.signal(signal.SIGTERM)
        self.until(lambda: metrics.get(gateway.url("/readyz"))[0] == 503, "it is not ready any more")
        self.assertEqual(metrics.get(gateway.url("/healthz"))[0], 200)
        self.assertEqual(gateway.metrics().value("sallyport_ready"), 0)
        self.assertEqual(gateway.metrics().value("sallyport_draining"), 1)
        late = self.client(gateway.port, version=5).open_session("late")
        for client in (first, late):
            client.ping()
        gateway.signal(signal.SIGTERM)
        self.assertEqual(self.ended(gateway), 0)
        gateway.stopped_already()

    def test_behind_the_delay_clients_are_told(self):
        gateway = self.running(more='[drain]\ndelay = "500 ms"')
        client = self.client(gateway.port, version=5).open_session("c")
        begin = time.monotonic()
        gateway.signal(signal.SIGTERM)
        self.assertEqual(client.expect(wire.DISCONNECT).reason, 0x8B)
        self.assertGreaterEqual(time.monotonic() - begin, 0.5)
        client.expect_end()
        self.assertEqual(self.ended(gateway), 0)
        gateway.stopped_already()

    def test_sessions_go_one_by_one_and_idle_ones_first(self):
        gateway = self.running(more='[drain]\nwindow = "4 s"')
        busy = [self.client(gateway.port, version=5).open_session(f"busy-{i}") for i in range(4)]
        idle = [self.client(gateway.port, version=5).open_session(f"idle-{i}") for i in range(4)]
        for client in busy:
            client.ping()
        gateway.signal(signal.SIGTERM)
        for client in idle:
            self.assertEqual(client.expect(wire.DISCONNECT).reason, 0x8B)
        self.assertFalse(ports.is_listening(gateway.port))
        for client in busy:
            client.ping()  # it is served still
        for client in busy:
            client.expect(wire.DISCONNECT)
        self.assertEqual(self.ended(gateway), 0)
        ends = [(line["client_id"], line["time"]) for line in gateway.audit_lines(event="session_end")]
        self.assertEqual([name for name, _ in ends],
                         [f"{what}-{i}" for what in ("idle", "busy") for i in range(4)])
        gateway.stopped_already()

    def test_clients_are_sent_elsewhere(self):
        gateway = self.running(more='[drain]\nserver_references = ["b.example:8883", "c.example"]')
        clients = [self.client(gateway.port, version=v).open_session(f"c{v}") for v in (4, 5)]
        gateway.signal(signal.SIGTERM)
        clients[0].expect_end()
        clients[1].expect_raw(b"\xe0\x1d\x9c\x1b\x1c\x00\x18b.example:8883 c.example")
        self.assertEqual(self.ended(gateway), 0)
        gateway.stopped_already()

    def test_a_second_sigterm_in_the_delay_or_the_window_ends_at_once(self):
        for times in ('delay = "10 min"', 'window = "1 h"'):
            with self.subTest(times):
                gateway = self.running(more=f"[drain]\n{times}\n")
                clients = [self.client(gateway.port).open_session(f"c{i}") for i in range(2)]
                gateway.signal(signal.SIGTERM)
                self.until(lambda: "draining for at most" in gateway.log(), "it drains")
                gateway.signal(signal.SIGTERM)
                self.assertEqual(self.ended(gateway), 0)
                self.assertIn("ending at once", gateway.log())
                gateway.stopped_already()
                del clients

    def test_a_second_sigterm_changes_nothing(self):
        gateway = self.running()
        self.client(gateway.port).open_session("c")
        gateway.signal(signal.SIGTERM)
        try:
            gateway.signal(signal.SIGTERM)
        except ProcessLookupError:
            pass
        self.assertEqual(self.ended(gateway), 0)
        gateway.stopped_already()

    def test_it_starts_again_on_the_same_ports_at_once(self):
        gateway = self.running()
        client = self.client(gateway.port).open_session("c")
        gateway.signal(signal.SIGTERM)
        client.expect_end()
        self.assertEqual(self.ended(gateway), 0)
        gateway.start()
        self.client(gateway.port).open_session("c")
        self.assertEqual(metrics.get(gateway.url("/readyz"))[0], 200)
