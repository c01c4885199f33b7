"""Ends: the broker cannot be reached, dies or misbehaves; the client dies or says goodbye."""

from support import pki, ports, wire
from support.case import VERSIONS, Case
from support.client import Client
from support.fake_broker import polite

UNAVAILABLE = {3: 3, 4: 3, 5: 0x88}


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

    def test_a_broker_that_closes_at_once(self):
        broker = self.fake_broker(lambda connection, packet: connection.close())
        gateway = self.gateway(broker)
        for version, code in UNAVAILABLE.items():
            with self.subTest(version=version):
                client = self.client(gateway.port, version=version)
                self.assertEqual(client.connect("c").reason, code)
                client.expect_end()

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


class BadBroker(Case):
    def misbehaves(self, data):
        broker = self.fake_broker()
        gateway = self.gateway(broker)
        client = self.client(gateway.port, version=5).open_session("c")
        connection = broker.connection()
        connection.send(data)
        packet = client.receive()
        if packet is not None:
            self.assertEqual(packet.kind, wire.DISCONNECT)
            client.expect_end()
        connection.wait_end()
        gateway.wait_audit(event="session_end", side="broker", kind="malformed")

    def test_malformed_packets_of_the_broker_do_not_reach_the_client(self):
        for data in (b"HTTP/1.1 400 Bad Request\r\n\r\n",
                     wire.publish("", b"x", version=5), wire.publish("a/#", b"x", version=5),
                     wire.publish("a", b"x", qos=1, packet_id=0, version=5),
                     wire.connect("c", version=5), wire.pingreq(), wire.subscribe([("a", 0)], 1, 5),
                     wire.connack(version=5), b"\x30\xff\xff\xff\xff\x01",
                     wire.packet(wire.PINGRESP, 0, b"x")):
            with self.subTest(data=data.hex()):
                self.misbehaves(data)

    def test_a_broker_that_does_not_begin_with_connack(self):
        broker = self.fake_broker(lambda connection, packet: connection.send(wire.pingresp()))
        gateway = self.gateway(broker)
        for version, code in UNAVAILABLE.items():
            with self.subTest(version=version):
                client = self.client(gateway.port, version=version)
                self.assertEqual(client.connect("c").reason, code)
                client.expect_end()

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
