"""A refused PUBLISH: what the client is told, per version and QoS, and that the broker sees nothing."""

from support import wire
from support.case import VERSIONS, Case

POLICY = """
[[role]]
name = "everybody"

[[role.allow]]
id = "open"
publish = ["open/#"]
subscribe = ["#"]

[[role.allow]]
id = "small"
publish = ["small/#"]
max_payload = "1 KiB"
max_qos = 1
retain = false

[[role.deny]]
id = "secret"
publish = ["open/secret/#"]

[[role.deny]]
id = "fatal"
publish = ["fatal/#"]
on_deny = "disconnect"

[[role.allow]]
id = "try"
publish = ["try/#"]

[[role.deny]]
id = "would-be-denied"
publish = ["try/it"]
on_deny = "report"
"""

NOT_AUTHORIZED, PAYLOAD_TOO_LARGE = 0x87, 0x83


class RefusedPublish(Case):
    def setUp(self):
        super().setUp()
        self.broker = self.fake_broker()
        self.running = self.gateway(self.broker, POLICY)

    def session(self, version):
        client = self.client(self.running.port, version=version)
        client.open_session(f"client-{version}")
        return client, self.broker.connection(self.broker.accepted - 1)

    def nothing_published(self, client, connection):
        client.ping()
        self.assertEqual(connection.of_kind(wire.PUBLISH), [])

    def test_qos_0_is_dropped_and_the_session_goes_on(self):
        for version in (3, 4, 5):
            with self.subTest(version=version):
                client, connection = self.session(version)
                client.send(wire.publish("elsewhere", b"x", version=version))
                self.nothing_published(client, connection)

    def test_qos_1_of_3_x_is_dropped_and_acknowledged(self):
        for version in (3, 4):
            with self.subTest(version=version):
                client, connection = self.session(version)
                client.send(wire.publish("elsewhere", b"x", qos=1, packet_id=513, version=version))
                client.expect_raw(b"\x40\x02\x02\x01")
                self.nothing_published(client, connection)

    def test_qos_1_of_5_0_is_acknowledged_with_the_reason(self):
        client, connection = self.session(5)
        client.send(wire.publish("elsewhere", b"x", qos=1, packet_id=513, version=5))
        client.expect_raw(b"\x40\x03\x02\x01\x87")
        self.nothing_published(client, connection)

    def test_qos_2_of_3_x_is_completed_by_the_gateway_alone(self):
        for version in (3, 4):
            with self.subTest(version=version):
                client, connection = self.session(version)
                client.send(wire.publish("elsewhere", b"x", qos=2, packet_id=7, version=version))
                client.expect_raw(b"\x50\x02\x00\x07")
                # The client did not see PUBREC and sends again: the answer is the same.
                client.send(wire.publish("elsewhere", b"x", qos=2, packet_id=7, version=version, dup=True))
                client.expect_raw(b"\x50\x02\x00\x07")
                client.send(wire.ack(wire.PUBREL, 7))
                client.expect_raw(b"\x70\x02\x00\x07")
                # ... nor PUBCOMP.
                client.send(wire.ack(wire.PUBREL, 7))
                client.expect_raw(b"\x70\x02\x00\x07")
                self.nothing_published(client, connection)
                self.assertLessEqual(len(connection.of_kind(wire.PUBREL)), 1)

    def test_qos_2_of_5_0_ends_with_pubrec_and_the_reason(self):
        client, connection = self.session(5)
        for _ in range(2):  # the identifier is free again at once
            client.send(wire.publish("elsewhere", b"x", qos=2, packet_id=7, version=5))
            client.expect_raw(b"\x50\x03\x00\x07\x87")
        client.send(wire.publish("open/x", b"x", qos=2, packet_id=7, version=5))
        self.assertEqual(client.expect(wire.PUBREC).reason, 0)
        client.send(wire.ack(wire.PUBREL, 7))
        client.expect(wire.PUBCOMP)
        self.assertEqual([p.topic for p in connection.of_kind(wire.PUBLISH)], ["open/x"])

    def test_allowed_and_refused_in_one_write_keep_their_order(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                client, connection = self.session(version)
                packets = [wire.publish(f"{'open' if n % 3 else 'elsewhere'}/{n}", bytes(n), qos=1,
                                        packet_id=n + 1, version=version) for n in range(60)]
                client.send(b"".join(packets))
                refused = {n + 1 for n in range(60) if n % 3 == 0}
                answers = {p.packet_id: p.reason for p in (client.expect(wire.PUBACK) for _ in range(60))}
                self.assertEqual(set(answers), set(range(1, 61)))
                if version == 5:
                    self.assertEqual({i for i, reason in answers.items() if reason}, refused)
                self.assertEqual(b"".join(p.raw for p in connection.of_kind(wire.PUBLISH)),
                                 b"".join(p for n, p in enumerate(packets) if n % 3))

    def test_a_deny_rule_beats_an_allow_rule_and_gives_its_name(self):
        client, connection = self.session(5)
        client.send(wire.publish("open/secret/x", b"x", qos=1, version=5))
        self.assertEqual(client.expect(wire.PUBACK).reason, NOT_AUTHORIZED)
        self.nothing_published(client, connection)
        line = self.running.wait_audit(event="refusal", rule="secret")[0]
        self.assertEqual((line["packet"], line["topic"], line["action"], line["reason"]["code"]),
                         ("PUBLISH", "open/secret/x", "drop", NOT_AUTHORIZED))
        self.running.wait_metric(1, "sallyport_refusals_total", rule="secret")

    def test_conditions_of_a_rule(self):
        client, connection = self.session(5)
        cases = [(dict(payload=b"x" * 1025, qos=1), PAYLOAD_TOO_LARGE),
                 (dict(payload=b"x" * 1024, qos=1), 0),
                 (dict(payload=b"x", qos=1, retain=True), None),
                 (dict(payload=b"x", qos=2), None)]
        for packet_id, (publish, reason) in enumerate(cases, 1):
            with self.subTest(publish=str(publish)[:50]):
                client.send(wire.publish("small/x", packet_id=packet_id, version=5, **publish))
                answer = client.expect(wire.PUBACK if publish["qos"] == 1 else wire.PUBREC)
                if reason is None:
                    self.assertGreaterEqual(answer.reason, 0x80)
                else:
                    self.assertEqual(answer.reason, reason)
        self.assertEqual(len(connection.of_kind(wire.PUBLISH)), 1)

    def test_a_payload_too_large_is_refused_before_it_has_arrived(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                client, connection = self.session(version)
                data = wire.publish("small/x", b"x" * 200_000, qos=1, packet_id=3, version=version)
                client.send(data[:40])
                self.running.wait_metric(1 if version == 4 else 2, "sallyport_refusals_total", rule="small")
                answer = client.expect(wire.PUBACK)
                self.assertEqual(answer.reason, PAYLOAD_TOO_LARGE if version == 5 else 0)
                client.send(data[40:])
                self.nothing_published(client, connection)
                client.send(wire.publish("small/x", b"ok", qos=1, packet_id=3, version=version))
                self.assertEqual(client.expect(wire.PUBACK).reason, 0)
                self.assertEqual(len(connection.of_kind(wire.PUBLISH)), 1)

    def test_256_mebibytes_announced_after_connect_do_not_reach_the_broker(self):
        """They end the session of 5.0, which was told. Of 3.1.1 nobody told it: they are skipped as they come."""
        for version in VERSIONS:
            with self.subTest(version=version):
                client, connection = self.session(version)
                client.send(b"\x30\xff\xff\xff\x7f\x00\x06open/x")
                if version == 5:
                    self.assertEqual(client.expect(wire.DISCONNECT).reason, 0x95)
                    client.expect_end()
                    connection.wait_end()
                self.running.wait_audit(1, event="refusal", check="mqtt.packet-too-large",
                                        action="disconnect" if version == 5 else "drop")
                self.assertEqual(connection.of_kind(wire.PUBLISH), [])

    def test_on_deny_disconnect_ends_the_session(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                client, connection = self.session(version)
                client.send(wire.publish("fatal/x", b"x", qos=1, version=version))
                if version == 5:
                    self.assertEqual(client.expect(wire.DISCONNECT).reason, NOT_AUTHORIZED)
                client.expect_end()
                connection.wait_end()
                self.assertEqual(connection.of_kind(wire.PUBLISH), [])
        self.running.wait_audit(2, event="session_end", kind="refused", detail="fatal")

    def test_on_deny_report_lets_it_pass_and_says_so(self):
        client, connection = self.session(5)
        client.send(wire.publish("try/it", b"x", qos=1, version=5))
        self.assertEqual(client.expect(wire.PUBACK).reason, 0)
        self.assertEqual(connection.wait_packet(wire.PUBLISH).topic, "try/it")
        line = self.running.wait_audit(event="refusal", rule="would-be-denied")[0]
        self.assertEqual(line["action"], "report")

    def test_a_response_topic_that_no_rule_allows_is_refused(self):
        client, connection = self.session(5)
        client.send(wire.publish("open/x", b"x", qos=1, version=5,
                                 props=[(wire.RESPONSE_TOPIC, "elsewhere/x")]))
        self.assertGreaterEqual(client.expect(wire.PUBACK).reason, 0x80)
        self.nothing_published(client, connection)

    def test_malformed_packets_end_the_session_and_never_reach_the_broker(self):
        wrong = [
            (wire.publish("", b"x", version=5), 0x82),
            (wire.publish("open/+", b"x", version=5), None),
            (b"\x36" + wire.publish("open/x", b"x", qos=2, version=5)[1:], 0x81),  # QoS 3
            (wire.publish("open/x", b"x", qos=1, packet_id=0, version=5), None),
            (wire.publish(b"open/\xc0\x80", b"x", version=5), None),
            (wire.publish("open/x", version=5, props=[(wire.TOPIC_ALIAS, 0)]), 0x94),
            (wire.publish("open/x", version=5, props=[(wire.SUBSCRIPTION_ID, 1)]), None),
            (wire.packet(wire.SUBSCRIBE, 0, wire.subscribe([("a", 0)], 1, 5)[2:]), 0x81),
            (wire.packet(wire.SUBSCRIBE, 2, b"\0\1\0"), 0x82),   # no filter
            (wire.subscribe([("a/#/b", 0)], 1, 5), None),
            (wire.subscribe([("a", 0x43)], 1, 5), None),
            (wire.packet(wire.PINGREQ, 0, b"x"), None),
            (wire.connack(version=5), None), (wire.suback(1, [0], 5), None),
            (wire.connect("again", version=5), 0x82),
            (b"\x00\x00", None),
        ]
        for data, reason in wrong:
            with self.subTest(data=data.hex()):
                client, connection = self.session(5)
                client.send(data)
                goodbye = client.expect(wire.DISCONNECT)
                self.assertGreaterEqual(goodbye.reason, 0x80)
                if reason is not None:
                    self.assertEqual(goodbye.reason, reason)
                client.expect_end()
                connection.wait_end()
                self.assertEqual([p.name for p in connection.packets if p.kind != wire.DISCONNECT],
                                 ["CONNECT"])
