"""What counts no more ends live sessions and does not come back: CAs, CRLs, deny lists, ends of
certificates. All by certificates and CRLs of the openssl command."""

import os
import time

from support import wire
from support.gateway import run_command
from certificate_test import CA, DEVICE, RSA, Certificates

ENDS_WITHIN = 2  # seconds, as README promises


class Revocation(Certificates):
    def setUp(self):
        super().setUp()
        self.issue("ca", CA)
        self.issue("other-ca", CA, key=RSA)
        for name in ("good", "stolen"):
            self.issue(name, DEVICE, "ca")
        self.issue("foreign", DEVICE, "other-ca")
        self.write("bundle.crt", "ca.crt", "other-ca.crt")
        self.broker = self.fake_broker()

    def serial(self, name):
        return self.openssl("x509", "-in", f"{name}.crt", "-noout", "-serial").strip().partition("=")[2]

    def fingerprint(self, name):
        return self.openssl("x509", "-in", f"{name}.crt", "-noout", "-fingerprint",
                            "-sha256").strip().partition("=")[2]

    def crl(self, ca, *revoked, out="ca.crl", form="PEM", seconds=86400):
        """A CRL of `ca`, as the openssl command makes it; it is over in so many seconds."""
        for name, text in ((f"{ca}.db", ""), (f"{ca}.db.attr", "unique_subject = no\n"), (f"{ca}.number", "01\n")):
            with open(self.path(name), "w") as file:
                file.write(text)
        with open(self.path("ca.cnf"), "w") as file:
            file.write(f"[ca]\ndefault_ca = c\n[c]\ndatabase = {self.path(ca + '.db')}\n"
                       f"crlnumber = {self.path(ca + '.number')}\ndefault_md = sha256\n")
        common = ["-config", self.path("ca.cnf"), "-cert", f"{ca}.crt", "-keyfile", f"{ca}.key"]
        for name in revoked:
            self.openssl("ca", *common, "-revoke", f"{name}.crt", "-crl_reason", "keyCompromise")
        self.openssl("ca", *common, "-gencrl", "-crlsec", str(seconds), "-out", "new.crl")
        self.openssl("crl", "-in", "new.crl", "-outform", form, "-out", "done.crl")
        os.rename(self.path("done.crl"), self.path(out))
        return self.path(out)

    def text(self, name, text):
        with open(self.path(name), "w") as file:
            file.write(text)
        return self.path(name)

    def listening(self, more="", bundle="bundle.crt", **options):
        return self.devices(more=more, bundle=bundle, broker=self.broker, **options)

    def session(self, gateway, name, version=5, **options):
        client = self.client(gateway.tls_port, version=version)
        client.socket = self.context(name).wrap_socket(client.socket)
        return client.open_session(name, **options)

    def ends(self, client, began, version=5):
        """Says why, and ends, in time."""
        if version == 5:
            self.assertEqual(client.expect(wire.DISCONNECT).reason, 0x87)
        client.expect_end()
        self.assertLess(time.monotonic() - began, ENDS_WITHIN)

    def ended_by(self, gateway, check, name="stolen"):
        line = gateway.wait_audit(event="refusal", check=check)[-1]
        self.assertEqual(line["certificate"]["cn"], name)
        self.assertTrue(line["certificate"]["serial"])
        self.assertEqual(gateway.wait_audit(event="session_end", kind="certificate")[-1]["detail"], check)
        gateway.wait_metric(1, "sallyport_refusals_total", rule=check)

    def reload_ends_stolen(self, gateway, change, check):
        """`change` is made, and ends both sessions of `stolen`, and nobody else's."""
        good = self.session(gateway, "good")
        stolen = {version: self.session(gateway, "stolen", version) for version in (4, 5)}
        change()
        began = time.monotonic()
        self.assertTrue(gateway.reload())
        for version, client in stolen.items():
            self.ends(client, began, version)
        good.ping()
        self.ended_by(gateway, check)
        self.assertIsNone(self.outcome(gateway, "stolen"))
        self.refused_by_handshake(gateway, check)
        good.ping()
        self.assertEqual(self.outcome(gateway, "good"), 0)

    def refused_by_handshake(self, gateway, check):
        line = gateway.wait_audit(check=check, phase="handshake")[-1]
        self.assertEqual(line["unverified_certificate"]["cn"], "stolen")
        self.assertTrue(line["unverified_certificate"]["serial"])


