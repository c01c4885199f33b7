"""Topic aliases of 5.0, in both directions, where the packet that set one was refused."""

from support import wire
from support.case import Case
from support.fake_broker import polite

POLICY = """
[[role]]
name = "everybody"

[[role.allow]]
id = "small"
publish = ["plant/#"]
subscribe = ["#"]
max_payload = "100 B"
"""
STRICT = POLICY + """
[[role.deny]]
id = "not-now"
subscribe = ["plant/#"]
"""


def alias(number):
    return [(wire.TOPIC_ALIAS, number)]


def answer(connection, packet):
    if packet.kind == wire.CONNECT:
        connection.send(wire.connack(version=5, props=[(wire.TOPIC_ALIAS_MAXIMUM, 5),
                                                       (wire.MAXIMUM_PACKET_SIZE, 65536)]))
    else:
        polite(connection, packet)


class Alias(Case):
    def session(self, policy=POLICY):
        broker = self.fake_broker(answer)
        self.running = self.gateway(broker, policy)
        client = self.client(self.running.port, version=5)
        client.open_session("client", props=[(wire.TOPIC_ALIAS_MAXIMUM, 5)])
        return client, broker.connection()

    def test_an_alias_that_the_broker_never_learnt_gets_its_topic_back(self):
        client, connection = self.session()
        client.send(wire.publish("plant/x", b"x" * 500, qos=1, packet_id=1, version=5, props=alias(1)))
        self.assertGreaterEqual(client.expect(wire.PUBACK).reason, 0x80)
        client.send(wire.publish("", b"fits", qos=1, packet_id=2, version=5, props=alias(1)))
        self.assertEqual(client.expect(wire.PUBACK).reason, 0)
        packet = connection.wait_packet(wire.PUBLISH)
        self.assertEqual((packet.topic, packet.props, packet.payload), ("plant/x", alias(1), b"fits"))
        # Now the broker knows it: the next one passes as it is.
        again = wire.publish("", b"again", qos=1, packet_id=3, version=5, props=alias(1))
        client.send(again)
        client.expect(wire.PUBACK)
        self.assertEqual(connection.wait_packet(wire.PUBLISH, 2).raw, again)
        self.running.wait_metric(1, "sallyport_rewrites_total", what="topic_alias")

    def test_an_alias_of_a_refused_topic_is_refused_as_well(self):
        client, connection = self.session()
        client.send(wire.publish("elsewhere", b"x", qos=1, packet_id=1, version=5, props=alias(2)),
                    wire.publish("", b"x", qos=1, packet_id=2, version=5, props=alias(2)))
        for packet_id in (1, 2):
            packet = client.expect(wire.PUBACK)
            self.assertEqual((packet.packet_id, packet.reason), (packet_id, 0x87))
        self.assertEqual(connection.of_kind(wire.PUBLISH), [])

    def test_a_refused_packet_that_changes_an_alias_changes_it(self):
        """The client believes that the alias stands for the refused packet's topic from then on."""
        client, connection = self.session()
        client.send(wire.publish("plant/old", b"1", version=5, props=alias(1)),
                    wire.publish("plant/new", b"x" * 500, version=5, props=alias(1)),
                    wire.publish("", b"2", version=5, props=alias(1)))
        self.assertEqual([p.topic for p in (connection.wait_packet(wire.PUBLISH, 1),
                                            connection.wait_packet(wire.PUBLISH, 2))],
                         ["plant/old", "plant/new"])

    def test_allowed_aliases_pass_verbatim(self):
        client, connection = self.session()
        packets = [wire.publish("plant/a", b"1", version=5, props=alias(5)),
                   wire.publish("", b"2", version=5, props=alias(5)),
                   wire.publish("plant/b", b"3", version=5, props=alias(5)),
                   wire.publish("", b"4", version=5, props=alias(5))]
        client.send(b"".join(packets))
        connection.wait_packet(wire.PUBLISH, 4)
        self.assertEqual([p.raw for p in connection.of_kind(wire.PUBLISH)], packets)

    def test_unknown_and_too_large_aliases_end_the_session(self):
        for props, topic in ((alias(0), "plant/a"), (alias(6), "plant/a"), (alias(3), "")):
            with self.subTest(props=props):
                client, connection = self.session()
                client.send(wire.publish(topic, b"x", version=5, props=props))
                self.assertIn(client.expect(wire.DISCONNECT).reason, (0x94, 0x82))
                client.expect_end()
                self.assertEqual(connection.of_kind(wire.PUBLISH), [])

    def test_an_alias_of_a_refused_delivery_gets_its_topic_back_for_the_client(self):
        client, connection = self.session(STRICT)
        connection.send(wire.publish("plant/x", b"1", qos=1, packet_id=4, version=5, props=alias(1)))
        connection.wait_packet(wire.PUBACK)  # refused, and acknowledged for the client
        client.ping()
        self.running.write_policy(POLICY)
        self.assertTrue(self.running.reload())
        client.ping()
        connection.send(wire.publish("", b"2", version=5, props=alias(1)))
        packet = client.expect(wire.PUBLISH)
        self.assertEqual((packet.topic, packet.props, packet.payload), ("plant/x", alias(1), b"2"))
        again = wire.publish("", b"3", version=5, props=alias(1))
        connection.send(again)
        client.expect_raw(again)

    def test_an_alias_of_a_refused_delivery_is_refused_as_well(self):
        client, connection = self.session(STRICT)
        connection.send(wire.publish("plant/x", b"1", version=5, props=alias(1)),
                        wire.publish("", b"2", version=5, props=alias(1)),
                        wire.publish("other/x", b"3", version=5, props=alias(2)))
        self.assertEqual(client.expect(wire.PUBLISH).topic, "other/x")
