"""Listeners and TLS: versions, client certificates, addresses; and the way to the broker."""

import ssl

from support import client as clients
from support import pki, wire
from support.case import Case
from support.gateway import Listener


class Listeners(Case):
    def setUp(self):
        super().setUp()
        self.broker = self.fake_broker()

    def listening(self, mode, **options):
        return self.gateway(self.broker, listeners=[Listener("devices", mode, **options)])

    def passes(self, gateway, tls, **options):
        """Whether a session comes about. TLS 1.3 tells a client that its certificate is refused only
        after the handshake, so a CONNECT is tried as well."""
        try:
            client = self.client(gateway.tls_port, tls=tls, **options)
            client.send(wire.connect("c"))
            packet = client.receive()
        except (ssl.SSLError, ConnectionError):
            return False
        return packet is not None and packet.reason == 0

    def test_tls_1_2_and_1_3(self):
        gateway = self.listening("required")
        for version, name in (("1.2", "TLSv1.2"), ("1.3", "TLSv1.3")):
            with self.subTest(version=version):
                client = self.client(gateway.tls_port, tls="sensor-1", tls_version=version)
                self.assertEqual(client.socket.version(), name)
                client.open_session("c")
                gateway.wait_metric(1, "sallyport_tls_handshakes_total", side="client", result="ok",
                                    version=name)

    def test_min_version_1_3_refuses_1_2(self):
        gateway = self.listening("none", min_version="1.3")
        self.assertTrue(self.passes(gateway, "", tls_version="1.3"))
        self.assertFalse(self.passes(gateway, "", tls_version="1.2"))

    def test_old_versions_are_refused(self):
        gateway = self.listening("none")
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            with self.subTest(version=version):
                context = clients.context()
                context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version = context.maximum_version = version
                with self.client(gateway.tls_port) as raw, self.assertRaises((ssl.SSLError, ConnectionError)):
                    context.wrap_socket(raw.socket, server_hostname="localhost")

    def client_certificates(self, mode, good, without, bad):
        gateway = self.listening(mode)
        for version in ("1.2", "1.3"):
            with self.subTest(version=version):
                self.assertEqual(self.passes(gateway, "sensor-1", tls_version=version), good)
                self.assertEqual(self.passes(gateway, "", tls_version=version), without)
                self.assertEqual(self.passes(gateway, "stranger", tls_version=version), bad)
                self.assertEqual(self.passes(gateway, "expired", tls_version=version), bad)
        return gateway

    def test_client_certificate_required(self):
        gateway = self.client_certificates("required", good=True, without=False, bad=False)
        self.assertEqual(self.broker.accepted, 2)
        gateway.wait_metric(6, "sallyport_tls_handshakes_total", side="client", result="failed")
        gateway.wait_metric(6, "sallyport_tls_handshake_failures_total", side="client")

    def test_client_certificate_optional(self):
        gateway = self.client_certificates("optional", good=True, without=True, bad=False)
        subjects = {line.get("certificate", {}).get("cn") for line in gateway.audit_lines(event="session_begin")}
        self.assertEqual(subjects, {"sensor-1", None})

    def test_client_certificate_none(self):
        gateway = self.client_certificates("none", good=True, without=True, bad=True)
        self.assertFalse([line for line in gateway.audit() if "certificate" in line])

    def test_the_gateways_certificate_is_the_one_configured(self):
        gateway = self.listening("none")
        client = self.client(gateway.tls_port, tls="")
        self.assertEqual(client.socket.getpeercert()["serialNumber"].lstrip("0"), pki.serial("server.crt"))

    def test_ipv6_listener(self):
        gateway = self.gateway(self.broker, listeners=[Listener("six", "none", host="::1"),
                                                       Listener("plain", host="::1")])
        self.client(gateway.tls_port, tls="", host="::1").open_session("a")
        self.client(gateway.port, host="::1").open_session("b")
        self.assertEqual({line["address"] for line in gateway.wait_audit(2, event="session_begin")}, {"::1"})

    def test_the_same_port_on_both_address_families(self):
        four = Listener("four")
        gateway = self.gateway(self.broker, listeners=[four], start=False)
        six = Listener("six", host="::1", port=gateway.port)
        text = open(gateway.path("gateway.toml")).read()
        gateway.write("gateway.toml", text.replace("[workers]", six.toml() + "[workers]"))
        gateway.start()
        self.client(gateway.port).open_session("a")
        self.client(gateway.port, host="::1").open_session("b")

    def test_a_listener_on_all_addresses_of_a_family(self):
        gateway = self.gateway(self.broker, listeners=[Listener("all", host="0.0.0.0")])
        self.client(gateway.port, host="127.0.0.1").open_session("a")

    def test_a_certificate_chain_in_pieces_of_one_byte(self):
        """A handshake whose every byte arrives alone."""
        gateway = self.listening("required")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = clients.context("sensor-1").wrap_bio(incoming, outgoing, server_hostname="localhost")
        raw = self.client(gateway.tls_port).socket

        def pump(step):
            while True:
                try:
                    return step()
                except ssl.SSLWantReadError:
                    for byte in outgoing.read():
                        raw.sendall(bytes([byte]))
                    incoming.write(raw.recv(1))
        pump(tls.do_handshake)
        pump(lambda: tls.write(wire.connect("slow")))
        self.assertEqual(pump(lambda: tls.read(4)), b"\x20\x02\0\0")


