"""What the gateway says itself never lands inside a packet that is streaming past."""

import signal
import time

from support import wire
from support.case import VERSIONS, Case

POLICY = """
[[role]]
name = "everybody"

[[role.allow]]
id = "open"
publish = ["open/#"]
subscribe = ["#"]

[[role.deny]]
id = "secret"
subscribe = ["secret/#"]
"""
LARGE = 100_000


class Streaming(Case):
    def session(self, version, tls=False):
        self.broker = self.fake_broker()
        self.running = self.gateway(self.broker, POLICY)
        client = self.client(self.running.tls_port if tls else self.running.port, version=version,
                             tls="sensor-1" if tls else None)
        client.open_session("client")
        return client, self.broker.connection()

    def delivery(self, version):
        return wire.publish("open/x", b"d" * LARGE, version=version)

    def half_delivered(self, client, connection, version):
        """The first half of a delivery has reached the client."""
        data = self.delivery(version)
        connection.send(data[:LARGE // 2])
        self.until(lambda: self._read_some(client) > 1000, "the delivery streams through")
        return data[LARGE // 2:]

    @staticmethod
    def _read_some(client):
        client._fill(time.monotonic() + 1)  # pylint: disable=protected-access
        return len(client.buffer)

    def test_an_answer_to_the_client_waits_for_the_end_of_a_delivery(self):
        for version in VERSIONS:
            for tls in (False, True):
                with self.subTest(version=version, tls=tls):
                    client, connection = self.session(version, tls)
                    rest = self.half_delivered(client, connection, version)
                    client.send(wire.publish("refused", b"x", qos=1, packet_id=5, version=version),
                                wire.subscribe([("secret/x", 0)], 6, version))
                    self.running.wait_metric(2, "sallyport_refusals_total")
                    connection.send(rest)
                    client.expect_raw(self.delivery(version))
                    self.assertEqual(client.expect(wire.PUBACK).packet_id, 5)
                    self.assertEqual(client.expect(wire.SUBACK).packet_id, 6)
                    client.ping()

    def test_an_answer_to_the_broker_waits_for_the_end_of_a_publish(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                client, connection = self.session(version)
                data = wire.publish("open/y", b"p" * LARGE, version=version)
                client.send(data[:LARGE // 2])
                self.until(lambda c=connection: len(c.received) > 1000, "the publish streams through")
                connection.send(wire.publish("secret/x", b"x", qos=1, packet_id=9, version=version))
                self.running.wait_metric(1, "sallyport_refusals_total", rule="secret")
                client.send(data[LARGE // 2:])
                self.assertEqual(connection.wait_packet(wire.PUBACK).packet_id, 9)
                self.assertTrue(connection.of_kind(wire.PUBLISH)[0].raw == data, "bytes differ")
                self.assertEqual([p.name for p in connection.packets], ["CONNECT", "PUBLISH", "PUBACK"])

    def goodbye_is_not_said_inside(self, bring_about):
        client, connection = self.session(5)
        self.half_delivered(client, connection, 5)
        bring_about(client)
        self.assertIsNone(client.receive())
        # Only bytes of the delivery came, no packet of the gateway's among them.
        self.assertTrue(self.delivery(5).startswith(bytes(client.buffer)), "bytes differ")

    def test_no_goodbye_inside_a_delivery_when_the_client_sends_garbage(self):
        self.goodbye_is_not_said_inside(lambda client: client.send(b"\x00\x00"))

    def test_no_goodbye_inside_a_delivery_when_the_gateway_ends(self):
        self.goodbye_is_not_said_inside(lambda client: self.running.signal(signal.SIGTERM))
        self.assertEqual(self.running.process.wait(30), 0)
        self.running.stopped_already()

    def test_no_goodbye_inside_a_delivery_when_the_broker_dies(self):
        self.goodbye_is_not_said_inside(lambda client: self.broker.connection().close())

    def test_a_refused_delivery_is_skipped_while_it_streams(self):
        client, connection = self.session(4)
        data = wire.publish("secret/x", b"s" * LARGE, qos=1, packet_id=3)
        connection.send(data[:LARGE // 2])
        self.running.wait_metric(1, "sallyport_refusals_total", rule="secret")
        connection.send(data[LARGE // 2:], wire.publish("open/x", b"after"))
        self.assertEqual(client.expect(wire.PUBLISH).payload, b"after")
        self.assertEqual(connection.wait_packet(wire.PUBACK).packet_id, 3)

    def test_a_publish_streams_to_the_broker_before_it_is_complete(self):
        client, connection = self.session(4)
        data = wire.publish("open/y", b"p" * LARGE)
        client.send(data[:-1])
        self.until(lambda: len(connection.received) > LARGE, "all but the last byte is at the broker")
        self.assertEqual(connection.of_kind(wire.PUBLISH), [])
        client.send(data[-1:])
        connection.wait_packet(wire.PUBLISH)

    def test_a_client_that_dies_inside_a_publish_leaves_half_a_packet_and_no_more(self):
        client, connection = self.session(4)
        data = wire.publish("open/y", b"p" * LARGE)
        client.send(data[:LARGE // 2])
        self.until(lambda: len(connection.received) > 1000, "it streams")
        client.abort()
        connection.wait_end()
        self.assertEqual([p.name for p in connection.packets], ["CONNECT"])

    def test_what_the_broker_sent_just_before_it_closed_arrives(self):
        for tls in (False, True):
            with self.subTest(tls=tls):
                client, connection = self.session(4, tls)
                packets = [wire.publish("open/x", bytes([n]) * 40_000) for n in range(20)]
                connection.send(b"".join(packets))
                connection.close()
                for packet in packets:
                    self.assertTrue(client.expect(wire.PUBLISH).raw == packet, "bytes differ")
                client.expect_end()

    def test_deliveries_cut_at_every_position(self):
        client, connection = self.session(5)
        packets = [wire.publish("open/a", b"12345", qos=1, packet_id=n + 1, version=5,
                                props=[(wire.USER_PROPERTY, ("k", "v"))]) for n in range(2)]
        refused = wire.publish("secret/a", b"no", version=5)
        data = packets[0] + refused + packets[1]
        for position in range(1, len(data)):
            connection.send_in_parts([data[:position], data[position:]])
            for packet_id, packet in enumerate(packets, 1):
                client.expect_raw(packet)
                client.send(wire.ack(wire.PUBACK, packet_id))
            connection.wait_packet(wire.PUBACK, 2 * position)
