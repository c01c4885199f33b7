"""The `mqtt` package from npm through TLS and the gateway, before a real mosquitto; and the same
conversation with that mosquitto directly, which must not look any different."""

import base64
import hashlib
import json
import os
import re
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


ALLOW_ALL = """
[[role]]
name = "everybody"

[[role.allow]]
id = "all"
publish = ["#"]
subscribe = ["#", "$SYS/#"]
"""
# Lower than what mosquitto says, or than what it says nothing of.
LIMITS = """
[limits]
max_packet = "128 KiB"
max_topic_aliases = 4
max_qos2_in_flight = 8
max_keep_alive = "30 s"
"""
# All that a client of 5.0 may see of the gateway in this conversation: its limits, in CONNACK.
LOWERED = {"maximumPacketSize": 128 * 1024, "topicAliasMaximum": 4, "receiveMaximum": 8,
           "serverKeepAlive": 30}


class NodeCase(Case):
    def node(self, script, given):
        """What the script prints."""
        self.assertTrue(os.path.isdir(os.path.join(FOLDER, "node_modules", "mqtt")),
                        "the npm package `mqtt` could not be fetched (see the beginning of the run)")
        done = subprocess.run(["node", script, json.dumps(given)], cwd=FOLDER, check=False,
                              capture_output=True, text=True, timeout=4 * wait.BOUND,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout


class NodeClient(NodeCase):
    def roundtrip(self, version):
        gateway = self.gateway(self.mosquitto(), POLICY)
        given = {"version": version, "port": gateway.tls_port, "large": LARGE, "ca": pki.path("ca.crt"),
                 "cert": pki.path("sensor-1.crt"), "key": pki.path("sensor-1.key")}
        result = json.loads(self.node("roundtrip.js", given))
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


class NodeConversation(NodeCase):
    """conversation.js: options, identifiers and all properties, QoS 0 to 2, aliases, retained messages,
    requests and responses, Wills, sessions, a takeover, credentials. Once with mosquitto, once with the
    gateway before another one: every packet, event and answer of every client must be the same."""

    def broker(self):
        # What mosquitto_passwd would write for "known" with the password "secret".
        salt = b"twelve bytes"
        digest = hashlib.pbkdf2_hmac("sha512", b"secret", salt, 101)
        path = os.path.join(self.directory, "passwords")
        with open(path, "w") as file:
            file.write("known:$7$101$" + "$".join(base64.b64encode(x).decode() for x in (salt, digest)))
            file.write("\n")
        return self.mosquitto([f"password_file {path}"])

    def talk(self, version, url, **tls):
        given = {"version": version, "url": url, "password": "secret", **tls}

        def timeless(value):
            """A broker counts this down while it keeps a message, and draws that by lot."""
            if "messageExpiryInterval" in value:
                self.assertLessEqual(value["messageExpiryInterval"], 600)
                value["messageExpiryInterval"] = 600
            if "assignedClientIdentifier" in value:
                value["assignedClientIdentifier"] = re.sub("[0-9A-F]", "*",
                                                           value["assignedClientIdentifier"])
            return value
        return json.loads(self.node("conversation.js", given), object_hook=timeless)

    def through_the_gateway(self, seen):
        """What a client of 5.0 has seen directly, as it must be seen through the gateway."""
        accepted = [packet for client in seen.values() for packet in client["packets"]
                    if packet["packet"] == "connack" and packet["reasonCode"] == 0]
        self.assertGreater(len(accepted), 15)
        for packet in accepted:
            for name, value in LOWERED.items():
                self.assertNotEqual(packet["properties"].get(name), value, "this difference is none")
            packet["properties"].update(LOWERED)
        return seen

    def compare(self, version):
        direct = self.talk(version, f"mqtt://127.0.0.1:{self.broker().port}")
        if version == 5:
            direct = self.through_the_gateway(direct)
        gateway = self.gateway(self.broker(), ALLOW_ALL, more=LIMITS)
        through = self.talk(version, f"mqtts://127.0.0.1:{gateway.tls_port}", ca=pki.path("ca.crt"),
                            cert=pki.path("sensor-1.crt"), key=pki.path("sensor-1.key"))
        self.assertGreater(sum(len(client["packets"]) for client in direct.values()), 100)
        self.assertEqual(list(through), list(direct))
        for name, client in direct.items():
            with self.subTest(client=name):
                for kind, expected in client.items():
                    self.assertEqual(through[name][kind], expected, kind)
        # 3.x has no words for a keep-alive that is too long, so that it is only reported.
        reports = {line["check"] for line in gateway.audit_lines(event="refusal", action="report")}
        self.assertEqual(reports, set() if version == 5 else {"mqtt.keep-alive-maximum"})
        self.assertEqual([line for line in gateway.audit_lines(event="refusal")
                          if line["action"] != "report"], [])

    def test_node_conversation_3_1(self):
        self.compare(3)

    def test_node_conversation_3_1_1(self):
        self.compare(4)

    def test_node_conversation_5_0(self):
        self.compare(5)