class Crls(Revocation):
    def both(self, form):
        self.crl("other-ca", out="other.crl", form=form)
        self.crl("ca", form=form)
        gateway = self.listening(f'crl = ["{self.pki}/*.crl"]')
        self.reload_ends_stolen(gateway, lambda: self.crl("ca", "stolen", form=form), "tls.certificate-revoked")
        self.assertEqual(self.outcome(gateway, "foreign"), 0)
        gateway.wait_metric(1, "sallyport_crl_next_update_timestamp_seconds", bundle="listener:devices", ca="CN=ca")
        os.remove(self.path("new.crl"))

    def test_a_pem_crl_ends_live_sessions_of_whom_it_revokes(self):
        self.both("PEM")

    def test_a_der_crl_does_too(self):
        self.both("DER")

    def test_a_ca_without_a_list_is_refused_unless_that_is_let_in(self):
        path = self.crl("ca", "stolen")
        for fail, foreign in (("closed", None), ("open", 0)):
            with self.subTest(fail=fail):
                gateway = self.listening(f'crl = ["{path}"]\ncrl_fail = "{fail}"')
                self.assertEqual(self.outcome(gateway, "good"), 0)
                self.assertIsNone(self.outcome(gateway, "stolen"))
                self.assertEqual(self.outcome(gateway, "foreign"), foreign)
                if foreign is None:
                    self.refused_by(gateway, "tls.crl-missing", "foreign")

    def test_a_list_that_is_over_counts_for_whom_it_names(self):
        path = self.crl("ca", "stolen", seconds=1)
        time.sleep(3)
        for fail, good in (("closed", None), ("open", 0)):
            with self.subTest(fail=fail):
                gateway = self.listening(f'crl = ["{path}"]\ncrl_fail = "{fail}"')
                self.assertEqual(self.outcome(gateway, "good"), good)
                self.assertIsNone(self.outcome(gateway, "stolen"))
                self.refused_by(gateway, "tls.certificate-revoked", "stolen")
                self.warns(gateway, "is over")
                if good is None:
                    self.refused_by(gateway, "tls.crl-expired", "good")

    def test_when_a_list_is_over_the_sessions_of_its_ca_end(self):
        gateway = self.listening(f'crl = ["{self.crl("ca", seconds=6)}"]', bundle="ca.crt")
        began = time.monotonic()
        client = self.session(gateway, "good")
        self.assertEqual(client.expect(wire.DISCONNECT, bound=20).reason, 0x87)
        self.assertGreater(time.monotonic() - began, 2)
        self.ended_by(gateway, "tls.crl-expired", "good")

    def test_the_list_of_a_ca_that_clients_send(self):
        self.issue("mid", CA, "ca")
        self.issue("leaf", DEVICE, "mid")
        self.issue("lost", DEVICE, "mid")
        for name in ("leaf", "lost"):
            self.write(f"{name}-chain.crt", f"{name}.crt", "mid.crt")
            self.write(f"{name}-chain.key", f"{name}.key")
        self.crl("ca")
        self.crl("mid", "lost", out="mid.crl")
        gateway = self.listening(f'crl = ["{self.path("ca.crl")}", "{self.path("mid.crl")}"]', bundle="ca.crt")
        self.assertEqual(self.outcome(gateway, "leaf-chain"), 0)
        self.assertIsNone(self.outcome(gateway, "lost-chain"))
        # And the CA itself is revoked by the one above it.
        client = self.session(gateway, "leaf-chain")
        self.crl("ca", "mid")
        began = time.monotonic()
        self.assertTrue(gateway.reload())
        self.ends(client, began)

    def test_what_is_wrong_with_a_file_is_said(self):
        self.crl("ca")
        forged = self.path("forged.crl")
        self.issue("forger", CA, subject="/CN=ca")
        self.crl("forger", out="forged.crl")
        gateway = self.listening(f'crl = ["{self.path("ca.crl")}"]', bundle="ca.crt")
        with open(gateway.path("gateway.toml")) as file:
            good = file.read()
        for path, says in ((self.path("ca.crt"), "holds no CRL"), (self.path("none.crl"), "no CRL matches"),
                           (forged, "is not signed by the CA"),
                           (self.text("torn.crl", "-----BEGIN X509 CRL-----\nMIIB\n"), "cut short"),
                           (self.text("bad.crl", "-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n"),
                            "not valid")):
            with self.subTest(path=path):
                gateway.write("gateway.toml", good.replace(self.path("ca.crl"), path))
                code, _, err = run_command("check", "-c", gateway.path("gateway.toml"))
                self.assertEqual(code, 1)
                self.assertIn(says, err)
                self.assertIn(os.path.basename(path), err)


