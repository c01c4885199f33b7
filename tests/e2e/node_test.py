"""The `mqtt` package from npm through TLS and the gateway, before a real mosquitto."""

import json
import os
import subprocess

from support import pki, wait
from support.case import Case

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "node")
POLICY = """
[[role]]
name = "everybody"

[[role.allow]]
id = "node"
publish = ["node/#"]
subscribe = ["node/#"]
"""
LARGE = 100_000


class NodeClient(Case):
    def roundtrip(self, version):
        self.assertTrue(os.path.isdir(os.path.join(FOLDER, "node_modules", "mqtt")),
                        "the npm package `mqtt` could not be fetched (see the beginning of the run)")
        gateway = self.gateway(self.mosquitto(), POLICY)
        given = {"version": version, "port": gateway.tls_port, "large": LARGE, "ca": pki.path("ca.crt"),
                 "cert": pki.path("sensor-1.crt"), "key": pki.path("sensor-1.key")}
        done = subprocess.run(["node", "roundtrip.js", json.dumps(given)], cwd=FOLDER, check=False,
                              capture_output=True, text=True, timeout=2 * wait.BOUND,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        self.assertEqual(result["granted"], [2])
        sent = [(f"node/{qos}", qos, size) for qos in (0, 1, 2) for size in (7, LARGE)]
        seen = [(m["topic"], m["qos"], m["size"]) for m in result["seen"]]
        self.assertEqual(sorted(seen), sorted(sent))
        gateway.wait_audit(event="refusal", packet="PUBLISH", topic="refused/x")
        gateway.wait_audit(event="refusal", packet="SUBSCRIBE", topic="refused/#")
        return result

    def test_node_3_1(self):
        self.roundtrip(3)

    def test_node_3_1_1(self):
        self.roundtrip(4)

    def test_node_5_0(self):
        self.assertEqual(self.roundtrip(5)["refused"], 0x87)