class BrokerLink(Case):
    def through(self, broker, more="", address=None):
        gateway = self.gateway(address or broker, broker_more=more)
        with self.client(gateway.tls_port, tls="sensor-1") as client:
            return client.connect("c").reason, gateway

    def tls(self, name="localhost", ca="ca.crt", more=""):
        return f'tls = {{ ca = "{pki.path(ca)}", server_name = "{name}"{more} }}'

    def test_broker_by_tls(self):
        broker = self.mosquitto(tls="broker")
        code, gateway = self.through(broker, self.tls())
        self.assertEqual(code, 0)
        gateway.wait_metric(1, "sallyport_tls_handshakes_total", side="broker", result="ok")

    def test_broker_by_tls_carries_messages_both_ways(self):
        gateway = self.gateway(self.mosquitto(tls="broker"), broker_more=self.tls())
        client = self.client(gateway.tls_port, tls="sensor-1", version=5).open_session("c")
        client.subscribe("t/#")
        for size in (0, 1, 20_000, 200_000):
            client.send(wire.publish("t/x", b"x" * size, version=5))
            self.assertEqual(len(client.expect(wire.PUBLISH).payload), size)

    def test_broker_by_tls_with_a_certificate_of_the_gateways_own(self):
        broker = self.mosquitto(tls="broker", client_ca="ca.crt")
        own = f', certificate = "{pki.path("operator.crt")}", key = "{pki.path("operator.key")}"'
        self.assertEqual(self.through(broker, self.tls(more=own))[0], 0)
        self.assertEqual(self.through(broker, self.tls())[0], 3)

    def test_a_broker_certificate_for_another_name_is_refused(self):
        code, gateway = self.through(self.mosquitto(tls="broker-elsewhere"), self.tls())
        self.assertEqual(code, 3)
        gateway.wait_metric(1, "sallyport_tls_handshakes_total", side="broker", result="failed")

    def test_a_broker_certificate_by_a_strange_authority_is_refused(self):
        self.assertEqual(self.through(self.mosquitto(tls="broker"), self.tls(ca="ca2.crt"))[0], 3)

    def test_server_name_tells_which_certificate_is_expected(self):
        broker = self.mosquitto(tls="broker-elsewhere")
        self.assertEqual(self.through(broker, self.tls("elsewhere.example"))[0], 0)

    def test_a_plain_broker_where_tls_is_expected_is_refused(self):
        self.assertEqual(self.through(self.fake_broker(), self.tls() + '\nconnect_timeout = "1 s"')[0], 3)

    def test_broker_by_name(self):
        broker = self.mosquitto()
        self.assertEqual(self.through(broker, address=f"localhost:{broker.port}")[0], 0)

    def test_a_broker_name_that_does_not_resolve_is_unavailable(self):
        code, gateway = self.through(None, address="no-such-broker.invalid:1883")
        self.assertEqual(code, 3)
        gateway.wait_metric(1, "sallyport_broker_connects_total", result="failed")

    def test_broker_on_ipv6(self):
        broker = self.mosquitto(host="::1")
        self.assertEqual(self.through(broker, address=f"[::1]:{broker.port}")[0], 0)
