"""A gateway before a real mosquitto, with devices that work and others that should not be there, and
Debian's Prometheus that scrapes it."""

import json
import os
import shutil
import sys
import threading
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(ROOT, "tests", "e2e")]
from support import client, gateway, mosquitto, ports, process, wait, wire  # noqa: E402

MARKUP = "<img src=x onerror=document.title=1>"
POLICY = """
[[role]]
name = "sensor"
match = { listener = "devices", cert_cn = "sensor-*" }
[[role.allow]]
id = "telemetry"
publish = ["plant/#", "closed/#"]
subscribe = ["plant/#", "closed/#"]
[[role.allow]]
id = "slow-lane"
publish = ["slow/#"]
limit = { messages = "5/s", burst = 5, on_exceed = "throttle" }
[[role.deny]]
id = "no-secrets"
publish = ["plant/secret/#"]
subscribe = ["plant/secret/#"]
[[role.deny]]
id = "on-trial"
publish = ["plant/trial/#"]
on_deny = "report"

[[role]]
name = "operator"
match = { cert_cn = "operator" }
[[role.allow]]
id = "operators-read"
subscribe = ["plant/#"]

[[role]]
name = "guest"
match = { listener = "plain" }
[[role.allow]]
id = "guests"
publish = ["guest/#"]
"""
# The broker has rules of its own, narrower than the policy.
BROKER_RULES = "topic readwrite plant/#\ntopic readwrite guest/#\ntopic readwrite slow/#\n"


def http(url, headers=()):
    with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers)), timeout=60) as answer:
        return answer.read().decode()


class Prometheus:
    def __init__(self, directory, target, rules):
        self.port = ports.free_port()
        self.directory = os.path.join(directory, "prometheus")
        os.makedirs(self.directory)
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                  "rule_files": rules,
                  "scrape_configs": [{"job_name": "sallyport", "static_configs": [{"targets": [target]}]}]}
        path = os.path.join(self.directory, "prometheus.yml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)  # JSON is YAML, too
        self.log = os.path.join(self.directory, "log")
        with open(self.log, "wb") as log:
            self.process = process.start(
                [shutil.which("prometheus"), f"--config.file={path}", f"--web.listen-address=127.0.0.1:{self.port}",
                 f"--storage.tsdb.path={self.directory}/data"], stdout=log, stderr=log)
        wait.until(lambda: ports.is_listening(self.port), lambda: "Prometheus listens: " + self.log)

    def ask(self, path, **arguments):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
        return json.loads(http(url))["data"]

    def query(self, expression):
        return self.ask("query", query=expression)["result"]

    def over(self, expression, seconds):
        now = time.time()
        return self.ask("query_range", query=expression, start=now - seconds, end=now, step=1)["result"]

    def firing(self):
        return {alert["labels"]["alertname"] for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"}

    def stop(self):
        process.end(self.process)


class Repeated(threading.Thread):
    """Does something again and again until it is stopped; a connection that ends is part of it."""

    def __init__(self, action, every=0.1):
        super().__init__(daemon=True)
        self.action, self.every = action, every
        self.over = threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(self.every):
            try:
                self.action()
            except (OSError, AssertionError):
                pass

    def stop(self):
        self.over.set()
        self.join(60)


class Scene:
    def __init__(self, directory, more_rules=()):
        self.directory = directory
        acl = os.path.join(directory, "acl")
        with open(acl, "w", encoding="utf-8") as file:
            file.write(BROKER_RULES)
        os.chmod(acl, 0o644)
        self.broker = mosquitto.Mosquitto(directory, [f"acl_file {acl}"], tls="broker")
        folder = os.path.join(directory, "gateway")
        os.mkdir(folder)
        client.pki.write_crl(folder, "devices.crl", days=30)
        tls = f'tls = {{ ca = "{client.pki.path("ca.crt")}", server_name = "localhost" }}'
        self.gateway = gateway.Gateway(
            folder, self.broker, POLICY, workers=2, broker_more=tls, observe_more="top = 10",
            listeners=[gateway.Listener("devices", "optional", crl="devices.crl"),
                       gateway.Listener("plain", more="max_connections = 5")]).start()
        self.prometheus = Prometheus(directory, f"127.0.0.1:{self.gateway.metrics_port}", list(more_rules))
        self.keep, self.work = [], []
        self.begin()

    def device(self, certificate, client_id, version=5):
        made = client.Client(self.gateway.tls_port, certificate, version=version)
        assert made.connect(client_id, keep_alive=600).reason == 0, client_id
        return made

    def begin(self):
        sensor = self.device("sensor-1", "sensor-1")
        sensor.subscribe("plant/line/#", qos=0)
        named = self.device("sensor-2", MARKUP)
        self.device_kept = [sensor, named, self.device("operator", "console")]
        number = iter(range(1, 10**9))

        def identifier():
            return next(number) % 60_000 + 1

        def answered(device, kind):
            while True:
                packet = device.receive()
                assert packet is not None, "the connection has ended"
                if packet.kind == kind:
                    return

        def telemetry():
            sensor.send(*(wire.publish("plant/line/1", b"21.5", version=5) for _ in range(4)),
                        wire.publish("plant/trial/1", b"x", version=5),
                        wire.publish("plant/line/1", b"21.5", qos=1, packet_id=identifier(), version=5))
            answered(sensor, wire.PUBACK)

        def refused():
            named.send(*(wire.publish("plant/secret/1", b"x", version=5) for _ in range(3)),
                       wire.publish("plant/line/2", b"x", version=5),
                       wire.publish("slow/1", b"x", version=5),
                       wire.publish("closed/1", b"x", qos=1, packet_id=identifier(), version=5),
                       wire.subscribe([("closed/#", 0), ("plant/secret/#", 0)], identifier(), 5))
            answered(named, wire.SUBACK)

        def stranger():
            client.Client(self.gateway.tls_port, "stranger").connect("sensor-1")

        def nobody():
            with client.Client(self.gateway.port, version=5) as made:
                made.connect("guest-" + str(identifier()))
                made.send(wire.publish("forbidden", b"x", version=5))

        def crowd():
            for _ in range(8):
                self.keep.append(client.Client(self.gateway.port))
            while len(self.keep) > 40:
                self.keep.pop(0).close()

        self.work = [Repeated(telemetry, 0.05), Repeated(refused, 0.1), Repeated(stranger, 0.3),
                     Repeated(nobody, 0.2), Repeated(crowd, 1)]

    def close(self):
        for work in self.work:
            work.stop()
        for made in [*self.device_kept, *self.keep]:
            made.close()
        self.prometheus.stop()
        self.gateway.stop()
        self.broker.stop()
