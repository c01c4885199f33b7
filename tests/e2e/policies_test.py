"""The policies that are shipped do what their comments say, before a real mosquitto."""

import glob
import os
import re

from support import wire
from support.case import Case
from support.gateway import Listener, run_command

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "policies")


def text_of(name):
    with open(os.path.join(FOLDER, name)) as file:
        return file.read()


def listeners_of(text):
    """The listeners that a policy names, as its comments ask for them."""
    names = sorted(set(re.findall(r'listener = "([^"]+)"', text)))
    return [Listener(name, None if name == "legacy" else "required") for name in names]


class Shipped(Case):
    def start(self, name):
        text = text_of(name)
        self.running = self.gateway(self.mosquitto(), text, listeners=listeners_of(text))

    def port(self, listener):
        return next(one.port for one in self.running.listeners if one.name == listener)

    def enter(self, listener, name, version=5, **options):
        client = self.client(self.port(listener), tls=name, version=version)
        return client.open_session(name, **options)

    def publish(self, client, topic, payload=b"x", qos=1, **options):
        client.send(wire.publish(topic, payload, qos=qos, version=client.version, **options))
        answer = client.receive()
        return None if answer is None else answer.reason

    def test_all_of_them_are_good(self):
        files = sorted(glob.glob(os.path.join(FOLDER, "*.toml")))
        self.assertGreaterEqual(len(files), 3)
        for file in files:
            with self.subTest(policy=os.path.basename(file)):
                text = text_of(os.path.basename(file))
                gateway = self.gateway(self.fake_broker(), text, listeners=listeners_of(text), start=False)
                code, out, err = run_command("check", "-c", gateway.path("gateway.toml"))
                self.assertEqual((code, err), (0, ""), out)

    def test_the_first_policy_is_safe_as_it_is(self):
        with open(os.path.join(FOLDER, "..", "deploy", "install", "policy.toml")) as file:
            text = file.read()
        self.running = self.gateway(self.mosquitto(), text, listeners=[Listener("devices", "required")])
        device, other = self.enter("devices", "sensor-1"), self.enter("devices", "sensor-2")
        self.assertEqual(device.subscribe("devices/sensor-1/down/#", "devices/sensor-2/down/#", "devices/+/down/#", "#",
                                          "devices/sensor-1/up/#", "$SYS/#", "$share/g/devices/sensor-2/up/#"),
                         [1, *[0x87] * 6])
        # What it may say reaches the broker (0x10: nobody listens there), and in nobody else's name.
        self.assertIn(self.publish(device, "devices/sensor-1/up/t"), (0, 0x10))
        for topic in ("devices/sensor-2/up/t", "devices/sensor-1/down/t", "devices/sensor-2/down/t", "$SYS/x", "x"):
            with self.subTest(topic=topic):
                self.assertEqual(self.publish(other if "-1/" in topic else device, topic), 0x87)
        self.assertEqual(self.publish(device, "devices/sensor-1/up/t", retain=True), 0x87)
        with self.client(self.port("devices"), tls="sensor-1", version=5) as thief:
            self.assertEqual(thief.connect("sensor-2").reason, 0x85)
        with self.client(self.port("devices"), tls="sensor-1", version=5) as thief:
            self.assertEqual(thief.connect("sensor-1", will=("devices/sensor-2/up/t", b"x", 1, False)).reason, 0x87)

    def test_sensor_fleet(self):
        self.start("sensor-fleet.toml")
        dashboard = self.enter("devices", "dashboard-2")
        self.assertEqual(dashboard.subscribe("plant/#", qos=0), [0])
        sensor = self.enter("devices", "sensor-1", will=("plant/sensor-1/state", b"offline", 1, True))
        self.assertEqual(sensor.subscribe("plant/sensor-1/cmd/+", "plant/sensor-2/cmd/+", "plant/#"),
                         [1, 0x87, 0x87])
        self.assertEqual(self.publish(sensor, "plant/sensor-1/telemetry/t", b"21"), 0)
        self.assertEqual(dashboard.expect(wire.PUBLISH).payload, b"21")
        self.assertEqual(self.publish(sensor, "plant/sensor-2/telemetry/t"), 0x87)
        self.assertGreaterEqual(self.publish(sensor, "plant/sensor-1/telemetry/t", retain=True), 0x80)
        self.assertGreaterEqual(self.publish(sensor, "plant/sensor-1/telemetry/t", bytes(5000)), 0x80)
        self.assertEqual(self.publish(dashboard, "plant/sensor-1/cmd/stop"), 0x87)
        sensor.abort()
        self.assertEqual(dashboard.expect(wire.PUBLISH).payload, b"offline")
        # Another sensor's client identifier, and no certificate of a sensor's.
        thief = self.client(self.port("devices"), tls="sensor-2", version=5)
        self.assertEqual(thief.connect("sensor-1").reason, 0x85)
        guest = self.client(self.port("devices"), tls="guest", version=5)
        self.assertEqual(guest.connect("guest").reason, 0x87)

    def test_command_and_control(self):
        self.start("command-and-control.toml")
        vehicle = self.enter("fleet", "vehicle-7")
        self.assertEqual(vehicle.subscribe("fleet/vehicle-7/cmd/+"), [1])
        console = self.enter("control-room", "console-anna")
        self.assertEqual(console.subscribe("replies/console-anna/#"), [1])
        mine = [(wire.RESPONSE_TOPIC, "replies/console-anna/vehicle-7/stop")]
        self.assertEqual(self.publish(console, "fleet/vehicle-7/cmd/stop", props=mine), 0)
        command = vehicle.expect(wire.PUBLISH)
        self.assertEqual(dict(command.props)[wire.RESPONSE_TOPIC], mine[0][1])
        vehicle.send(wire.ack(wire.PUBACK, command.packet_id))
        self.assertEqual(self.publish(vehicle, mine[0][1], b"stopped"), 0)
        self.assertEqual(console.expect(wire.PUBLISH).payload, b"stopped")
        somebody = [(wire.RESPONSE_TOPIC, "replies/console-bob/vehicle-7/stop")]
        self.assertGreaterEqual(self.publish(console, "fleet/vehicle-7/cmd/stop", props=somebody), 0x80)
        self.assertEqual(self.publish(vehicle, "fleet/vehicle-8/status"), 0x87)
        # An old vehicle is not told no, it is disconnected; a console that reboots vehicles as well.
        old = self.client(self.port("fleet"), tls="vehicle-7", version=4).open_session("vehicle-7")
        self.assertIsNone(self.publish(old, "fleet/vehicle-8/status"))
        console.send(wire.publish("fleet/vehicle-7/cmd/reboot", b"", qos=1, version=5))
        while (packet := console.receive()) and packet.kind != wire.DISCONNECT:
            pass
        self.assertEqual(packet.reason, 0x87)
        # The updater's role is for another network.
        updater = self.client(self.port("control-room"), tls="updater-1", version=5)
        self.assertEqual(updater.connect("updater-1").reason, 0x87)

    def test_multi_tenant(self):
        self.start("multi-tenant.toml")
        app = self.enter("tenants", "app-acme-1")
        self.assertEqual(app.subscribe("$share/workers/acme.tenants.example/up/#",
                                       "beta.tenants.example/up/#", "#", "site/announcements"),
                         [1, 0x87, 0x87, 1])
        acme, beta = self.enter("tenants", "device-acme-7"), self.enter("tenants", "device-beta-7")
        topic = "{}.tenants.example/up/{}/health"
        self.assertEqual(self.publish(acme, topic.format("acme", "device-acme-7"), b"fine"), 0)
        packet = app.expect(wire.PUBLISH)
        self.assertEqual(packet.payload, b"fine")
        app.send(wire.ack(wire.PUBACK, packet.packet_id))
        self.assertEqual(self.publish(beta, topic.format("beta", "device-beta-7")), 0x10)  # nobody listens
        self.assertEqual(self.publish(beta, topic.format("acme", "device-beta-7")), 0x87)
        self.assertEqual(self.publish(beta, topic.format("acme", "device-acme-7")), 0x87)
        app.ping()
        # The legacy role is for another network.
        legacy = self.client(self.port("legacy"), version=4)
        self.assertEqual(legacy.connect("acme-1", username="acme-1", password="x").reason, 5)
