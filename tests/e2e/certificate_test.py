"""Certificates of peers, on both legs: how strong they are, how their issuer is found, which names count."""

import os
import ssl
import subprocess

from support import pki, wire
from support.case import Case
from support.gateway import OPEN_POLICY, Listener, run_command

RSA = ("RSA", "rsa_keygen_bits:2048")
SMALL_RSA = ("RSA", "rsa_keygen_bits:1024")
P256 = ("EC", "ec_paramgen_curve:P-256")
P224 = ("EC", "ec_paramgen_curve:P-224")
CA = "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign,cRLSign\n"
DEVICE = "basicConstraints=critical,CA:false\nextendedKeyUsage=clientAuth\n"
SERVER = "basicConstraints=CA:false\nextendedKeyUsage=serverAuth\n"
LOCAL = "subjectAltName=DNS:localhost,IP:127.0.0.1\n"


class Certificates(Case):
    """With a PKI of its own for each test."""

    def setUp(self):
        super().setUp()
        self.pki = self.subdirectory("pki")

    def path(self, name):
        return os.path.join(self.pki, name)

    def openssl(self, *args):
        done = subprocess.run(["openssl", *args], cwd=self.pki, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def write(self, name, *parts):
        """One file made of others."""
        with open(self.path(name), "w") as file:
            file.write("".join(open(self.path(part)).read() for part in parts))
        return self.path(name)

    def issue(self, name, extensions, by=None, key=P256, subject=None, days="2", reuse=None, digest="-sha256"):
        """name.crt and name.key; `by` None: signed by itself. `reuse`: another one's key."""
        if reuse:
            self.write(f"{name}.key", f"{reuse}.key")
        else:
            self.openssl("genpkey", "-algorithm", key[0], "-pkeyopt", key[1], "-out", f"{name}.key")
        with open(self.path("ext"), "w") as file:
            file.write("[e]\n" + extensions)
        subject = subject if subject is not None else f"/CN={name}"
        self.openssl("req", "-new", "-utf8", "-multivalue-rdn", "-key", f"{name}.key", "-subj", subject, "-out", "csr")
        signer = ["-signkey", f"{name}.key"] if by is None else ["-CA", f"{by}.crt", "-CAkey", f"{by}.key",
                                                                 "-CAcreateserial"]
        self.openssl("x509", "-req", "-in", "csr", *signer, "-days", days, "-extfile", "ext", "-extensions", "e",
                     digest, "-out", f"{name}.crt")

    def devices(self, more="", bundle="ca.crt", policy=OPEN_POLICY, broker=None):
        listener = Listener("devices", "none")
        toml = (f'[[listener]]\nname = "devices"\naddress = "127.0.0.1:PORT"\n[listener.tls]\n'
                f'certificate = "{pki.path("server.crt")}"\nkey = "{pki.path("server.key")}"\n'
                f'client_ca = "{self.path(bundle)}"\n{more}\n')
        listener.toml = lambda: toml.replace("PORT", str(listener.port))
        return self.gateway(broker or self.fake_broker(), policy, listeners=[listener])

    def context(self, name, version=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")  # the clients under test are old ones
        if version:
            context.minimum_version = context.maximum_version = version
        context.load_cert_chain(self.path(f"{name}.crt"), self.path(f"{name}.key"))
        return context

    def connect(self, gateway, name, version=None):
        """A client that has said CONNECT, and the reason code of CONNACK; None: no CONNACK."""
        client = self.client(gateway.tls_port)
        try:
            client.socket = self.context(name, version).wrap_socket(client.socket)
            client.send(wire.connect(name))
            packet = client.receive()
        except (ssl.SSLError, ConnectionError):
            return client, None
        return client, packet and packet.reason

    def outcome(self, gateway, name, version=None):
        client, reason = self.connect(gateway, name, version)
        client.close()
        return reason

    def warns(self, gateway, text):
        """At the start, and in `check`."""
        self.until(lambda: text in gateway.log(), lambda: f"{text} is said; the log: {gateway.log()}")
        self.assertIn(text, run_command("check", "-c", gateway.path("gateway.toml"))[2])

    def refused_by(self, gateway, check, name):
        line = gateway.wait_audit(check=check)[-1]
        self.assertEqual(line["unverified_certificate"]["cn"], name)
        self.assertTrue(line["unverified_certificate"]["serial"])


class Strength(Certificates):
    def make(self):
        self.issue("ca", CA, key=RSA)
        self.issue("good", DEVICE, "ca")
        self.issue("rsa1024", DEVICE, "ca", key=SMALL_RSA)
        self.issue("sha1", DEVICE, "ca", digest="-sha1")
        self.issue("md5", DEVICE, "ca", digest="-md5")
        self.issue("mid", CA, "ca", digest="-sha1")
        self.issue("leaf", DEVICE, "mid")
        self.write("by-mid.crt", "leaf.crt", "mid.crt")
        self.write("by-mid.key", "leaf.key")
        self.issue("small-ca", CA, key=SMALL_RSA)
        self.issue("by-small", DEVICE, "small-ca")
        self.write("bundle.crt", "ca.crt", "small-ca.crt")

    def test_weak_certificates_of_clients_are_refused_with_their_names(self):
        self.make()
        gateway = self.devices(bundle="bundle.crt")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            self.assertEqual(self.outcome(gateway, "good", version), 0)
            for name in ("rsa1024", "sha1", "md5", "by-mid", "by-small"):
                with self.subTest(name=name, version=version):
                    self.assertIsNone(self.outcome(gateway, name, version))
        gateway.wait_metric(4, "sallyport_tls_handshake_failures_total", side="client",
                            reason="tls.certificate-weak-key")
        gateway.wait_metric(6, "sallyport_tls_handshake_failures_total", side="client",
                            reason="tls.certificate-weak-signature")
        shown = {line["unverified_certificate"]["cn"] for line in gateway.wait_audit(10, event="refusal")}
        self.assertEqual(shown, {"rsa1024", "sha1", "md5", "leaf", "by-small"})

    def test_a_curve_below_p_256_is_refused(self):
        self.issue("ca", CA)
        self.issue("p224", DEVICE, "ca", key=P224)
        gateway = self.devices()
        self.assertIsNone(self.outcome(gateway, "p224", ssl.TLSVersion.TLSv1_2))
        self.refused_by(gateway, "tls.certificate-weak-key", "p224")
        self.assertEqual(self.outcome(self.devices("min_client_key = 1024"), "p224", ssl.TLSVersion.TLSv1_2), 0)

    def test_an_old_fleet_is_let_in_by_keys_counted_and_warned_of(self):
        self.make()
        gateway = self.devices("min_client_key = 1024\nallow_sha1 = true", bundle="bundle.crt")
        weak, sha1 = "min_client_key", "allow_sha1"
        count = {weak: 0, sha1: 0}
        connected = []
        for name, keys in (("good", ()), ("rsa1024", (weak,)), ("sha1", (sha1,)), ("by-mid", (sha1,)),
                           ("by-small", (weak,))):
            client, reason = self.connect(gateway, name)
            self.assertEqual(reason, 0, name)
            connected.append(client)
            for key in keys:
                count[key] += 1
            line = gateway.wait_audit(event="session_begin", client_id=name)[0]
            self.assertEqual(line["certificate"].get("let_in_by", []), list(keys))
            for key, value in count.items():
                gateway.wait_gauge(value, "sallyport_clients_weak_certificate", listener="devices", key=key)
        self.assertIsNone(self.outcome(gateway, "md5"))
        for client in connected:
            client.close()
        for key in count:
            gateway.wait_gauge(0, "sallyport_clients_weak_certificate", listener="devices", key=key)
        for text in ("min_client_key = 1024 lets in", "allow_sha1 = true lets in"):
            self.warns(gateway, text)

    def test_a_ca_that_is_too_weak_is_said_at_start_and_by_check(self):
        self.make()
        gateway = self.devices(bundle="bundle.crt")
        self.warns(gateway, 'the key of CA "CN=small-ca" is weaker than min_client_key allows')

    def test_the_gateway_signs_nothing_with_sha_1(self):
        self.issue("own", SERVER + LOCAL, key=RSA)
        listener = Listener("devices", "none")
        gateway = self.gateway(self.fake_broker(), listeners=[listener], start=False)
        text = open(gateway.path("gateway.toml")).read()
        gateway.write("gateway.toml", text.replace(pki.path("server"), self.path("own")))
        gateway.start()

        def shake(algorithms):
            done = subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.tls_port}", "-tls1_2", "-sigalgs", algorithms,
                 "-cipher", "DEFAULT@SECLEVEL=0"], input=b"", capture_output=True, timeout=30)
            return done.stdout.decode()
        self.assertIn("Peer signing digest: SHA256", shake("RSA+SHA1:RSA+SHA256"))
        self.assertNotIn("Peer signing digest", shake("RSA+SHA1"))
        gateway.wait_metric(1, "sallyport_tls_handshake_failures_total", side="client", reason="tls.no-shared-cipher")


