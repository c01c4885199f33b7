"""Clients that others wrote, through TLS and the gateway, before a real mosquitto."""

import queue
import random
import ssl
import subprocess

import paho.mqtt.client as paho

from support import pki, process, wait
from support.case import Case

PROTOCOLS = {3: paho.MQTTv31, 4: paho.MQTTv311, 5: paho.MQTTv5}
ROOM = 'limits = { max_packet = "2 MiB" }'


class Paho:
    """A paho client that runs its own thread."""

    def __init__(self, port, name, version=4, clean=True, will=None, keepalive=30, tls="sensor-1"):
        options = {} if version == 5 else {"clean_session": clean}
        self.client = paho.Client(client_id=name, protocol=PROTOCOLS[version], **options)
        self.messages, self.results = queue.Queue(), queue.Queue()
        self.published, self.subscribed = queue.Queue(), queue.Queue()
        self.client.on_connect = lambda c, u, flags, rc, *props: self.results.put(int(getattr(rc, "value", rc)))
        self.client.on_message = lambda c, u, message: self.messages.put(message)
        self.client.on_publish = lambda c, u, mid: self.published.put(mid)
        self.client.on_subscribe = lambda c, u, mid, granted, *props: self.subscribed.put(
            [int(getattr(code, "value", code)) for code in granted])
        if tls is not None:
            self.client.tls_set(pki.path("ca.crt"), pki.path(tls + ".crt"), pki.path(tls + ".key"),
                                cert_reqs=ssl.CERT_REQUIRED)
        if will:
            self.client.will_set(*will)
        self.client.connect("127.0.0.1", port, keepalive)
        self.client.loop_start()
        self.code = self.results.get(timeout=wait.BOUND)

    def subscribe(self, topic_filter, qos=2):
        self.client.subscribe(topic_filter, qos)
        return self.subscribed.get(timeout=wait.BOUND)

    def publish(self, topic, payload, qos=0, retain=False):
        self.client.publish(topic, payload, qos, retain)
        self.published.get(timeout=wait.BOUND)

    def message(self):
        return self.messages.get(timeout=wait.BOUND)

    def stop(self):
        self.client.disconnect()
        self.client.loop_stop()

    def vanish(self):
        """The connection breaks without DISCONNECT."""
        self.client._sock.close()  # pylint: disable=protected-access
        self.client.loop_stop()


class PahoClients(Case):
    def setUp(self):
        super().setUp()
        self.broker = self.mosquitto(["max_packet_size 4194304"])
        self.running = self.gateway(self.broker, listener_more=ROOM)

    def paho(self, name, version=4, **options):
        # No two with one client identifier: paho reconnects, and they would take over each other.
        self.made = getattr(self, "made", 0) + 1
        made = Paho(self.running.tls_port, f"{name}-{self.made}", version, **options)
        self.addCleanup(made.client.loop_stop)
        self.assertEqual(made.code, 0)
        return made

    def all_qualities(self, version):
        one, other = self.paho("one", version), self.paho("other", version)
        self.assertEqual(one.subscribe("t/#"), [2])
        for qos in (0, 1, 2):
            for payload in (b"", b"text", random.Random(qos).randbytes(70_000)):
                other.publish(f"t/{qos}", payload, qos)
                message = one.message()
                self.assertEqual((message.topic, message.qos), (f"t/{qos}", qos))
                self.assertTrue(message.payload == payload, "payloads differ")
        one.stop()
        other.stop()

    def test_paho_3_1_all_qualities_of_service(self):
        self.all_qualities(3)

    def test_paho_3_1_1_all_qualities_of_service(self):
        self.all_qualities(4)

    def test_paho_5_0_all_qualities_of_service(self):
        self.all_qualities(5)

    def test_paho_retained_messages(self):
        for version in (3, 4, 5):
            with self.subTest(version=version):
                topic = f"kept/{version}"
                self.paho("writer", version).publish(topic, b"kept", 1, retain=True)
                reader = self.paho("reader", version)
                reader.subscribe(topic)
                message = reader.message()
                self.assertEqual((message.payload, message.retain), (b"kept", True))

    def test_paho_will_is_published_when_the_client_vanishes(self):
        for version in (3, 4, 5):
            with self.subTest(version=version):
                watcher = self.paho("watcher", version)
                watcher.subscribe("will/#")
                self.paho("victim", version, will=(f"will/{version}", b"gone", 1, False)).vanish()
                self.assertEqual(watcher.message().topic, f"will/{version}")

    def test_paho_one_mebibyte(self):
        payload = random.Random(9).randbytes(1 << 20)
        for version in (4, 5):
            for qos in (0, 1, 2):
                with self.subTest(version=version, qos=qos):
                    reader = self.paho("reader", version)
                    reader.subscribe("big")
                    self.paho("writer", version).publish("big", payload, qos)
                    self.assertTrue(reader.message().payload == payload, "payloads differ")

    def test_paho_many_messages_arrive_in_order(self):
        reader, writer = self.paho("reader", 5), self.paho("writer", 5)
        reader.subscribe("n", 1)
        for number in range(500):
            writer.client.publish("n", str(number), 1)
        self.assertEqual([int(reader.message().payload) for _ in range(500)], list(range(500)))

    def test_paho_stays_for_longer_than_its_keep_alive(self):
        client = self.paho("quiet", keepalive=1)
        self.assertRaises(queue.Empty, client.results.get, timeout=4)
        client.subscribe("t")
        client.publish("t", b"still here", 1)
        self.assertEqual(client.message().payload, b"still here")
        self.assertEqual(self.running.metrics().value("sallyport_sessions_begun_total"), 1)
    test_paho_stays_for_longer_than_its_keep_alive.slow = True


class MosquittoClients(Case):
    def setUp(self):
        super().setUp()
        self.broker = self.mosquitto()
        self.running = self.gateway(self.broker)

    def arguments(self, version, name):
        protocol = {3: "mqttv31", 4: "mqttv311", 5: "mqttv5"}[version]
        return ["-V", protocol, "-h", "localhost", "-p", str(self.running.tls_port), "-i", name,
                "--cafile", pki.path("ca.crt"), "--cert", pki.path("sensor-1.crt"),
                "--key", pki.path("sensor-1.key")]

    def publish_and_subscribe(self, version):
        for qos in "012":
            with self.subTest(qos=qos):
                subscriber = process.start(
                    ["mosquitto_sub", *self.arguments(version, "sub"), "-q", qos, "-t", "a/#",
                     "-C", "1", "-F", "got %t %q %p"], stdout=subprocess.PIPE, text=True)
                self.addCleanup(process.end, subscriber)
                self.addCleanup(subscriber.stdout.close)
                self.running.wait_metric(int(qos) + 1, "sallyport_packets_total", type="SUBACK")
                done = subprocess.run(["mosquitto_pub", *self.arguments(version, "pub"), "-q", qos,
                                       "-t", "a/b", "-m", "hello"], timeout=wait.BOUND, check=False,
                                      capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertEqual(subscriber.wait(wait.BOUND), 0)
                self.assertEqual(subscriber.stdout.read(), f"got a/b {qos} hello\n")

    def test_mosquitto_pub_and_sub_3_1(self):
        self.publish_and_subscribe(3)

    def test_mosquitto_pub_and_sub_3_1_1(self):
        self.publish_and_subscribe(4)

    def test_mosquitto_pub_and_sub_5_0(self):
        self.publish_and_subscribe(5)
