"""The limits on what one connection may ask for: at the limit it passes, one above it is refused, in
the name of the limit, and has not reached the broker. Once as a listener's limits, once as a role's."""

from support import wire
from support.case import VERSIONS, Case
from support.gateway import OPEN_POLICY, Listener

KEYS = {
    "max_packet": '"1 KiB"', "max_gathered": '"900 B"', "max_packet_before_connect": '"256 B"', "max_client_id_length": '"8 B"',
    "client_id_characters": '"a-z0-9-"', "min_keep_alive": '"30 s"', "max_keep_alive": '"100 s"',
    "max_will_payload": '"10 B"', "max_topic_length": '"20 B"', "max_topic_levels": "4",
    "max_filters": "3", "max_subscriptions": "4", "max_qos2_in_flight": "2", "max_topic_aliases": "2",
    "max_user_properties": "2", "max_user_property_bytes": '"16 B"', "control_characters": '"refuse"',
}
LOWERED = "limits = { " + ", ".join(f"{key} = {value}" for key, value in KEYS.items()) + " }\n"
POLICY = f"""
[[role]]
name = "everybody"

[[role.allow]]
id = "all"
publish = ["#"]
subscribe = ["#"]

[[role]]
name = "small"
match = {{ listener = "by-role" }}
{LOWERED}
"""
PAIR = (wire.USER_PROPERTY, ("k", "v"))