class Lists(Revocation):
    def denies(self, *lines):
        path = self.text("denied", "# nobody yet\n")
        gateway = self.listening(f'deny_lists = ["{path}"]')
        self.reload_ends_stolen(gateway, lambda: self.text("denied", "\n".join(lines) + "\n"),
                                "tls.certificate-denied")
        # A line with an end that is over names nobody.
        self.text("denied", "\n".join(f"{line} until 2020-01-01" for line in lines if line[:1] != "#"))
        self.assertTrue(gateway.reload())
        self.until(lambda: self.outcome(gateway, "stolen") == 0, "it may come back")

    def test_by_fingerprint(self):
        self.denies("# stolen", f"fingerprint {self.fingerprint('stolen')}")

    def test_by_serial_number(self):
        self.denies(f"serial {self.serial('stolen')}")

    def test_by_serial_number_and_issuer(self):
        self.denies(f'serial {self.serial("stolen")} issuer "CN=ca"',
                    f'serial {self.serial("good")} issuer "CN=other-ca"')

    def test_a_malformed_line_is_an_error_with_file_and_line(self):
        path = self.text("denied", "# fine\nfingerprint 12\nserial 01\n")
        gateway = self.listening(f'deny_lists = ["{self.text("fine", "serial 01")}"]')
        with open(gateway.path("gateway.toml")) as file:
            good = file.read()
        gateway.write("gateway.toml", good.replace(self.path("fine"), path))
        self.assertFalse(gateway.reload())
        self.assertIn(f"{path}:2", gateway.log())
        self.assertEqual(self.outcome(gateway, "good"), 0)

    def test_an_exception_lets_an_expired_certificate_in_and_each_use_is_audited(self):
        self.issue("old", DEVICE, "ca", days="-1")
        gateway = self.listening(f'exception_lists = ["{self.text("exceptions", "")}"]')
        self.assertIsNone(self.outcome(gateway, "old"))
        self.text("exceptions", f"fingerprint {self.fingerprint('old')} until 2100-01-01\n")
        self.assertTrue(gateway.reload())
        client = self.session(gateway, "old")
        line = gateway.wait_audit(check="tls.certificate-expired", action="report")[-1]
        self.assertEqual(line["certificate"]["cn"], "old")
        self.text("exceptions", f"fingerprint {self.fingerprint('old')} until 2020-01-01\n")
        began = time.monotonic()
        self.assertTrue(gateway.reload())
        self.ends(client, began)


class Cas(Revocation):
    def test_a_ca_that_is_taken_away_ends_its_sessions_and_no_others(self):
        gateway = self.listening()
        good, foreign = self.session(gateway, "good"), self.session(gateway, "foreign")
        self.write("bundle.crt", "ca.crt")
        began = time.monotonic()
        self.assertTrue(gateway.reload())
        self.ends(foreign, began)
        good.ping()
        self.ended_by(gateway, "tls.certificate-untrusted", "foreign")
        self.assertEqual(len(gateway.audit_lines(event="session_end")), 1)

    def test_a_ca_that_is_renewed_with_its_key_ends_nobodys(self):
        gateway = self.listening(bundle="ca.crt")
        good = self.session(gateway, "good")
        before = self.openssl("x509", "-in", "ca.crt", "-noout", "-serial", "-dates")
        self.write("kept.key", "ca.key")
        self.issue("ca", CA, reuse="kept", days="9")
        self.assertNotEqual(before, self.openssl("x509", "-in", "ca.crt", "-noout", "-serial", "-dates"))
        self.assertTrue(gateway.reload())
        self.assertEqual(self.outcome(gateway, "good"), 0)
        good.ping()
        self.assertFalse(gateway.audit_lines(event="session_end", kind="certificate"))

    def test_one_of_the_same_name_with_another_key_is_another_ca(self):
        gateway = self.listening(bundle="ca.crt")
        good = self.session(gateway, "good")
        self.issue("ca", CA)
        began = time.monotonic()
        self.assertTrue(gateway.reload())
        self.ends(good, began)

    def test_a_key_that_is_too_short_now_ends_its_sessions(self):
        self.issue("small", DEVICE, "ca", key=("RSA", "rsa_keygen_bits:1024"))
        gateway = self.listening("min_client_key = 1024")
        small, good = self.session(gateway, "small"), self.session(gateway, "good")
        with open(gateway.path("gateway.toml")) as file:
            text = file.read()
        gateway.write("gateway.toml", text.replace("min_client_key = 1024", ""))
        began = time.monotonic()
        self.assertTrue(gateway.reload())
        self.ends(small, began)
        good.ping()

    def test_a_certificate_that_ends_ends_its_session(self):
        now = time.time()
        end = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(now + 5))
        self.openssl("req", "-new", "-key", "good.key", "-subj", "/CN=short", "-out", "csr")
        for name, text in (("db", ""), ("db.attr", ""), ("serial", "77\n")):
            self.text(name, text)
        self.text("issue.cnf", f"[ca]\ndefault_ca = c\n[c]\ndatabase = {self.path('db')}\nserial = "
                               f"{self.path('serial')}\nnew_certs_dir = {self.pki}\ndefault_md = sha256\npolicy = p\n"
                               "[p]\ncommonName = supplied\n[e]\n" + DEVICE)
        self.openssl("ca", "-batch", "-config", "issue.cnf", "-cert", "ca.crt", "-keyfile", "ca.key", "-extensions", "e",
                     "-startdate", "20200101000000Z", "-enddate", end, "-in", "csr", "-out", "short.crt")
        self.write("short.key", "good.key")
        gateway = self.listening()
        good, short = self.session(gateway, "good"), self.session(gateway, "short")
        self.assertEqual(short.expect(wire.DISCONNECT, bound=20).reason, 0x87)
        self.assertLess(time.time(), now + 5 + 1 + ENDS_WITHIN)
        self.assertGreater(time.time(), now + 4)
        short.expect_end()
        self.ended_by(gateway, "tls.certificate-expired", "short")
        good.ping()


