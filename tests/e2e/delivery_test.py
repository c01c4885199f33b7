"""Deliveries are checked as reads, with a real broker: what is refused does not arrive, and does not
stop what is allowed."""

from support import wire
from support.case import VERSIONS, Case
from support.client import Client

POLICY = """
[[role]]
name = "everybody"

[[role.allow]]
id = "all"
publish = ["#"]
subscribe = ["#"]

[[role.deny]]
id = "no-secrets"
subscribe = ["secret/#"]
"""


class Delivery(Case):
    def setUp(self):
        super().setUp()
        self.broker = self.mosquitto(["max_inflight_messages 1"])
        self.running = self.gateway(self.broker, POLICY)

    def publisher(self):
        """A client of the broker's own port: the gateway does not see what it does."""
        client = Client(self.broker.port)
        self.addCleanup(client.close)
        return client.open_session("publisher")

    def subscriber(self, version, *filters, qos=2):
        client = self.client(self.running.port, version=version)
        client.open_session(f"subscriber-{version}")
        self.assertEqual(client.subscribe(*filters, qos=qos), [qos] * len(filters))
        return client

    def test_deny_secret_holds_against_subscribe_everything(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                client = self.subscriber(version, "#", qos=0)
                publisher = self.publisher()
                publisher.send(wire.publish("secret/x", b"1"), wire.publish("plain/x", b"2"),
                               wire.publish("secret", b"3"), wire.publish("secrets/x", b"4"))
                self.assertEqual([client.expect(wire.PUBLISH).topic for _ in range(2)],
                                 ["plain/x", "secrets/x"])
                client.ping()
        self.running.wait_audit(event="refusal", rule="no-secrets", **{"from": "broker"})

    def refused_deliveries_are_acknowledged(self, version, qos):
        """The broker has a window of one message: were a refused one not acknowledged, nothing would
        come after it."""
        client = self.subscriber(version, "#", qos=qos)
        publisher = self.publisher()
        for number in range(10):
            publisher.send(wire.publish(f"secret/{number}", b"x", qos=qos, packet_id=number + 1))
            publisher.expect(wire.PUBACK if qos == 1 else wire.PUBREC)
            if qos == 2:
                publisher.send(wire.ack(wire.PUBREL, number + 1))
                publisher.expect(wire.PUBCOMP)
        publisher.send(wire.publish("plain/x", b"at last", qos=qos, packet_id=99))
        if qos == 2:
            publisher.expect(wire.PUBREC)
            publisher.send(wire.ack(wire.PUBREL, 99))
        packet = client.expect(wire.PUBLISH)
        self.assertEqual((packet.topic, packet.qos, packet.payload), ("plain/x", qos, b"at last"))

    def test_refused_qos_1_deliveries_of_3_1_1_are_acknowledged_to_the_broker(self):
        self.refused_deliveries_are_acknowledged(4, 1)

    def test_refused_qos_2_deliveries_of_3_1_1_are_acknowledged_to_the_broker(self):
        self.refused_deliveries_are_acknowledged(4, 2)

    def test_refused_qos_1_deliveries_of_5_0_are_acknowledged_to_the_broker(self):
        self.refused_deliveries_are_acknowledged(5, 1)

    def test_refused_qos_2_deliveries_of_5_0_are_acknowledged_to_the_broker(self):
        self.refused_deliveries_are_acknowledged(5, 2)

    def test_refused_retained_messages_are_not_delivered(self):
        publisher = self.publisher()
        publisher.send(wire.publish("secret/r", b"1", retain=True), wire.publish("plain/r", b"2", retain=True))
        publisher.ping()
        client = self.subscriber(4, "#", qos=1)
        packet = client.expect(wire.PUBLISH)
        self.assertEqual((packet.topic, packet.retain), ("plain/r", True))
        client.ping()

    def test_refused_deliveries_queued_for_a_persistent_session_do_not_block_it(self):
        """They come again with DUP after a reconnect, and are acknowledged again."""
        client = self.client(self.running.port)
        client.open_session("sleeper", clean=False)
        client.subscribe("#", qos=1)
        client.abort()
        self.running.wait_gauge(0, "sallyport_sessions_open")
        publisher = self.publisher()
        for number, topic in enumerate(("secret/a", "secret/b", "plain/c"), 1):
            publisher.send(wire.publish(topic, b"queued", qos=1, packet_id=number))
            publisher.expect(wire.PUBACK)
        client = self.client(self.running.port)
        client.open_session("sleeper", clean=False)
        packet = client.expect(wire.PUBLISH)
        self.assertEqual(packet.topic, "plain/c")
        client.send(wire.ack(wire.PUBACK, packet.packet_id))
        client.ping()
