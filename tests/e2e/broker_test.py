"""Ends: the broker cannot be reached, dies or misbehaves; the client dies or says goodbye."""

from support import pki, ports, wire
from support.case import VERSIONS, Case
from support.client import Client
from support.fake_broker import polite

UNAVAILABLE = {3: 3, 4: 3, 5: 0x88}
BROKER = {"from": "broker"}  # of a refusal in the audit log


class BrokerAway(Case):
    def unavailable(self, broker, more="", **fields):
        gateway = self.gateway(broker, broker_more=more)
        for number, (version, code) in enumerate(UNAVAILABLE.items(), 1):
            with self.subTest(version=version):
                client = self.client(gateway.port, version=version)
                self.assertEqual(client.connect("c").reason, code)
                client.expect_end()
                gateway.wait_audit(number, event="session_end", kind="broker_unavailable", **fields)
        return gateway

    def test_nobody_listens_where_the_broker_should_be(self):
        gateway = self.unavailable(f"127.0.0.1:{ports.free_port()}")
        gateway.wait_metric(3, "sallyport_broker_connects_total", result="failed")
        gateway.wait_metric(3, "sallyport_broker_connect_failures_total")

    def test_what_a_broker_says_by_silence_is_passed_on_as_silence(self):
        """It takes the connection and closes it: at once, or in the middle of a CONNACK."""
        for said in (b"", b"\x20", b"\x20\x02\x00"):
            def answer(connection, packet, said=said):
                connection.send(said)
                connection.close()
            gateway = self.gateway(self.fake_broker(answer))
            for number, version in enumerate(UNAVAILABLE, 1):
                with self.subTest(version=version, said=said):
                    client = self.client(gateway.port, version=version)
                    client.send(wire.connect("c", version))
                    client.expect_end()
                    gateway.wait_audit(number, event="refusal", check="session.broker-silent", **BROKER)
                    gateway.wait_audit(number, event="session_end", side="broker", begun=False)
            self.assertEqual(gateway.audit_lines(event="refusal", check="session.broker-unavailable"), [])

    def test_a_broker_that_never_answers_connect(self):
        self.unavailable(self.fake_broker(answer=None), 'connack_timeout = "300 ms"')

    def test_a_broker_that_never_finishes_its_handshake(self):
        self.unavailable(self.fake_broker(bytes_only=True), f'connect_timeout = "300 ms"\n'
                         f'tls = {{ ca = "{pki.path("ca.crt")}", server_name = "localhost" }}')

    def test_when_it_comes_back_so_do_the_clients(self):
        broker = self.mosquitto()
        gateway = self.gateway(broker)
        self.assertEqual(self.client(gateway.port).connect("before").reason, 0)
        broker.kill()
        self.until(lambda: self.client(gateway.port).connect("between").reason == 3, "it is away")
        broker.restart()
        self.assertEqual(self.client(gateway.port).connect("after").reason, 0)

    def test_what_the_broker_says_to_connect_reaches_the_client(self):
        for version, code in ((3, 4), (4, 5), (5, 0x86)):
            with self.subTest(version=version):
                broker = self.fake_broker(lambda c, p, code=code: c.send(wire.connack(code, c.version)))
                gateway = self.gateway(broker)
                client = self.client(gateway.port, version=version)
                client.send(wire.connect("c", version=version, username="u", password="wrong"))
                client.expect_raw(wire.connack(code, version))
                client.expect_end()
                gateway.wait_audit(event="session_end", kind="broker_refused", begun=False)


