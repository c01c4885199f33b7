"""The complete example of policies/README.md is more than a text that loads: a gateway runs with it."""

import os
import shutil

from support import pki, wire
from support.case import Case

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
POLICY = """
[[role]]
name = "sensor"
match = { cert_cn = "sensor-*", address = "203.0.113.7" }

[[role.allow]]
id = "all"
publish = ["t/#"]
"""


def complete_example():
    """The block of the reference that has every key; unit_config holds it against the tables."""
    with open(os.path.join(ROOT, "policies", "README.md")) as page:
        text = page.read()
    begin = text.index("```toml\n# gateway.toml\n") + len("```toml\n")
    return text[begin:text.index("\n```", begin) + 1]


class CompleteExample(Case):
    def setUp(self):
        super().setUp()
        self.broker = self.mosquitto(tls="broker", client_ca="ca.crt")
        self.running = self.gateway(self.broker, POLICY, start=False)
        self.write(self.example())

    def example(self):
        """Only addresses, and the name in the broker's certificate, are others."""
        text = complete_example()
        for old, new in (("broker.example:8883", f"127.0.0.1:{self.broker.port}"),
                         ('server_name = "broker.example"', 'server_name = "localhost"'),
                         ("0.0.0.0:8883", f"127.0.0.1:{self.running.tls_port}"),
                         ("127.0.0.1:9464", f"127.0.0.1:{self.running.metrics_port}"),
                         ("policies/*.toml", "policy.toml")):
            self.assertEqual(text.count(old), 1, old)
            text = text.replace(old, new)
        self.running.write("observe.token", "0123456789abcdef0123456789abcdef\n")
        for name, source in (("broker-ca.crt", "ca.crt"), ("devices-ca.crt", "ca.crt"),
                             ("gateway.crt", "sensor-2.crt"), ("gateway.key", "sensor-2.key"),
                             ("server.crt", "server.crt"), ("server.key", "server.key")):
            shutil.copy(pki.path(source), self.running.path(name))
        os.makedirs(self.running.path("crl"), exist_ok=True)
        pki.write_crl(self.running.path("crl"), "devices.pem")
        for name in ("stolen.txt", "exceptions.txt"):
            self.running.write(name, "# nobody\n")
        return text

    def write(self, text):
        self.running.write("gateway.toml", text)

    def device(self, proxied=True):
        header = b"PROXY TCP4 203.0.113.7 203.0.113.1 40000 8883\r\n" if proxied else b""
        return self.client(self.running.tls_port, tls="sensor-1", version=5, before=header)

    def publishes(self):
        client = self.device()
        client.open_session("c")
        client.send(wire.publish("t/x", b"x", qos=1, version=5))
        self.assertIn(client.expect(wire.PUBACK).reason, (0, 0x10))
        client.close()

    def test_it_starts_serves_and_reloads(self):
        self.running.start()
        self.publishes()
        self.assertTrue(self.running.reload())
        self.publishes()
        self.assertNotIn("needs a restart", self.running.log())
        self.assertTrue(os.path.exists(self.running.path("admin.sock")))

    def test_nobody_comes_in_without_the_header(self):
        self.running.start()
        with self.assertRaises(OSError):  # ssl.SSLError is one
            self.device(proxied=False)

    def test_a_reload_changes_a_bound(self):
        self.write(self.example().replace("max = 50000", "max = 1"))
        self.running.start()
        first = self.device()
        first.open_session("first")
        try:
            self.device()
        except OSError:
            pass  # or, where the reset came first, Python takes the socket for one without a peer
        self.running.wait_audit(check="connection.max-gateway")
        self.write(self.example())
        self.assertTrue(self.running.reload())
        self.device().open_session("second")
        first.ping()

    def test_keys_that_need_a_restart_are_named(self):
        self.running.start()
        text = self.example()
        for old, new in (("meters = 65536", "meters = 1024"), ("audit_crowd = 20", "audit_crowd = 21"),
                         ("max_clients = 16", "max_clients = 17"), ("packets = 2048", "packets = 16")):
            self.assertEqual(text.count(old), 1, old)
            text = text.replace(old, new)
        self.write(text)
        self.assertTrue(self.running.reload())
        for words in ("[ledger] meters changed", "[observe] audit_crowd changed",
                      "[admin] max_clients changed"):
            self.assertIn("needs a restart: " + words, self.running.log())
        self.assertNotIn("[turn]", self.running.log())
