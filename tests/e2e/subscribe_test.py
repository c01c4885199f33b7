"""SUBSCRIBE in whole or in part refused, and what goes to the broker of it."""

from support import wire
from support.case import VERSIONS, Case

POLICY = """
[[role]]
name = "everybody"

[[role.allow]]
id = "mine"
subscribe = ["mine/#", "shared/+/x"]

[[role.deny]]
id = "not-this"
subscribe = ["mine/secret/#"]

[[role.allow]]
id = "talk"
publish = ["mine/#"]
"""
REFUSED = {4: 0x80, 5: 0x87}


class Subscribe(Case):
    def session(self, version, answer=None):
        broker = self.fake_broker(*([answer] if answer else []))
        self.running = self.gateway(broker, POLICY)
        client = self.client(self.running.port, version=version)
        client.open_session("client")
        return client, broker.connection()

    def granting(self, codes):
        """A broker that answers SUBSCRIBEs with these lists of codes, one after the other."""
        left = [list(c) for c in codes]

        def answer(connection, packet):
            if packet.kind == wire.CONNECT:
                connection.send(wire.connack(version=connection.version))
            elif packet.kind == wire.SUBSCRIBE:
                connection.send(wire.suback(packet.packet_id, left.pop(0), connection.version))
            elif packet.kind == wire.PINGREQ:
                connection.send(wire.pingresp())
        return answer

    def test_refused_filters_are_taken_out_and_their_codes_put_back_in_place(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                client, connection = self.session(version, self.granting([[1, 0, 2]]))
                filters = [("mine/a", 1), ("other/#", 1), ("mine/b", 0), ("#", 2), ("mine/c", 2)]
                props = [(wire.SUBSCRIPTION_ID, 300), (wire.USER_PROPERTY, ("k", "v"))]
                props = props if version == 5 else []
                client.send(wire.subscribe(filters, 77, version, props))
                answer = client.expect(wire.SUBACK)
                self.assertEqual(answer.packet_id, 77)
                self.assertEqual(answer.codes, [1, REFUSED[version], 0, REFUSED[version], 2])
                self.assertEqual(connection.wait_packet(wire.SUBSCRIBE).raw,
                                 wire.subscribe(filters[::2], 77, version, props))

    def test_what_the_broker_itself_refuses_is_counted_as_the_brokers(self):
        client, _ = self.session(5, self.granting([[0x87, 1, 0x97]]))
        client.send(wire.subscribe([("mine/a", 0), ("mine/b", 1), ("mine/c", 0)], 7, 5))
        self.assertEqual(client.expect(wire.SUBACK).codes, [0x87, 1, 0x97])
        for reason in ("not_authorized", "quota_exceeded"):
            self.running.wait_metric(1, "sallyport_broker_refusals_total", packet="SUBACK", reason=reason)
        for packet in ("CONNACK", "SUBACK"):
            self.running.wait_metric(1, "sallyport_broker_answer_duration_seconds_count", packet=packet)
        for sender in ("client", "broker"):  # two packets of each
            self.running.wait_metric(2, "sallyport_session_packets_total", role="everybody", **{"from": sender})
        self.assertEqual(self.running.metrics().value("sallyport_refusals_total"), 0)

    def test_the_first_and_the_last_filter_refused(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                client, connection = self.session(version, self.granting([[1]]))
                client.send(wire.subscribe([("x", 0), ("mine/a", 1), ("y", 0)], 5, version))
                self.assertEqual(client.expect(wire.SUBACK).codes, [REFUSED[version], 1, REFUSED[version]])
                self.assertEqual(connection.wait_packet(wire.SUBSCRIBE).raw,
                                 wire.subscribe([("mine/a", 1)], 5, version))

    def test_all_filters_refused_are_answered_without_the_broker(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                client, connection = self.session(version)
                client.send(wire.subscribe([("x/#", 1), ("y", 0)], 6, version))
                client.expect_raw(wire.suback(6, [REFUSED[version]] * 2, version))
                client.ping()
                self.assertEqual(connection.of_kind(wire.SUBSCRIBE), [])

    def test_options_of_what_stays_are_kept(self):
        client, connection = self.session(5, self.granting([[2]]))
        client.send(wire.subscribe([("x", 0), ("mine/a", 2 | 4 | 8 | 16)], 9, 5))
        self.assertEqual(client.expect(wire.SUBACK).codes, [0x87, 2])
        self.assertEqual(connection.wait_packet(wire.SUBSCRIBE).raw,
                         wire.subscribe([("mine/a", 2 | 4 | 8 | 16)], 9, 5))

    def test_an_allowed_subscribe_and_its_answer_are_untouched(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                client, connection = self.session(version, self.granting([[0, 0x80]]))
                sent = wire.subscribe([("mine/#", 1), ("mine/+", 0)], 1, version)
                client.send(sent)
                client.expect_raw(wire.suback(1, [0, 0x80], version))
                self.assertEqual(connection.of_kind(wire.SUBSCRIBE)[0].raw, sent)

    def test_answers_out_of_order_find_their_requests(self):
        waiting = []

        def answer(connection, packet):
            if packet.kind == wire.CONNECT:
                connection.send(wire.connack(version=5))
            elif packet.kind == wire.SUBSCRIBE:
                waiting.append(packet.packet_id)
                if len(waiting) == 3:
                    for packet_id in (3, 1, 2):
                        connection.send(wire.suback(packet_id, [packet_id % 3], 5))
        client, _ = self.session(5, answer)
        client.send(wire.subscribe([("x", 0), ("mine/a", 0)], 1, 5),
                    wire.subscribe([("mine/a", 0), ("x", 0)], 2, 5),
                    wire.subscribe([("x", 0), ("y", 0), ("mine/a", 0)], 3, 5))
        answers = [client.expect(wire.SUBACK) for _ in range(3)]
        self.assertEqual([(a.packet_id, a.codes) for a in answers],
                         [(3, [0x87, 0x87, 0]), (1, [0x87, 1]), (2, [2, 0x87])])

    def test_a_deny_rule_that_contains_the_filter_refuses_it(self):
        client, connection = self.session(5)
        self.assertEqual(client.subscribe("mine/secret/+"), [0x87])
        self.assertEqual(client.subscribe("mine/secret/#", packet_id=2), [0x87])
        self.running.wait_audit(2, event="refusal", rule="not-this", packet="SUBSCRIBE")
        # One that only overlaps it is granted; deliveries are checked then.
        client.send(wire.subscribe([("mine/#", 0)], 3, 5))
        self.assertEqual(client.expect(wire.SUBACK).codes, [0])
        self.assertEqual(len(connection.of_kind(wire.SUBSCRIBE)), 1)

    def test_a_filter_wider_than_the_allowed_one_is_refused(self):
        client, connection = self.session(5)
        for packet_id, wide in enumerate(("#", "+/a", "mine", "+/#", "shared/#",
                                          "shared/+/+"), 1):
            with self.subTest(filter=wide):
                expected = [0] if wide == "mine" else [0x87]  # "mine/#" matches its parent, too
                self.assertEqual(client.subscribe(wide, qos=0, packet_id=packet_id), expected)
        self.assertEqual(len(connection.of_kind(wire.SUBSCRIBE)), 1)

    def test_shared_subscriptions_are_checked_on_their_filter(self):
        client, connection = self.session(5)
        self.assertEqual(client.subscribe("$share/group/mine/a", qos=0), [0])
        self.assertEqual(client.subscribe("$share/group/other", packet_id=2), [0x87])
        self.assertEqual(client.subscribe("$share/mine/#", packet_id=3), [0x87])
        self.assertEqual(len(connection.of_kind(wire.SUBSCRIBE)), 1)

    def test_unsubscribe_passes_untouched(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                client, connection = self.session(version)
                sent = wire.unsubscribe(["mine/a", "other/b"], 8, version)
                client.send(sent)
                client.expect(wire.UNSUBACK)
                self.assertEqual(connection.of_kind(wire.UNSUBSCRIBE)[0].raw, sent)

    def test_refused_subscribes_keep_their_place_between_allowed_packets(self):
        client, connection = self.session(4)
        client.send(wire.publish("mine/1", b"1"), wire.subscribe([("x", 0)], 2),
                    wire.publish("mine/2", b"2"), wire.pingreq())
        self.assertEqual(client.expect(wire.SUBACK).codes, [0x80])
        client.expect(wire.PINGRESP)
        self.assertEqual([p.name for p in connection.packets], ["CONNECT", "PUBLISH", "PUBLISH", "PINGREQ"])