class WhileBusy(Revocation):
    """The session is ended in the middle of something; what it leaves behind."""

    def deny(self, gateway):
        self.text("denied", f"fingerprint {self.fingerprint('stolen')}\n")
        began = time.monotonic()
        self.assertTrue(gateway.reload())
        return began

    def denying(self, **options):
        return self.listening(f'deny_lists = ["{self.text("denied", "")}"]', **options)

    def test_while_it_publishes_at_full_speed(self):
        gateway = self.denying()
        stolen = self.session(gateway, "stolen")
        message = wire.publish("a/b", b"x" * 100, version=5)
        stolen.send_some(message * 20000, 1)
        began = self.deny(gateway)
        try:
            while time.monotonic() - began < ENDS_WITHIN:
                stolen.send_some(message * 1000, 0.2)
        except OSError:
            pass  # it ended
        self.broker.connection(0).wait_end()
        self.assertLess(time.monotonic() - began, ENDS_WITHIN + 1)
        gateway.wait_audit(event="session_end", kind="certificate")

    def test_before_connack(self):
        self.broker.answer = lambda connection, packet: None
        gateway = self.denying()
        client = self.client(gateway.tls_port, version=5)
        client.socket = self.context("stolen").wrap_socket(client.socket)
        client.send(wire.connect("stolen", version=5, will=("a/will", b"gone", 0, False)))
        self.broker.connection(0).wait_packet(wire.CONNECT)
        began = self.deny(gateway)
        self.assertEqual(client.expect(wire.CONNACK).reason, 0x87)
        client.expect_end()
        self.assertLess(time.monotonic() - began, ENDS_WITHIN)
        self.broker.connection(0).wait_packet(wire.DISCONNECT)

    def test_its_will_is_taken_back(self):
        gateway = self.denying()
        for version in (4, 5):
            with self.subTest(version=version):
                self.text("denied", "")
                gateway.reload()
                stolen = self.session(gateway, "stolen", version, will=("a/will", b"gone", 0, False))
                began = self.deny(gateway)
                self.ends(stolen, began, version)
                self.broker.connection(version - 4).wait_packet(wire.DISCONNECT)
                self.assertFalse(gateway.wait_audit(event="session_end", kind="certificate")[-1].get("will"))

    def test_in_the_middle_of_a_payload(self):
        gateway = self.denying()
        stolen = self.session(gateway, "stolen")
        whole = wire.publish("a/b", b"x" * 30000, version=5)
        stolen.send(whole[:10000])
        self.until(lambda: gateway.metrics().value("sallyport_sessions_open") == 1, "it is here")
        self.deny(gateway)
        self.broker.connection(0).wait_end()
        self.assertFalse(self.broker.connection(0).of_kind(wire.PUBLISH))
