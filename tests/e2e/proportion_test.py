"""What is wrong or too much costs that packet, or ends as it would end at the broker: before a real mosquitto."""

from support import wire
from support.case import VERSIONS, Case
from support.gateway import OPEN_POLICY, Listener


class Proportion(Case):
    def both(self, **options):
        """The same broker, without the gateway and behind it."""
        broker = self.mosquitto()
        running = self.gateway(broker, OPEN_POLICY, [Listener("devices", **options)])
        return broker, running

    def test_a_hub_subscribes_to_500_filters_at_once_and_to_more(self):
        broker, running = self.both()
        for version in VERSIONS:
            for count in (500, 512, 600):
                client = self.client(running.port, version=version)
                client.open_session(f"hub-{version}-{count}")
                filters = [f"homeassistant/sensor/{i}/state" for i in range(count)]
                codes = client.subscribe(*filters, qos=0)
                no = 0x97 if version == 5 else 0x80
                self.assertEqual(codes, [0] * min(count, 512) + [no] * max(count - 512, 0))
                sender = self.client(broker.port)
                sender.open_session(f"sender-{version}-{count}")
                sender.send(wire.publish(filters[511 if count > 511 else count - 1], b"on"))
                self.assertEqual(client.expect(wire.PUBLISH).payload, b"on")
                client.send(wire.unsubscribe(filters, 2, version))
                client.expect(wire.UNSUBACK)
                client.ping()
        running.wait_audit(len(VERSIONS), event="refusal", check="mqtt.too-many-filters", action="drop")
        self.assertEqual(len(running.audit_lines(event="refusal")), len(VERSIONS))

    def test_a_wrong_acknowledgement_ends_the_session_as_at_the_broker(self):
        broker, running = self.both()
        wrong = [(1, [wire.PUBREC]), (1, [wire.PUBCOMP]), (2, [wire.PUBACK]), (2, [wire.PUBCOMP])]
        for version in VERSIONS:
            for qos, acks in wrong:
                with self.subTest(version=version, qos=qos, acks=acks):
                    topic = f"t/{version}/{qos}/{acks[0]}"
                    client = self.client(running.port, version=version)
                    client.open_session(topic.replace("/", "-"))
                    client.subscribe(topic, qos=qos)
                    sender = self.client(broker.port)
                    sender.open_session("sender")
                    sender.send(wire.publish(topic, b"x", qos, packet_id=1))
                    if qos == 2:
                        sender.expect(wire.PUBREC)
                        sender.send(wire.ack(wire.PUBREL, 1))
                    delivery = client.expect(wire.PUBLISH)
                    self.assertEqual(delivery.qos, qos)
                    for kind in acks:
                        client.send(wire.ack(kind, delivery.packet_id))
                    if version == 5:
                        self.assertEqual(client.expect(wire.DISCONNECT).reason, 0x82)
                    client.expect_end()
        running.wait_audit(len(wrong) * len(VERSIONS), event="refusal", check="mqtt.wrong-ack", action="disconnect")
        running.wait_metric(len(wrong) * len(VERSIONS), "sallyport_refusals_total", rule="mqtt.wrong-ack")

    def test_bounds_at_mqtts_own_maximum_leave_connack_as_it_is(self):
        limits = """limits = { max_packet = "256 MiB", max_keep_alive = "65535 s", max_qos2_in_flight = 65535,
                    max_topic_aliases = 65535 }""".replace("\n", " ")
        broker, running = self.both(more=limits + "\n")
        for keep_alive in (0, 60, 65535):
            answers = []
            for port in (broker.port, running.port):
                client = self.client(port, version=5)
                client.send(wire.connect("same", 5, keep_alive=keep_alive))
                answers.append(client.expect(wire.CONNACK).raw)
                client.send(wire.disconnect())
                client.expect_end()
            self.assertEqual(answers[0], answers[1])

    def test_unused_bits_of_3_1_reach_the_broker(self):
        broker = self.fake_broker()
        running = self.gateway(broker, OPEN_POLICY)
        client = self.client(running.port, version=3)
        odd = [bytes([packet[0] | 0x09]) + packet[1:]
               for packet in (wire.connect("old", 3), wire.subscribe([("a", 0xFC)], 1, 3), wire.pingreq())]
        client.send(odd[0])
        client.expect(wire.CONNACK)
        client.send(odd[1])
        client.expect(wire.SUBACK)
        client.send(odd[2])
        client.expect(wire.PINGRESP)
        self.assertEqual([packet.raw for packet in broker.connection().packets], odd)
        self.assertEqual(running.audit_lines(event="refusal"), [])