class Renewal(Certificates):
    def test_a_bundle_with_the_old_and_the_renewed_ca_works_in_any_order_on_both_legs(self):
        self.issue("ca", CA, key=P256)
        self.issue("old", CA, subject="/CN=ca", reuse="ca", days="-1")
        self.issue("dev", DEVICE, "ca")
        self.issue("broker", SERVER + LOCAL, "ca")
        broker = self.fake_broker(tls=(self.path("broker.crt"), self.path("broker.key")))
        for parts in (("ca.crt", "old.crt"), ("old.crt", "ca.crt")):
            with self.subTest(parts=parts):
                bundle = self.write("bundle.crt", *parts)
                gateway = self.devices(bundle="bundle.crt")
                self.assertEqual(self.outcome(gateway, "dev"), 0)
                self.assertNotIn("ended", gateway.log())  # it is renewed
                names = gateway.metrics().series("sallyport_ca_expiry_timestamp_seconds")
                self.assertEqual([(labels["bundle"], labels["ca"]) for labels, _ in names], [("listener:devices", "CN=ca")] * 2)
                to_broker = self.gateway(f"localhost:{broker.port}",
                                         broker_more=f'[broker.tls]\nca = "{bundle}"')
                with self.client(to_broker.port) as client:
                    self.assertEqual(client.connect("c").reason, 0)
                self.assertGreater(
                    to_broker.metrics().value("sallyport_broker_chain_expiry_timestamp_seconds"), 1e9)
                self.until(lambda: "the broker's certificate, or a CA of its chain, ends in 1 day"
                           in to_broker.log(), "the near end is said")

    def test_a_ca_that_has_ended_is_said_at_start_and_by_check(self):
        self.issue("ca", CA, days="-1")
        gateway = self.devices()
        self.warns(gateway, 'CA "CN=ca" has ended')