class Endings(Case):
    def test_the_broker_dies_in_the_middle(self):
        for version in VERSIONS:
            with self.subTest(version=version):
                broker = self.mosquitto()
                gateway = self.gateway(broker)
                client = self.client(gateway.port, version=version).open_session("c")
                client.subscribe("#")
                broker.kill()
                packet = client.receive()
                if packet is not None:  # 5.0 may be told
                    self.assertEqual((version, packet.kind), (5, wire.DISCONNECT))
                    self.assertGreaterEqual(packet.reason, 0x80)
                    client.expect_end()
                line = gateway.wait_audit(event="session_end")[0]
                self.assertEqual((line["side"], line["begun"]), ("broker", True))
                self.assertIn(line["kind"], ("closed", "network_error"))
                self.assertEqual(self.client(gateway.port).connect("again").reason, 3)

    def test_the_broker_dies_in_the_middle_of_a_packet(self):
        broker = self.fake_broker()
        gateway = self.gateway(broker)
        client = self.client(gateway.port, version=5).open_session("c")
        connection = broker.connection()
        connection.send(wire.publish("a/b", b"x" * 50_000, version=5)[:30_000])
        connection.close()
        while packet := client.receive():  # nothing that looks whole
            self.assertNotEqual(packet.kind, wire.PUBLISH)
        gateway.wait_gauge(0, "sallyport_connections_open", listener="plain")

    def watcher(self, broker):
        watcher = Client(broker.port)
        self.addCleanup(watcher.close)
        watcher.open_session("watcher").subscribe("will/#")
        return watcher

    def test_the_will_is_published_when_the_client_dies(self):
        broker = self.mosquitto()
        gateway = self.gateway(broker)
        watcher = self.watcher(broker)
        for version in (3, 4, 5):
            for tls in (None, "sensor-1"):
                with self.subTest(version=version, tls=tls):
                    client = self.client(gateway.port if tls is None else gateway.tls_port, tls=tls,
                                         version=version)
                    client.open_session("victim", will=("will/x", b"gone", 0, False))
                    client.abort()
                    self.assertEqual(watcher.expect(wire.PUBLISH).payload, b"gone")
        line = gateway.wait_audit(6, event="session_end")[0]
        self.assertEqual((line["side"], line["begun"]), ("client", True))

    def test_the_will_is_published_when_the_gateway_ends_the_session(self):
        broker = self.mosquitto()
        gateway = self.gateway(broker)
        watcher = self.watcher(broker)
        client = self.client(gateway.port).open_session("victim", will=("will/x", b"gone", 0, False))
        client.send(b"\x00\x00")
        client.expect_end()
        self.assertEqual(watcher.expect(wire.PUBLISH).payload, b"gone")

    def test_the_will_is_not_published_after_disconnect(self):
        broker = self.mosquitto()
        gateway = self.gateway(broker)
        watcher = self.watcher(broker)
        for version in VERSIONS:
            client = self.client(gateway.port, version=version)
            client.open_session("polite", will=("will/x", b"gone", 0, False))
            client.send(wire.disconnect())
            client.expect_end()
        gateway.wait_audit(2, event="session_end", kind="disconnect")
        watcher.ping()  # and nothing before the answer

    def test_disconnect_with_will_message_of_5_0_passes(self):
        broker = self.mosquitto()
        gateway = self.gateway(broker)
        watcher = self.watcher(broker)
        client = self.client(gateway.port, version=5)
        client.open_session("polite", will=("will/x", b"gone", 0, False))
        client.send(wire.disconnect(4))
        self.assertEqual(watcher.expect(wire.PUBLISH).payload, b"gone")

    def test_what_was_sent_just_before_disconnect_arrives(self):
        broker = self.fake_broker()
        gateway = self.gateway(broker)
        for tls in (None, "sensor-1"):
            client = self.client(gateway.port if tls is None else gateway.tls_port, tls=tls)
            payload = b"x" * 200_000
            client.open_session("c")
            client.send(wire.publish("a", payload), wire.disconnect())
            client.close()
            connection = broker.connection(broker.accepted - 1 if tls else 0)
            connection.wait_packet(wire.DISCONNECT)
            self.assertEqual(connection.of_kind(wire.PUBLISH)[0].payload, payload)

    def test_a_session_taken_over_by_the_same_client_identifier(self):
        gateway = self.gateway(self.mosquitto())
        first = self.client(gateway.port).open_session("same")
        second = self.client(gateway.port).open_session("same")
        first.expect_end()
        second.ping()

    def test_what_a_5_0_broker_says_at_the_end_reaches_the_client(self):
        broker = self.fake_broker()
        gateway = self.gateway(broker)
        client = self.client(gateway.port, version=5).open_session("c")
        goodbye = wire.disconnect(0x8E, [(wire.REASON_STRING, "taken over")])
        broker.connection().send(goodbye)
        broker.connection().close()
        client.expect_raw(goodbye)
        client.expect_end()
        gateway.wait_audit(event="session_end", side="broker", kind="disconnect")