class Bounds(Case):
    def setUp(self):
        super().setUp()
        self.broker = self.fake_broker(self.answer)
        self.listeners = [Listener("by-listener", more=LOWERED), Listener("by-role")]
        self.running = self.gateway(self.broker, POLICY, self.listeners)
        self.refused = {}

    @staticmethod
    def answer(connection, packet):
        """It completes no QoS 2 message."""
        kind, version = packet.kind, connection.version
        if kind == wire.CONNECT:
            props = [(wire.TOPIC_ALIAS_MAXIMUM, 10)] if version == 5 else []
            connection.send(wire.connack(version=version, props=props))
        elif kind == wire.SUBSCRIBE:
            codes = [0x80 if b"no" in f else 0 for f in filters_of(packet)]
            connection.send(wire.suback(packet.packet_id, codes, version))
        elif kind == wire.UNSUBSCRIBE:
            codes = [0] * len(filters_of(packet))
            connection.send(wire.suback(packet.packet_id, codes, version, wire.UNSUBACK))
        elif kind == wire.PINGREQ:
            connection.send(wire.pingresp())
        elif kind == wire.PUBLISH and packet.qos == 1:
            connection.send(wire.ack(wire.PUBACK, packet.packet_id))

    def everywhere(self, versions=VERSIONS):
        return [(listener, version) for listener in self.listeners for version in versions]

    def counted(self, check, by=1):
        """The audit log and the metric name the check, once more for each refusal."""
        self.refused[check] = self.refused.get(check, 0) + by
        self.running.wait_audit(self.refused[check], event="refusal", check=check)
        self.running.wait_metric(self.refused[check], "sallyport_refusals_total", rule=check)

    def refused_connect(self, listener, version, check, code, name="good", **options):
        """`code`: of CONNACK in 5.0; 3.x has one for the client identifier only."""
        before = self.broker.accepted
        client = self.client(listener.port, version=version)
        client.send(wire.connect(name, version, **options))
        if version == 5 and code is not None or code == 0x85:
            self.assertEqual(client.expect(wire.CONNACK).reason, code if version == 5 else 2)
        client.expect_end()
        self.counted(check)
        self.assertEqual(self.broker.accepted, before)

    def passing_connect(self, listener, version, name="good", **options):
        client = self.client(listener.port, version=version)
        return client.open_session(name, **options)

    def test_client_identifier(self):
        for listener, version in self.everywhere((3, 4, 5)):
            self.passing_connect(listener, version, "a-z0-9-x")
            self.refused_connect(listener, version, "mqtt.client-id-too-long", 0x85, "123456789")
            for name in ("Good", "a/b", "a+", "ü", "a b"):
                self.refused_connect(listener, version, "mqtt.client-id-characters", 0x85, name)

    def test_will(self):
        for listener, version in self.everywhere((3, 4, 5)):
            self.passing_connect(listener, version, will=("a/b/c/d", b"x" * 10, 1, False))
            for check, code, topic, payload in (
                    ("mqtt.will-too-large", 0x97, "a", b"x" * 11),
                    ("mqtt.topic-levels", 0x90, "a/b/c/d/e", b""),
                    ("mqtt.topic-too-long", 0x90, "t" * 21, b"")):
                self.refused_connect(listener, version, check, code, will=(topic, payload, 0, False))

    def test_size_and_user_properties_of_connect(self):
        for listener, version in self.everywhere():
            free = 256 - len(wire.connect("good", version, username="", password=""))
            self.passing_connect(listener, version, username="u", password="p" * (free - 2))
            # As a listener's limit it is refused from its header, before the version can be seen.
            code = 0x95 if listener.name == "by-role" else None
            self.refused_connect(listener, version, "mqtt.packet-too-large", code,
                                 username="u", password="p" * (free + 1))
            if version == 5:
                self.passing_connect(listener, version, props=[PAIR] * 2)
                self.refused_connect(listener, version, "mqtt.user-properties", 0x97, props=[PAIR] * 3)
                self.refused_connect(listener, version, "mqtt.user-properties", 0x97,
                                     props=[(wire.USER_PROPERTY, ("k", "v" * 16))])

    def test_keep_alive_of_5_0_is_corrected_in_connack(self):
        for listener, version in self.everywhere((5,)):
            for asked, told in ((1, 30), (29, 30), (30, None), (100, None), (101, 100), (0, 100)):
                client = self.client(listener.port, version=version)
                connack = client.connect("good", keep_alive=asked)
                self.assertEqual(dict(connack.props).get(wire.SERVER_KEEP_ALIVE), told)
                client.close()

    def test_keep_alive_of_3_1_1_is_reported_or_refused(self):
        for listener, version in self.everywhere((3, 4)):
            for asked, check in ((29, "mqtt.keep-alive-minimum"), (101, "mqtt.keep-alive-maximum"),
                                 (0, "mqtt.keep-alive-maximum")):
                self.passing_connect(listener, version, keep_alive=asked)
                self.counted(check)
                self.assertEqual({line["action"] for line in self.running.audit_lines(event="refusal", check=check)},
                                 {"report"})
        strict = [Listener("by-listener", more=LOWERED.replace(" }", ', mqtt3_keep_alive = "refuse" }')),
                  Listener("by-role")]
        policy = POLICY.replace('control_characters = "refuse"',
                                'control_characters = "refuse", mqtt3_keep_alive = "refuse"')
        self.listeners, self.refused = strict, {}
        self.running = self.gateway(self.broker, policy, strict)
        for listener, version in self.everywhere((3, 4)):
            self.passing_connect(listener, version, keep_alive=30)
            self.refused_connect(listener, version, "mqtt.keep-alive-minimum", None, keep_alive=29)
            self.refused_connect(listener, version, "mqtt.keep-alive-maximum", None, keep_alive=101)
            self.refused_connect(listener, version, "mqtt.keep-alive-maximum", None, keep_alive=0)

    def test_what_an_open_session_may_send(self):
        """What can be answered is answered, and the session goes on."""
        def publish(topic, payload=b"", props=()):
            return lambda v: wire.publish(topic, payload, 1, packet_id=7, version=v, props=props)

        def subscribe(*filters):
            return lambda v: wire.subscribe([(f, 0) for f in filters], 7, v)

        cases = [
            ("mqtt.topic-too-long", publish("t" * 21), 0x90),
            ("mqtt.topic-levels", publish("a/b/c/d/e"), 0x90),
            ("mqtt.control-character", publish("a\tb"), 0x90),
            ("mqtt.user-properties", publish("t", props=[PAIR] * 3), 0x97),
            ("mqtt.user-properties", publish("t", props=[(wire.USER_PROPERTY, ("k", "v" * 16))]), 0x97),
            ("mqtt.packet-too-large", publish("t", b"x" * 1100), 0x97),
            ("mqtt.topic-too-long", subscribe("t" * 21), 0x8F),
            ("mqtt.topic-levels", subscribe("a/b/c/d/#"), 0x8F),
        ]
        fits = [publish("t" * 20), publish("a/b/c/d"), publish("a b"), publish("t", b"x" * 900),
                subscribe("t" * 20), subscribe("a/b/c/#"), subscribe("a", "b", "a")]
        fits5 = [publish("t", props=[PAIR] * 2), publish("t", props=[(wire.TOPIC_ALIAS, 2)]),
                 publish("t", props=[(wire.USER_PROPERTY, ("k", "v" * 15))])]
        for listener, version in self.everywhere():
            client = self.passing_connect(listener, version)
            connection = self.broker.connection(self.broker.accepted - 1)
            sent = [make(version) for make in fits + (fits5 if version == 5 else [])]
            for packet in sent:
                client.send(packet)
                client.expect(wire.SUBACK if packet[0] == 0x82 else wire.PUBACK)
            for check, over, code in cases:
                if version != 5 and check == "mqtt.user-properties":
                    continue
                if version == 5 and check == "mqtt.packet-too-large":
                    continue  # it was told
                client.send(over(version))
                if over(version)[0] == 0x82:
                    self.assertEqual(client.expect(wire.SUBACK).codes, [code if version == 5 else 0x80])
                else:
                    puback = client.expect(wire.PUBACK)
                    self.assertEqual(puback.reason if version == 5 else code, code)
                self.counted(check)
            client.ping()
            self.assertEqual([p.raw for p in connection.packets][1:], sent + [wire.pingreq()])

    def test_the_fourth_filter_of_three_is_refused_in_its_place(self):
        for listener, version in self.everywhere():
            client = self.passing_connect(listener, version)
            connection = self.broker.connection(self.broker.accepted - 1)
            no = 0x97 if version == 5 else 0x80
            self.assertEqual(client.subscribe("a", "no", "c", "d", "e", qos=0, packet_id=9), [0, 0x80, 0, no, no])
            self.assertEqual(connection.wait_packet(wire.SUBSCRIBE).raw,
                             wire.subscribe([("a", 0), ("no", 0), ("c", 0)], 9, version))
            self.counted("mqtt.too-many-filters")
            many = wire.unsubscribe([f"t/{i}" for i in range(50)], 10, version)
            client.send(many)
            client.expect(wire.UNSUBACK)
            self.assertEqual(connection.wait_packet(wire.UNSUBSCRIBE).raw, many)

    def test_what_has_no_answer_ends_the_session(self):
        def publish(payload=b"", props=()):
            return lambda v: wire.publish("t", payload, version=v, props=props)

        cases = [
            ("mqtt.packet-too-large", publish(b"x" * 1100), 0x95),
            ("mqtt.topic-alias", publish(props=[(wire.TOPIC_ALIAS, 3)]), 0x94),
            ("mqtt.packet-gathered", lambda v: wire.subscribe([("t" * 20, 0)] * 40, 1, v), 0x97),
        ]
        for listener, version in self.everywhere():
            for check, over, code in cases:
                if version != 5 and check != "mqtt.packet-gathered":
                    continue
                client = self.passing_connect(listener, version)
                connection = self.broker.connection(self.broker.accepted - 1)
                client.send(over(version)[:100])  # its header is enough
                if version == 5:
                    self.assertEqual(client.expect(wire.DISCONNECT).reason, code)
                client.expect_end()
                connection.wait_end()
                self.counted(check)
                self.assertEqual([p.kind for p in connection.packets], [wire.CONNECT])

    def test_subscriptions_of_a_session(self):
        for listener, version in self.everywhere((3, 4, 5)):
            no = 0x97 if version == 5 else 0x80
            client = self.passing_connect(listener, version)
            connection = self.broker.connection(self.broker.accepted - 1)
            # The broker refuses one of the three.
            self.assertEqual(client.subscribe("a", "no", "b", qos=0, packet_id=1), [0, 0x80, 0])
            self.assertEqual(client.subscribe("c", "d", "e", qos=0, packet_id=2), [0, 0, no])
            self.assertEqual(connection.wait_packet(wire.SUBSCRIBE, 2).raw,
                             wire.subscribe([("c", 0), ("d", 0)], 2, version))
            self.counted("mqtt.subscriptions")
            self.assertEqual(client.subscribe("e", "f", qos=0, packet_id=3), [no, no])
            self.counted("mqtt.subscriptions", 2)
            self.assertEqual(client.subscribe("d", "a", qos=0, packet_id=4), [0, 0])
            client.send(wire.unsubscribe(["a", "other"], 5, version))
            client.expect(wire.UNSUBACK)
            self.assertEqual(client.subscribe("e", "f", qos=0, packet_id=6), [0, no])
            self.counted("mqtt.subscriptions")
            client.ping()
            self.assertEqual(len(connection.of_kind(wire.SUBSCRIBE)), 4)

    def test_qos_2_messages_in_flight(self):
        for listener, version in self.everywhere((3, 4, 5)):
            client = self.passing_connect(listener, version)
            connection = self.broker.connection(self.broker.accepted - 1)
            for packet_id in (1, 2, 3):
                client.send(wire.publish("t", b"", 2, packet_id=packet_id, version=version))
            if version == 5:  # it was told, as Receive Maximum
                self.assertEqual(client.expect(wire.DISCONNECT).reason, 0x93)
                client.expect_end()
                connection.wait_end()
            else:  # the gateway answers the third one alone
                self.assertEqual(client.expect(wire.PUBREC).packet_id, 3)
                client.send(wire.ack(wire.PUBREL, 3))
                self.assertEqual(client.expect(wire.PUBCOMP).packet_id, 3)
                client.ping()
            self.counted("mqtt.qos2-in-flight")
            self.assertEqual(len(connection.of_kind(wire.PUBLISH)), 2)

    def test_a_client_that_was_told_a_longer_keep_alive_stays_alive_at_a_real_broker(self):
        """mosquitto counts the two seconds that the client asked for; the client was told thirty."""
        broker = self.mosquitto()
        running = self.gateway(broker, OPEN_POLICY, [Listener("by-listener", more=LOWERED)])
        client = self.client(running.port, version=5)
        connack = client.connect("good", keep_alive=2)
        self.assertEqual(dict(connack.props)[wire.SERVER_KEEP_ALIVE], 30)
        # Longer than mosquitto waits for a silent client.
        self.until(lambda: running.audit_lines(event="session_end") or self.broker_log(broker, 4),
                   "mosquitto hears two PINGREQs", bound=60)
        client.ping()
        self.assertEqual(running.audit_lines(event="session_end"), [])
    test_a_client_that_was_told_a_longer_keep_alive_stays_alive_at_a_real_broker.slow = True

    @staticmethod
    def broker_log(broker, count):
        return broker.log().count("Received PINGREQ from good") >= count