POLICY = """
[[role]]
name = "named"
match = { cert_cn = "*" }
[[role.allow]]
id = "all"
publish = ["#"]
subscribe = ["#"]
"""
SPIFFE = """
[[role]]
name = "workload"
match = { cert_spiffe_domain = "plant.example" }
[[role.allow]]
id = "own"
publish = ["plant/${cert.spiffe.name}/#", "domains/${cert.spiffe.domain}"]
"""


class Names(Certificates):
    def setUp(self):
        super().setUp()
        self.issue("ca", CA)

    def odd(self):
        self.issue("two", DEVICE, "ca", subject="/CN=two/CN=admin")
        self.issue("many", DEVICE + "subjectAltName=" + ",".join(f"DNS:n{i}.example" for i in range(17)), "ca")

    def test_an_odd_name_costs_the_name_and_the_audit_line_says_why(self):
        self.odd()
        gateway = self.devices()
        for name, why in (("two", "cn: the subject has more than one common name"),
                          ("many", "san: more names than max_names")):
            self.assertEqual(self.outcome(gateway, name), 0)
            line = gateway.wait_audit(event="session_begin", client_id=name)[0]
            self.assertEqual(line["certificate"]["left_out"], [why])

    def test_no_role_that_asks_for_an_odd_name_matches(self):
        self.odd()
        self.issue("good", DEVICE, "ca")
        gateway = self.devices(policy=POLICY)
        self.assertEqual(self.outcome(gateway, "good"), 0)
        self.assertEqual(self.outcome(gateway, "two"), 5)
        line = gateway.wait_audit(check="policy.no-role")[0]
        self.assertEqual(line["certificate"]["left_out"], ["cn: the subject has more than one common name"])

    def test_how_many_names_and_cas_there_may_be_are_keys(self):
        self.odd()
        gateway = self.devices("max_names = 17\nmax_chain = 1")
        self.assertEqual(self.outcome(gateway, "many"), 0)
        self.assertNotIn("left_out", gateway.wait_audit(event="session_begin")[0]["certificate"])
        self.issue("mid1", CA, "ca")
        self.issue("mid2", CA, "mid1")
        self.issue("leaf1", DEVICE, "mid1")
        self.issue("leaf2", DEVICE, "mid2")
        for name, parts in (("one", ("leaf1.crt", "mid1.crt")), ("long", ("leaf2.crt", "mid2.crt", "mid1.crt"))):
            self.write(f"{name}.crt", *parts)
            self.write(f"{name}.key", parts[0].replace("crt", "key"))
        self.assertEqual(self.outcome(gateway, "one"), 0)
        self.assertIsNone(self.outcome(gateway, "long"))
        self.refused_by(gateway, "tls.certificate-chain", "leaf2")

    def test_a_spiffe_identifier_gives_placeholders(self):
        self.issue("pump", DEVICE + "subjectAltName=URI:spiffe://plant.example/line-7/pump-3\n", "ca", subject="/O=x")
        self.issue("other", DEVICE + "subjectAltName=URI:spiffe://elsewhere.example/pump-3\n", "ca", subject="/O=x")
        broker = self.fake_broker()
        gateway = self.devices(policy=SPIFFE, broker=broker)
        self.assertEqual(self.outcome(gateway, "other"), 5)
        client, reason = self.connect(gateway, "pump")
        self.assertEqual(reason, 0)
        for topic in ("plant/pump-4/t", "plant/pump-3/t", "domains/plant.example", "domains/other.example"):
            client.send(wire.publish(topic, b"x"))
        lines = gateway.wait_audit(2, event="refusal", check="policy.no-rule")
        self.assertEqual({line["topic"] for line in lines}, {"plant/pump-4/t", "domains/other.example"})


