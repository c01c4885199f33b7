"""A slow reader on either side: the gateway holds little, loses nothing and serves the others."""

import threading
import time

from support import gateway as gateways
from support import process, wire
from support.case import Case

MANY = 64 << 20          # offered, in bytes
# What one slow reader may cost: far below what was offered, with room for the kernel's accounting
# and for a sanitizer's bookkeeping.
FEW = 16 << 20
STILL = 1.0              # seconds without progress after which a sender is taken for stopped


class Slow(Case):
    def start(self, broker, tls=False):
        self.broker = broker
        self.running = self.gateway(broker)
        self.tls = "sensor-1" if tls else None
        self.port = self.running.tls_port if tls else self.running.port
        # Everything that is made on first use has been made before memory is measured.
        warm = self.client(self.port, tls=self.tls).open_session("warm")
        warm.send(wire.publish("t", b"x" * 100_000))
        warm.ping()
        warm.close()
        self.running.wait_gauge(0, "sallyport_sessions_open")
        self.before = process.resident_bytes(self.running.process.pid)

    def grown(self):
        return process.resident_bytes(self.running.process.pid) - self.before

    def slow_client(self, tls):
        self.start(self.fake_broker(), tls)
        client = self.client(self.port, tls=self.tls, receive_buffer=65536).open_session("slow")
        connection = self.broker.connection(1)
        one = wire.publish("t/x", b"x" * 65_000)
        offered = one * (MANY // len(one))
        sent = connection.send_some(offered, STILL)
        self.assertLess(sent, len(offered), "the gateway took all that the client did not read")
        self.assertLess(self.grown(), FEW)
        self.running.wait_metric(1, "sallyport_backpressure_pauses_total", slow="client")
        # Meanwhile somebody else on the same worker is served.
        other = self.client(self.port, tls=self.tls).open_session("other")
        other.ping()
        # And when the slow one reads again, all arrives.
        rest = threading.Thread(target=connection.send, args=(offered[sent:sent + 2_000_000],))
        rest.start()
        total = (sent + len(offered[sent:sent + 2_000_000])) // len(one)
        for _ in range(total):
            self.assertTrue(client.expect(wire.PUBLISH).raw == one, "bytes differ")
        rest.join()
        self.assertLess(self.grown(), FEW)

    def test_a_client_that_does_not_read(self):
        self.slow_client(tls=False)

    def test_a_tls_client_that_does_not_read(self):
        self.slow_client(tls=True)

    def slow_broker(self, tls):
        self.start(self.fake_broker(receive_buffer=65536), tls)
        client = self.client(self.port, tls=self.tls).open_session("busy")
        connection = self.broker.connection(1)
        self.broker.reading.clear()
        one = wire.publish("t/x", b"x" * 65_000)
        offered = one * (MANY // len(one))
        sent = client.send_some(offered, STILL)
        self.assertLess(sent, len(offered), "the gateway took all that the broker did not read")
        self.assertLess(self.grown(), FEW)
        self.running.wait_metric(1, "sallyport_backpressure_pauses_total", slow="broker")
        self.broker.reading.set()
        whole = -(-sent // len(one)) * len(one)
        client.send(offered[sent:whole], wire.pingreq())
        client.expect(wire.PINGRESP)
        packets = connection.of_kind(wire.PUBLISH)
        self.assertEqual(len(packets), whole // len(one))
        self.assertTrue(all(p.raw == one for p in packets), "bytes differ")

    def test_a_broker_that_does_not_read(self):
        self.slow_broker(tls=False)

    def test_a_broker_that_does_not_read_before_a_tls_client(self):
        self.slow_broker(tls=True)

    def test_replies_to_a_client_that_does_not_read_are_bounded(self):
        """Refused QoS 1 messages are answered by the gateway itself: the answers must not pile up."""
        broker = self.fake_broker()
        running = self.gateway(broker, """
[[role]]
name = "nobody"
[[role.allow]]
id = "one"
publish = ["one"]
""")
        client = self.client(running.port, receive_buffer=4096).open_session("c")
        before = process.resident_bytes(running.process.pid)
        flood = wire.publish("refused", b"", qos=1) * 200_000
        end = time.monotonic() + 20
        total = 0
        while time.monotonic() < end and total < 48 << 20:
            sent = client.send_some(flood, STILL)
            total += sent
            if sent < len(flood):
                break
        self.assertLess(process.resident_bytes(running.process.pid) - before, FEW)
        self.assertLess(total, 48 << 20, "the gateway went on reading from a client that does not read")

    def test_many_half_packets_are_bounded(self):
        """Each connection may hold a half packet up to its limit, and gives it back when it ends."""
        broker = self.fake_broker()
        running = self.gateway(broker)
        self.client(running.port).open_session("warm").close()
        before = process.resident_bytes(running.process.pid)
        held = []
        for number in range(100):
            client = self.client(running.port).open_session(f"c{number}")
            # The head of a SUBSCRIBE is gathered before it is decided.
            half = wire.packet(wire.SUBSCRIBE, 2, b"\0\1" + b"\0\5a/b/c\0" * 2000)
            client.send(half[:-10])
            held.append(client)
        for client in held:
            client.abort()
        running.wait_gauge(0, "sallyport_sessions_open")
        allowed = FEW * (4 if gateways.is_sanitized() else 1)
        self.assertLess(process.resident_bytes(running.process.pid) - before, allowed)


for name in dir(Slow):
    if name.startswith("test_"):
        getattr(Slow, name).slow = True
