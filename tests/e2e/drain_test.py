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
