"""The real thing: Debian's Prometheus scrapes a gateway that works and is attacked. Every panel's query
returns data and is drawn, alerts fire, and the status page is used in Chromium."""

import json
import math
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.join(ROOT, "deploy", "grafana")]
import make  # noqa: E402
import scene  # noqa: E402
from scene import MARKUP, wait  # noqa: E402

VARIABLES = {"$__rate_interval": "20s", "$job": ".*", "$instance": ".*", "$listener": ".*"}
TOKEN = "token-of-the-monitoring-tests"
SETTLE = 120  # seconds in which whatever must happen does, on a machine that is busy


def filled(expression):
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


def rules_without_waiting(folder):
    """Copies of rules and alerts that fire at once."""
    paths = []
    for name in ("rules.yml", "alerts.yml"):
        with open(os.path.join(ROOT, "deploy", "prometheus", name), encoding="utf-8") as file:
            text = re.sub(r"interval: 30s", "interval: 1s", re.sub(r"\n +for: \w+", "", file.read()))
        paths.append(os.path.join(folder, name))
        with open(paths[-1], "w", encoding="utf-8") as file:
            file.write(text)
    return paths


def browser(*args):
    done = subprocess.run(["node", os.path.join(HERE, "browser.js"), *args], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=400, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)


class Live(unittest.TestCase):
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="monitoring-", dir=os.environ.get("SALLYPORT_E2E_TMP"))
        cls.pictures = os.environ.get("SALLYPORT_PICTURES") or cls.folder
        cls.scene = scene.Scene(cls.folder, rules_without_waiting(cls.folder))
        cls.gateway, cls.prometheus = cls.scene.gateway, cls.scene.prometheus

    @classmethod
    def tearDownClass(cls):
        cls.scene.close()

    def until(self, condition, what):
        return wait.until(condition, what, SETTLE, every=1)

    def data_of(self, panel):
        """What Grafana would get for each query of a panel; None: not yet something in each."""
        series = []
        for target in panel["targets"]:
            expression = filled(target["expr"])
            found = (self.prometheus.over(expression, 240) if target["range"] else self.prometheus.query(expression))
            good = [one for one in found if any(math.isfinite(float(value)) for _, value in
                                                one.get("values", [one.get("value")]))]
            if not good:
                return None
            for one in good:
                legend = target["legendFormat"]
                for key, value in one["metric"].items():
                    legend = legend.replace("{{" + key + "}}", value)
                series.append({"legend": "" if legend == "__auto" else legend, "labels": one["metric"],
                               "values": one.get("values"), "value": one.get("value", [0, 0])[1]})
        return series

    # In this order: the last one takes the broker away.

    def test_1_promtool_has_nothing_to_say_about_metrics(self):
        self.gateway.wait_metric(20, "sallyport_refusals_total", rule="no-secrets")
        text = scene.http(self.gateway.url("/metrics"))
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_2_metrics_say_who_does_what_by_role_and_the_broker_what_it_refuses(self):
        gateway = self.gateway
        gateway.wait_metric(50, "sallyport_session_packets_total", listener="devices", role="sensor", **{"from": "client"})
        gateway.wait_metric(1, "sallyport_sessions_open", listener="devices", role="operator")
        gateway.wait_metric(1, "sallyport_throttles_total", listener="devices", role="sensor", rule="slow-lane")
        gateway.wait_metric(1, "sallyport_refusals_total", listener="devices", role="sensor", rule="on-trial",
                            action="report")
        # mosquitto's access lists say no to a publish, and nothing to a subscription.
        gateway.wait_metric(1, "sallyport_broker_refusals_total", packet="PUBACK", reason="not_authorized")
        for packet in ("CONNACK", "PUBACK", "SUBACK"):
            gateway.wait_metric(1, "sallyport_broker_answer_duration_seconds_count", packet=packet)
        gateway.wait_metric(1, "sallyport_turn_duration_seconds_count")
        gateway.wait_metric(1, "sallyport_connections_limit", listener="plain")

    def test_3_the_status_page(self):
        found = browser("status", self.gateway.url("/"), self.pictures)
        self.assertEqual((found["errors"], found["elsewhere"]), ([], []))
        self.assertEqual(found["state"], "ready")
        self.assertFalse(found["asks"])
        for tile in found["tiles"]:
            self.assertRegex(tile, r"\d", found["tiles"])
        self.assertTrue(any("no-secrets" in row and "sensor" in row for row in found["refusals"]), found["refusals"])
        self.assertTrue(found["filtered"] and all("no-secrets" in row for row in found["filtered"]), found["filtered"])
        self.assertEqual(found["nothing"], ["Nothing fits the filter."])
        self.assertIn("127.0.0.1", found["offenders"])
        self.assertIn("sensor-1", found["talkers"])
        self.assertIn(MARKUP, found["talkers"])
        self.assertEqual(found["markup"], {"images": 0, "title": "Sallyport"})
        self.assertRegex(found["latency"], r"PUBACK[\d.]+ (µs|ms|s)")
        self.assertIn("listener:devices", found["certificates"])
        self.assertIn("chain that the broker shows", found["certificates"])
        self.assertIn("Connections of plain", found["limits"])
        self.assertIn("succeeded", found["config"])
        self.assertIn("PUBACK not_authorized", found["broker"])
        self.assertIn("operator", found["sessions"])
        self.assertEqual((found["pressed"], found["still"], found["moves"]), ("true", True, True))
        self.assertEqual(found["reading"], {"unnamed": 0, "tables": 0, "lang": "en", "headings": 10, "live": "polite"})
        self.assertNotEqual(found["light"]["back"], found["dark"]["back"])
        for scheme in ("light", "dark"):
            self.assertGreaterEqual(found[scheme]["least"], 4.5, scheme)  # WCAG 2.1, 1.4.3
        self.assertLessEqual(found["phone"]["width"], 360)
        self.assertGreaterEqual(found["phone"]["smallest"], 24)  # WCAG 2.2, 2.5.8

    def test_4_names_of_clients_need_the_token_where_there_is_one(self):
        with open(self.gateway.path("gateway.toml"), encoding="utf-8") as file:
            before = file.read()
        try:
            self.gateway.write("token", TOKEN + "\n")
            self.gateway.write("gateway.toml", before.replace("[observe]\n", '[observe]\ntoken = "token"\n'))
            self.assertTrue(self.gateway.reload())
            for path in ("/metrics", "/status.json"):
                self.assertNotIn("sensor-1", scene.http(self.gateway.url(path)))
                self.assertIn("sensor-1", scene.http(self.gateway.url(path), {"Authorization": "Bearer " + TOKEN}.items()))
            found = browser("status", self.gateway.url("/"), self.folder, TOKEN)
            self.assertEqual((found["errors"], found["asks"], found["wrong"]), ([], True, True))
            self.assertIn("sensor-1", found["talkers"])
        finally:
            self.gateway.write("gateway.toml", before)
            self.assertTrue(self.gateway.reload())

    def test_5_the_broker_goes_and_comes_back(self):
        self.scene.broker.kill()
        self.gateway.wait_metric(5, "sallyport_broker_connect_failures_total", reason="broker.connection-refused")
        self.until(lambda: "SallyportBrokerUnreachable" in self.prometheus.firing(),
                   lambda: f"the alert fires; there are {self.prometheus.firing()}")
        found = browser("status", self.gateway.url("/"), self.folder)
        self.assertIn("the broker cannot be reached", found["state"])
        self.scene.broker.restart()
        for work in self.scene.work:
            work.stop()
        for made in self.scene.device_kept:
            made.close()
        self.until(lambda: self._again(), lambda: "devices are back")

    def _again(self):
        try:
            self.scene.begin()
            return True
        except (OSError, AssertionError):
            return False

    def test_6_every_query_of_every_panel_returns_data_and_is_drawn(self):
        drawings = {}
        for name in make.DASHBOARDS:
            dashboard = make.dashboard(name)
            panels = []
            for panel in dashboard["panels"]:
                drawing = {key: panel[key] for key in ("title", "type", "gridPos")}
                if panel["type"] != "row":
                    # A counter that has just begun has no rate before its second sample.
                    drawing["series"] = self.until(lambda panel=panel: self.data_of(panel),
                                                   lambda panel=panel: f"{name}: data for {panel['title']!r}: "
                                                   + " | ".join(filled(t["expr"]) for t in panel["targets"]))
                    drawing["unit"] = panel["fieldConfig"]["defaults"]["unit"]
                panels.append(drawing)
            drawings[name] = {"title": dashboard["title"], "panels": panels}
        path = os.path.join(self.folder, "drawings.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(drawings, file)
        drawn = browser("draw", path, self.pictures)
        for name, dashboard in drawings.items():
            wanted = [panel["title"] for panel in dashboard["panels"] if panel["type"] != "row"]
            self.assertEqual([panel["title"] for panel in drawn[name]], wanted)
            self.assertEqual([panel["title"] for panel in drawn[name] if panel["marks"] == 0], [], name)

    def test_7_alerts_fire(self):
        self.gateway.write_policy("[[role]]\nnme = 1\n")
        self.assertFalse(self.gateway.reload())
        expected = {"SallyportReloadFailed", "SallyportConnectionsRefused", "SallyportReportMode",
                    "SallyportHandshakesFail", "SallyportBrokerRefuses", "SallyportConnectionsNearLimit"}
        self.until(lambda: expected <= self.prometheus.firing(),
                   lambda: f"these fire: {expected - self.prometheus.firing()}")
        # Recording rules have values.
        for name in ("job_listener_role:sallyport_session_packets:rate5m", "job_instance:sallyport_turn_seconds:p99"):
            self.assertTrue(self.prometheus.query(name), name)


if __name__ == "__main__":
    unittest.main()