class Connects(Case):
    def test_one_client_identifier_connects_so_often_and_no_more(self):
        """Whichever worker it comes to."""
        broker = self.fake_broker()
        running = self.gateway(broker, workers=2, listener_more='connects_per_client = "1/h"\nconnect_burst = 6')

        def codes(name, count, tls=None, version=5):
            answers = []
            for _ in range(count):
                with self.client(running.port if tls is None else running.tls_port, tls, version=version) as client:
                    answers.append(client.connect(name).reason)
            return answers
        self.assertEqual(codes("dev-1", 9), [0] * 6 + [0x9F] * 3)
        self.assertEqual(codes("dev-1", 2, version=4), [3] * 2)
        self.assertEqual(codes("dev-2", 1), [0])
        # The same name with a certificate is another client.
        self.assertEqual(codes("dev-1", 8, "sensor-1"), [0] * 6 + [0x9F] * 2)
        self.assertEqual(broker.accepted, 13)
        running.wait_audit(7, event="refusal", check="policy.connect-rate", packet="CONNECT")
        running.wait_metric(7, "sallyport_refusals_total", rule="policy.connect-rate")
        # A reload forgets nobody.
        self.assertTrue(running.reload())
        self.assertEqual(codes("dev-1", 1), [0x9F])


    def test_addresses_count_by_the_prefix_that_the_listener_says(self):
        """As a PROXY header tells them: connects, connections and limits alike."""
        broker = self.fake_broker()
        proxied = 'proxy_protocol = "127.0.0.1"\naddress_prefix_v6 = 48\n'
        running = self.gateway(broker, OPEN_POLICY, [
            Listener("often", more=proxied + 'connects_per_client = "1/h"\nconnect_burst = 2\n'),
            Listener("many", more=proxied + "max_connections_per_address = 2\n")])
        often, many = (listener.port for listener in running.listeners)

        def connect(port, address):
            header = f"PROXY TCP6 {address} 2001:db8::1 40000 8883\r\n".encode()
            client = self.client(port, version=5, before=header)
            client.send(wire.connect("dev", 5))
            answer = client.receive()
            return None if answer is None else answer.reason
        same = [f"2001:db8:7:{i}::1" for i in (1, 2, 3)]
        self.assertEqual([connect(often, a) for a in same + ["2001:db8:8:1::1"]], [0, 0, 0x9F, 0])
        self.assertEqual([connect(many, a) for a in same + ["2001:db8:8:1::1"]], [0, 0, None, 0])
        running.wait_audit(1, event="refusal", check="policy.connect-rate")
        running.wait_audit(1, event="refusal", check="connection.max-per-address")


def filters_of(packet):
    rest, found = packet.payload, []
    while rest:
        size = int.from_bytes(rest[:2], "big")
        found.append(rest[2:2 + size])
        rest = rest[2 + size + (1 if packet.kind == wire.SUBSCRIBE else 0):]
    return found