GOOD = [wire.publish("a/first", b"1", retain=True), wire.publish("z/last", b"1", retain=True)]
BAD = {
    "Latin-1": wire.publish(b"halle/K\xfchlung", b"1", retain=True),
    "U+0000": wire.publish("halle/\0", b"1", 1, packet_id=7, retain=True),
    "wildcard": wire.publish("halle/+/x", b"1", 2, packet_id=7, retain=True),
    "no topic": wire.publish("", b"1", 1, packet_id=7),
    "a megabyte without a topic": wire.publish("", b"x" * 1_000_000, 1, packet_id=7),
}


class BadBroker(Case):
    """A broker that nobody may change, and that holds or sends what it should not."""

    def poisoned(self, bad):
        """A broker in which one retained message among good ones is bad."""
        def answer(connection, packet):
            polite(connection, packet)
            if packet.kind == wire.SUBSCRIBE:
                connection.send(GOOD[0], bad, GOOD[1])
            elif packet.kind == wire.PUBREC:
                connection.send(wire.ack(wire.PUBREL, packet.packet_id))
        return self.fake_broker(answer)

    def test_a_poisoned_topic_costs_its_delivery_and_not_the_subscriber(self):
        for name, bad in BAD.items():
            with self.subTest(name):
                broker = self.poisoned(bad)
                gateway = self.gateway(broker)
                for again in range(2):
                    client = self.client(gateway.port).open_session("scada")
                    self.assertEqual(client.subscribe("#"), [0])
                    for good in GOOD:
                        client.expect_raw(good)
                    client.ping()
                    client.close()
                    connection = broker.connection(again)
                    if bad[0] & 2:
                        connection.wait_packet(wire.PUBACK)
                    elif bad[0] & 4:
                        connection.wait_packet(wire.PUBCOMP)
                line = gateway.wait_audit(2, event="refusal", **BROKER, action="drop")[0]
                self.assertEqual(line["packet"], "PUBLISH")
                gateway.wait_metric(2, "sallyport_refusals_total", rule=line["check"])

    def test_on_bad_delivery_may_end_the_session(self):
        gateway = self.gateway(self.poisoned(BAD["Latin-1"]), broker_more='on_bad_delivery = "disconnect"')
        client = self.client(gateway.port).open_session("scada")
        client.subscribe("#")
        client.expect_raw(GOOD[0])
        client.expect_end()
        gateway.wait_audit(event="session_end", side="broker", kind="malformed")

    def test_a_delivery_of_a_real_broker_that_is_too_large_costs_that_delivery(self):
        """Somebody published it past the gateway."""
        broker = self.mosquitto()
        gateway = self.gateway(broker, listener_more='limits = { max_delivery = "1 KiB" }')
        reader = self.client(gateway.port, version=4).open_session("reader")
        reader.subscribe("#", qos=2)
        publisher = Client(broker.port)
        self.addCleanup(publisher.close)
        publisher.open_session("publisher")
        for qos in (0, 1, 2):
            publisher.send(wire.publish("t", b"x" * 5000, qos, packet_id=5))
            if qos == 2:
                publisher.expect(wire.PUBREC)
                publisher.send(wire.ack(wire.PUBREL, 5))
                publisher.expect(wire.PUBCOMP)
            elif qos == 1:
                publisher.expect(wire.PUBACK)
        publisher.send(wire.publish("t", b"small"))
        self.assertEqual(reader.expect(wire.PUBLISH).payload, b"small")
        gateway.wait_audit(3, event="refusal", check="mqtt.packet-too-large", **BROKER)

    def odd(self, send, gets=None, connect=5, connack=None, more="", check=None, action="report"):
        """What a broker sends once a session is open, and what the client gets of it."""
        def answer(connection, packet):
            if packet.kind == wire.CONNECT:
                connection.send(connack or wire.connack(version=connection.version))
            elif packet.kind == wire.PINGREQ:
                connection.send(wire.pingresp())
        broker = self.fake_broker(answer)
        gateway = self.gateway(broker, broker_more=more)
        client = self.client(gateway.port, version=connect).open_session("c")
        for _ in range(2):
            broker.connection().send(send)
            for packet in [send] if gets is None else gets:
                client.expect_raw(packet)
        client.ping()
        lines = gateway.wait_audit(1, event="refusal", check=check, **BROKER)
        self.assertEqual({line["action"] for line in lines}, {action})
        if action == "report":  # once a session
            self.assertEqual(len(gateway.audit_lines(event="refusal")), 1)

    def test_what_clients_tolerate_passes_and_is_reported_once(self):
        for version, packet, check in (
                (5, wire.ack(wire.PUBACK, 3, 0x95), "mqtt.reason-code"),
                (4, wire.packet(wire.PINGRESP, 0, b"x"), "mqtt.remaining-length"),
                (5, wire.packet(wire.PINGRESP, 0, b"\0"), "mqtt.remaining-length"),
                (4, wire.publish("t", b"m", dup=True), "mqtt.qos"),
                (4, wire.packet(wire.PUBACK, 8, b"\0\5"), "mqtt.fixed-header-flags"),
                (5, b"\x40\x82\x00\0\5", "mqtt.remaining-length"),
                (4, wire.suback(9, [0x87]), "mqtt.reason-code")):
            with self.subTest(version=version, packet=packet.hex()):
                self.odd(packet, connect=version, check=check)

    def test_deviations_may_be_refused(self):
        for packet, gets, check in (
                (wire.ack(wire.PUBACK, 3, 0x95), [wire.ack(wire.PUBACK, 3, 0x80)], "mqtt.reason-code"),
                (wire.publish("t", b"m", dup=True, version=5), [], "mqtt.qos"),
                (wire.packet(wire.PUBACK, 8, b"\0\5"), [wire.ack(wire.PUBACK, 5)], "mqtt.fixed-header-flags")):
            with self.subTest(packet=packet.hex()):
                self.odd(packet, gets, check=check, action="drop", more='deviations = "refuse"')

    def test_redelivery_without_dup_passes(self):
        broker = self.fake_broker()
        gateway = self.gateway(broker)
        for number, version in enumerate((4, 5)):
            client = self.client(gateway.port, version=version).open_session("c")
            for qos in (1, 2):
                again = wire.publish("t", b"m", qos, packet_id=4 + qos, version=version)
                for _ in range(3):
                    broker.connection(number).send(again)
                    client.expect_raw(again)
            client.ping()
            gateway.wait_audit(number + 1, event="refusal", check="mqtt.packet-identifier", action="report")

    def test_connacks_that_clients_tolerate_let_them_in(self):
        for version, connack, check in (
                (5, b"\x20\x0a\0\0\x07\x24\2\x27\0\0\x10\0", "mqtt.property-value"),
                (5, b"\x20\x03\1\0\0", "mqtt.connack-flags"), (4, b"\x20\2\1\0", "mqtt.connack-flags"),
                (4, b"\x20\2\x80\0", "mqtt.connack-flags")):
            with self.subTest(version=version, connack=connack.hex()):
                gateway = self.gateway(self.fake_broker(lambda c, p, b=connack: c.send(b)))
                client = self.client(gateway.port, version=version)
                got = client.connect("c")
                self.assertEqual(got.body[:2], connack[2:4])
                gateway.wait_audit(event="refusal", check=check, action="report")
                gateway.wait_audit(event="session_begin")

    def test_return_codes_above_5_reach_clients_of_3_1_1(self):
        for code in (6, 0x80, 0x87, 0xFF):
            gateway = self.gateway(self.fake_broker(lambda c, p, code=code: c.send(wire.connack(code))))
            client = self.client(gateway.port)
            client.send(wire.connect("c"))
            client.expect_raw(wire.connack(code))
            client.expect_end()
            gateway.wait_audit(event="session_end", kind="broker_refused", begun=False)

    def test_a_connack_that_is_refused_for_good_is_called_that(self):
        for version in (4, 5):
            bad = b"\x20\1\0" if version == 4 else b"\x20\5\0\0\2\x7e\1"
            gateway = self.gateway(self.fake_broker(lambda c, p, bad=bad: c.send(bad)))
            client = self.client(gateway.port, version=version)
            client.send(wire.connect("c", version))
            if version == 5:
                client.expect_raw(wire.connack(0x80, 5))
            client.expect_end()
            line = gateway.wait_audit(event="refusal", **BROKER)[0]
            self.assertEqual((line["packet"], line["action"]), ("CONNACK", "disconnect"))
            gateway.wait_audit(event="session_end", side="broker", kind="malformed")

    def test_what_comes_before_connack_is_dropped(self):
        broker = self.fake_broker(lambda connection, packet: connection.send(
            wire.pingresp(), wire.publish("t", b"x", 1, packet_id=7, version=connection.version),
            wire.connack(version=connection.version)) if packet.kind == wire.CONNECT else None)
        gateway = self.gateway(broker)
        for number, version in enumerate((4, 5)):
            client = self.client(gateway.port, version=version).open_session("c")
            broker.connection(number).wait_packet(wire.PUBACK)
            gateway.wait_audit(2 * number + 2, event="refusal", check="mqtt.connect-first", action="drop")
            client.close()

    def test_a_broker_that_never_gets_to_connack(self):
        broker = self.fake_broker(lambda connection, packet: connection.send(wire.pingresp()))
        gateway = self.gateway(broker, broker_more='connack_timeout = "300 ms"')
        for version, code in UNAVAILABLE.items():
            with self.subTest(version=version):
                client = self.client(gateway.port, version=version)
                self.assertEqual(client.connect("c").reason, code)
                client.expect_end()

    def test_a_broker_that_speaks_something_else_ends_the_session_or_is_not_heard(self):
        broker = self.fake_broker()
        gateway = self.gateway(broker)
        client = self.client(gateway.port, version=5).open_session("c")
        connection = broker.connection()
        connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.close()
        client.expect_end()

    def test_server_references_are_taken_out_unless_they_are_allowed(self):
        reference = 0x1C
        for more, kept in (("", False), ('server_references = ["other.example:8883"]', True)):
            for where in ("connack", "disconnect"):
                with self.subTest(more=more, where=where):
                    before, after = (wire.REASON_STRING, "move"), (wire.USER_PROPERTY, ("k", "v"))
                    full = [before, (reference, "other.example:8883"), after]
                    rest = full if kept else [before, after]
                    broker = self.fake_broker(
                        (lambda c, p: c.send(wire.connack(0x9D, 5, props=full))) if where == "connack" else polite)
                    gateway = self.gateway(broker, broker_more=more)
                    client = self.client(gateway.port, version=5)
                    client.send(wire.connect("c", 5))
                    if where == "connack":
                        client.expect_raw(wire.connack(0x9D, 5, props=rest))
                    else:
                        client.expect(wire.CONNACK)
                        broker.connection().send(wire.disconnect(0x9C, full))
                        client.expect_raw(wire.disconnect(0x9C, rest))
                    client.expect_end()
                    if not kept:
                        gateway.wait_metric(1, "sallyport_rewrites_total", what="server_reference")

    def test_connack_is_lowered_to_the_gateways_own_limits(self):
        gateway = self.gateway(self.fake_broker(), listener_more='limits = { max_packet = "8 KiB", '
                               'max_topic_aliases = 3, max_keep_alive = "30 s" }')
        props = dict(self.client(gateway.port, version=5).connect("c", keep_alive=600).props)
        self.assertEqual(props.get(wire.MAXIMUM_PACKET_SIZE), 8192)
        self.assertEqual(props.get(wire.SERVER_KEEP_ALIVE), 30)
        self.assertNotIn(wire.TOPIC_ALIAS_MAXIMUM, props)  # the broker offers none
        gateway.wait_metric(1, "sallyport_rewrites_total", what="connack")

    def test_connack_of_a_stricter_broker_is_untouched(self):
        limits = [(wire.MAXIMUM_PACKET_SIZE, 4096), (wire.SERVER_KEEP_ALIVE, 10),
                  (wire.RECEIVE_MAXIMUM, 5), (wire.TOPIC_ALIAS_MAXIMUM, 2),
                  (wire.ASSIGNED_CLIENT_ID, "auto-1"), (wire.USER_PROPERTY, ("a", "b"))]

        def answer(connection, packet):
            if packet.kind == wire.CONNECT:
                connection.send(wire.connack(version=5, props=limits))
            else:
                polite(connection, packet)
        gateway = self.gateway(self.fake_broker(answer))
        client = self.client(gateway.port, version=5)
        client.send(wire.connect("", version=5))
        client.expect_raw(wire.connack(version=5, props=limits))