class Broker(Certificates):
    def setUp(self):
        super().setUp()
        self.issue("ca", CA, key=RSA)

    def through(self, name, tls):
        broker = self.fake_broker(tls=(self.path(f"{name}.crt"), self.path(f"{name}.key")))
        gateway = self.gateway(f"localhost:{broker.port}", broker_more="[broker.tls]\n" + tls)
        with self.client(gateway.port) as client:
            return client.connect("c").reason, gateway

    def fingerprint(self, name):
        return self.openssl("x509", "-in", f"{name}.crt", "-noout", "-fingerprint", "-sha256").strip().partition("=")[2]

    def check(self, name, why, log):
        full = f'ca = "{self.path("ca.crt")}"'
        code, gateway = self.through(name, full)
        self.assertEqual(code, 3)
        gateway.wait_metric(1, "sallyport_broker_connect_failures_total", reason=why)
        self.until(lambda: log in gateway.log(), lambda: f"{log} is said; the log: {gateway.log()}")
        code, gateway = self.through(name, full + '\nverify = "chain"')
        self.assertEqual(code, 0)
        self.assertIn('verify = "chain" takes every certificate', gateway.log())
        self.assertEqual(self.through(name, f'verify = "pinned"\npins = ["{self.fingerprint(name)}"]')[0], 0)

    def test_a_key_usage_for_rsa_key_exchange_only(self):
        self.issue("b", SERVER + LOCAL + "keyUsage=keyEncipherment,dataEncipherment\n", "ca", key=RSA)
        self.check("b", "tls.certificate-key-usage", "keyUsage without digitalSignature")

    def test_a_key_usage_for_rsa_key_exchange_only_is_refused_in_tls_1_2_too(self):
        self.issue("b", SERVER + LOCAL + "keyUsage=keyEncipherment\n", "ca", key=RSA)
        code, gateway = self.through("b", f'ca = "{self.path("ca.crt")}"\nmax_version = "1.2"')
        self.assertEqual(code, 3)
        gateway.wait_metric(1, "sallyport_broker_connect_failures_total", reason="tls.certificate-key-usage")

    def test_a_name_in_cn_only(self):
        self.issue("b", SERVER, "ca", key=RSA, subject="/CN=localhost")
        self.check("b", "tls.certificate-name", "has no subjectAltName, and its common name does not count")

    def test_a_self_signed_certificate_that_is_pinned(self):
        self.issue("b", "basicConstraints=CA:false\n", subject="/CN=whatever", days="-1")
        other = self.fingerprint("ca")
        good = self.fingerprint("b").replace(":", "").lower()
        self.assertEqual(self.through("b", f'verify = "pinned"\npins = ["{other}", "{good}"]')[0], 0)
        code, gateway = self.through("b", f'verify = "pinned"\npins = ["{other}"]')
        self.assertEqual(code, 3)
        gateway.wait_metric(1, "sallyport_broker_connect_failures_total", reason="tls.certificate-pin")

    def test_weak_certificates_of_the_broker(self):
        self.issue("small", SERVER + LOCAL, "ca", key=SMALL_RSA)
        self.issue("sha1", SERVER + LOCAL, "ca", key=RSA, digest="-sha1")
        ca = f'ca = "{self.path("ca.crt")}"\n'
        for name, why, key in (("small", "tls.certificate-weak-key", "min_broker_key = 1024"),
                               ("sha1", "tls.certificate-weak-signature", "allow_sha1 = true")):
            with self.subTest(name=name):
                code, gateway = self.through(name, ca)
                self.assertEqual(code, 3)
                gateway.wait_metric(1, "sallyport_broker_connect_failures_total", reason=why)
                code, gateway = self.through(name, ca + key)
                self.assertEqual(code, 0)
                self.assertIn(f"broker: {key} lets in", gateway.log())

    def test_keys_that_contradict_each_other_are_errors_of_check(self):
        ca = f'ca = "{self.path("ca.crt")}"\n'
        pin = "0" * 64
        for tls, text in ((ca + f'pins = ["{pin}"]', 'pins in tls of [broker] counts only with verify = "pinned"'),
                          (ca + 'verify = "pinned"', 'has no "pins"'),
                          (ca + f'verify = "pinned"\npins = ["{pin}"]', 'ca in tls of [broker] does not count'),
                          ('verify = "chain"', 'has no "ca"'),
                          ('verify = "pinned"\npins = ["abc"]', "is not the SHA-256 of a certificate"),
                          (ca + 'min_version = "1.3"\nmax_version = "1.2"', "is below min_version"),
                          (ca + 'verify = "none"', '"full", "chain", "pinned"')):
            with self.subTest(text=text):
                gateway = self.gateway("localhost:1", broker_more="[broker.tls]\n" + tls, start=False)
                code, _, err = run_command("check", "-c", gateway.path("gateway.toml"))
                self.assertEqual(code, 1)
                self.assertIn(text, err)


