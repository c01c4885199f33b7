"""The traps of a gateway that sits in between, before a real mosquitto, with paho where it can spring
them and byte by byte where it cannot. tests/README.md lists the traps and all tests of each."""

import queue
import time

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from clients_test import Paho
from support import wait, wire
from support.case import VERSIONS, Case
from support.client import Client

POLICY = """
[[role]]
name = "everybody"

[[role.allow]]
id = "small"
publish = ["plant/#"]
max_payload = "100 B"

[[role.allow]]
id = "read"
subscribe = ["#"]

[[role.deny]]
id = "no-secrets"
subscribe = ["secret/#"]
publish = ["secret/#"]
"""
READ_SOME = """
[[role]]
name = "everybody"

[[role.allow]]
id = "some"
subscribe = ["mine/#"]
publish = ["mine/#"]
"""


class Traps(Case):
    def begin(self, policy=POLICY, broker=(), **options):
        self.broker = self.mosquitto(broker)
        self.running = self.gateway(self.broker, policy, **options)

    def paho(self, name, version, **options):
        """Through the gateway."""
        made = Paho(self.running.port, f"{name}-{version}", version, tls=None, **options)
        self.addCleanup(made.stop)
        self.assertEqual(made.code, 0)
        return made

    def direct(self, name, *filters):
        """A client of the broker's own port, that the gateway does not see."""
        client = Client(self.broker.port)
        self.addCleanup(client.close)
        client.open_session(name)
        if filters:
            client.subscribe(*filters, qos=0)
        return client

    # --- 1 ---
    def test_paho_uses_an_alias_that_a_refused_publish_has_set(self):
        self.begin()
        witness = self.direct("witness", "#")
        client = self.paho("sender", 5)
        alias = Properties(PacketTypes.PUBLISH)
        alias.TopicAlias = 1
        for topic, payload in (("plant/x", b"x" * 500), ("", b"fits"), ("", b"again")):
            client.client.publish(topic, payload, 1, properties=alias)
            client.published.get(timeout=wait.BOUND)
        for payload in (b"fits", b"again"):
            packet = witness.expect(wire.PUBLISH)
            self.assertEqual((packet.topic, packet.payload), ("plant/x", payload))
        self.running.wait_metric(1, "sallyport_rewrites_total", what="topic_alias")
        self.running.wait_audit(event="refusal", rule="small")

    # --- 2 ---
    def test_paho_gets_what_comes_behind_refused_deliveries_in_a_window_of_one(self):
        self.begin(broker=["max_inflight_messages 1"])
        publisher = self.direct("publisher")
        for version in VERSIONS:
            for qos in (1, 2):
                client = self.paho(f"reader-{qos}", version)
                self.assertEqual(client.subscribe("#", qos), [qos])
                for number in range(12):
                    topic = "plain/x" if number % 4 == 3 else "secret/x"
                    publisher.send(wire.publish(topic, str(number), 1, packet_id=number + 1))
                    publisher.expect(wire.PUBACK)
                self.assertEqual([client.message().payload for _ in range(3)], [b"3", b"7", b"11"])
                client.stop()

    # --- 3 ---
    def test_paho_completes_a_refused_qos_2_message(self):
        self.begin()
        witness = self.direct("witness", "#")
        for version in (3, 4, 5):
            client = self.paho("sender", version)
            for _ in range(3):
                client.publish("secret/x", b"no", 2)
            client.publish("plant/x", b"yes", 2)
            self.assertEqual(witness.expect(wire.PUBLISH).topic, "plant/x")

    def test_a_refused_qos_2_message_goes_on_after_a_reconnect(self):
        self.begin()
        witness = self.direct("witness", "#")
        for version in (3, 4, 5):
            message = wire.publish("secret/x", b"no", 2, packet_id=7, version=version)
            again = wire.publish("secret/x", b"no", 2, packet_id=7, dup=True, version=version)
            refused = 0x87 if version == 5 else 0
            props = {"props": [(wire.SESSION_EXPIRY, 60)]} if version == 5 else {}

            def connect():
                client = self.client(self.running.port, version=version)
                return client.open_session(f"sender-{version}", clean=False, **props)

            client = connect()
            client.send(message)
            self.assertEqual(client.expect(wire.PUBREC).reason, refused)
            client.abort()
            client = connect()  # PUBREC was lost
            client.send(again)
            self.assertEqual(client.expect(wire.PUBREC).reason, refused)
            for _ in range(2):
                client.send(wire.ack(wire.PUBREL, 7))
                self.assertEqual(client.expect(wire.PUBCOMP).packet_id, 7)
            client.abort()
            client = connect()  # it was not: PUBREL comes alone, and mosquitto completes it
            client.send(wire.ack(wire.PUBREL, 7))
            self.assertEqual(client.expect(wire.PUBCOMP).packet_id, 7)
            client.send(wire.publish("plant/x", b"yes", 2, packet_id=7, version=version))
            self.assertEqual(client.expect(wire.PUBREC).reason, 0)
            client.send(wire.ack(wire.PUBREL, 7))
            client.expect(wire.PUBCOMP)
            self.assertEqual(witness.expect(wire.PUBLISH).topic, "plant/x")
            client.close()

    # --- 4 ---
    def test_paho_subscribes_in_part_refused_with_identifier_and_options(self):
        self.begin(READ_SOME)
        client = self.paho("reader", 5)
        props = Properties(PacketTypes.SUBSCRIBE)
        props.SubscriptionIdentifier = 300
        options = SubscribeOptions(qos=1, noLocal=True, retainAsPublished=True, retainHandling=2)
        client.client.subscribe([("other/a", options), ("mine/#", options), ("#", options)], properties=props)
        self.assertEqual(client.subscribed.get(timeout=wait.BOUND), [0x87, 1, 0x87])
        publisher = self.direct("publisher")
        publisher.send(wire.publish("mine/x", b"read", 1, retain=True))
        publisher.expect(wire.PUBACK)
        message = client.message()
        self.assertEqual((message.topic, message.payload, message.retain), ("mine/x", b"read", True))
        self.assertEqual(message.properties.SubscriptionIdentifier, [300])
        client.publish("mine/x", b"own", 1)  # No Local
        self.assertRaises(queue.Empty, client.messages.get_nowait)
        old = self.paho("reader", 4)
        old.client.subscribe([("other/a", 2), ("mine/a", 1), ("#", 0), ("mine/b", 2)])
        self.assertEqual(old.subscribed.get(timeout=wait.BOUND), [0x80, 1, 0x80, 2])
        publisher.send(wire.publish("mine/b", b"read too", 1, packet_id=2))
        self.assertEqual(old.message().payload, b"read too")

    # --- 5 ---
    def test_paho_that_is_only_ever_refused_outlives_its_keep_alive(self):
        self.begin()
        clients = [self.paho("refused", version, keepalive=1) for version in VERSIONS]
        end = time.monotonic() + 4
        while time.monotonic() < end:
            for client in clients:
                client.client.publish("secret/x", b"no", 1)
            time.sleep(0.1)
        for client in clients:
            while not client.published.empty():
                client.published.get()
            client.subscribe("plant/#")
            client.publish("plant/x", b"still here", 1)
            self.assertEqual(client.message().payload, b"still here")
            client.stop()
        self.assertEqual(self.running.metrics().value("sallyport_sessions_begun_total"), len(clients))
    test_paho_that_is_only_ever_refused_outlives_its_keep_alive.slow = True

    # --- 7 ---
    def test_mosquittos_limits_in_connack_lower_and_higher_than_the_gateways(self):
        told = (wire.MAXIMUM_PACKET_SIZE, wire.TOPIC_ALIAS_MAXIMUM, wire.RECEIVE_MAXIMUM, wire.SERVER_KEEP_ALIVE)
        limits = ('limits = { max_packet = "20 KiB", max_topic_aliases = 4, max_qos2_in_flight = 6, '
                  'max_keep_alive = "50 s" }')
        for broker, expected in (((5000, 3, 5, 40), (5000, 3, 5, 40)), ((50_000, 9, 50, 600), (20_480, 4, 6, 50))):
            size, aliases, flight, keep_alive = broker
            self.begin("[[role]]\nname = 'r'\n[[role.allow]]\nid = 'a'\npublish = '#'\nsubscribe = '#'\n",
                       [f"max_packet_size {size}", f"max_topic_alias {aliases}",
                        f"max_inflight_messages {flight}", f"max_keepalive {keep_alive}"], listener_more=limits)
            client = self.client(self.running.port, version=5)
            props = dict(client.connect("reader", keep_alive=1000).props)
            self.assertEqual(tuple(props.get(p) for p in told), expected)
            # What was told is what holds. paho has to be told once more how many may be in flight.
            reader, writer = self.paho("reads", 5), self.paho("writes", 5)
            writer.client.max_inflight_messages_set(expected[2])
            reader.subscribe("t", 1)
            payload = b"x" * (expected[0] - 100)
            for _ in range(30):
                writer.client.publish("t", payload, 2)
            for _ in range(30):
                self.assertEqual(reader.message().payload, payload)
            client.send(wire.publish("t", b"x" * expected[0], version=5))
            self.assertEqual(client.expect(wire.DISCONNECT).reason, 0x95)
            client.expect_end()

    def test_paho_learns_the_identifier_that_mosquitto_assigned(self):
        self.begin("""
[[role]]
name = "own"

[[role.allow]]
id = "own"
publish = ["dev/${client_id}/up"]
subscribe = ["dev/${client_id}/#"]
""", ["auto_id_prefix auto-"])
        client = Paho(self.running.port, "", 5, tls=None)
        self.addCleanup(client.stop)
        self.assertEqual(client.code, 0)
        name = self.running.wait_audit(event="session_begin")[0]["client_id"]
        self.assertTrue(name.startswith("auto-"), name)
        self.assertEqual(client.subscribe(f"dev/{name}/#", 1), [1])
        client.publish(f"dev/{name}/up", b"mine", 1)
        self.assertEqual(client.message().payload, b"mine")
        self.assertEqual(client.subscribe("dev/auto-other/#", 1), [0x87])