class Records(Certificates):
    """Clients with small buffers."""

    def largest(self, gateway, version, *options):
        """The largest data record that `openssl s_client -msg` gets with a message of 20 kB."""
        client = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.tls_port}", version, "-msg", "-ign_eof",
             "-nocommands", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        client.stdin.write(wire.connect("small"))
        client.stdin.flush()
        seen, sizes = b"", []
        while b"END-OF-DATA" not in seen:
            piece = client.stdout.read1(65536)
            assert piece, seen[-500:]
            seen += piece
        lines = seen.decode("latin1").splitlines()
        for at, line in enumerate(lines):
            if "<<<" in line and "RecordHeader" in line and lines[at + 1].split()[:1] == ["17"]:
                length = lines[at + 1].split()[3:5]
                sizes.append(int("".join(length), 16))
        return max(sizes)

    @staticmethod
    def deliver(connection, packet):
        """Behind CONNACK, for what comes before it is dropped."""
        if packet.kind == wire.CONNECT:
            connection.send(wire.connack() + wire.publish("t", b"x" * 20_000) + wire.publish("end", b"END-OF-DATA"))

    def gateway_that_delivers(self, more=""):
        broker = self.fake_broker(self.deliver)
        listener = Listener("devices", "none")
        listener.toml = lambda: Listener.toml(listener).replace("tls = { ", "tls = { " + more)
        return self.gateway(broker, listeners=[listener])

    def test_a_client_gets_the_fragment_length_that_it_asks_for(self):
        for version in ("-tls1_2", "-tls1_3"):
            for size in (512, 1024, 2048, 4096):
                with self.subTest(version=version, size=size):
                    gateway = self.gateway_that_delivers()
                    largest = self.largest(gateway, version, "-maxfraglen", str(size))
                    self.assertLessEqual(largest, size + 29)
                    self.assertGreater(largest, size)

    def test_the_largest_record_of_a_listener_is_a_key(self):
        gateway = self.gateway_that_delivers('max_record = "1 KiB", ')
        self.assertLessEqual(self.largest(gateway, "-tls1_3"), 1024 + 29)

    def test_without_either_records_are_as_large_as_they_can_be(self):
        gateway = self.gateway_that_delivers()
        self.assertGreater(self.largest(gateway, "-tls1_3"), 16_000)