class ClientIdentifiers(Case):
    """The client identifier that a client leaves out, before a real mosquitto."""
    OWN = """
[[role]]
name = "own"

[[role.allow]]
id = "own"
publish = ["dev/${client_id}/up", "all/up"]
subscribe = ["#"]
"""

    def setUp(self):
        super().setUp()
        self.broker = self.mosquitto(["auto_id_prefix auto-"])
        self.running = self.gateway(self.broker, self.OWN)

    def connack(self, version, clean, name="", **options):
        client = self.client(self.running.port, version=version)
        return client, client.connect(name, clean=clean, **options)

    def test_empty_with_and_without_clean_start(self):
        for version, clean, code in ((3, True, 2), (3, False, 2), (4, False, 2), (4, True, 0), (5, True, 0),
                                     (5, False, 0)):
            client, connack = self.connack(version, clean)
            self.assertEqual(connack.reason, code, (version, clean))
            if code:
                client.expect_end()
                continue
            assigned = dict(connack.props).get(wire.ASSIGNED_CLIENT_ID, "")
            self.assertEqual(assigned.startswith("auto-"), version == 5)
            # The rules for ${client_id} hold for what was assigned; 3.1.1 never learns it.
            allowed = []
            for topic in (f"dev/{assigned}/up", "dev/auto-/up", "dev/x/up"):
                client.send(wire.publish(topic, b"", 1, version=version))
                answer = client.expect(wire.PUBACK)
                allowed.append(version == 5 and answer.reason < 0x80)
            self.assertEqual(allowed, [version == 5, False, False])
            client.close()
        self.assertEqual(len(self.running.wait_audit(3, event="refusal", check="mqtt.client-id")), 3)

    def test_before_connack_it_stands_for_nothing(self):
        for topic in ("dev//up", "dev/auto-1/up"):
            client, connack = self.connack(5, True, will=(topic, b"", 0, False))
            self.assertEqual(connack.reason, 0x87)
            client.expect_end()
        self.connack(5, True, will=("all/up", b"", 0, False))[0].ping()

    def test_3_1_identifiers_of_more_than_23_characters(self):
        for length, code in ((23, 0), (24, 0), (128, 0), (129, 2)):
            client, connack = self.connack(3, True, "i" * length)
            self.assertEqual(connack.reason, code, length)
            client.close()
