"""What can be said about dashboards, rules and alerts without a gateway."""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
GRAFANA = os.path.join(ROOT, "deploy", "grafana")
PROMETHEUS = os.path.join(ROOT, "deploy", "prometheus")
sys.path[:0] = [HERE, GRAFANA]
import alert_cases  # noqa: E402
import make  # noqa: E402


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def run(*args, cwd=PROMETHEUS):
    done = subprocess.run(args, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    return done.returncode, done.stdout + done.stderr


ALERTS = re.findall(r"- alert: (\w+)", read(PROMETHEUS, "alerts.yml"))


def catalogue():
    return set(re.findall(r"^\| `(\w+)` \| (?:counter|gauge|histogram)", read(ROOT, "deploy", "metrics.md"), re.M))


def metrics_in(expression):
    """Names of metrics that an expression asks for; of a histogram the family's."""
    names = re.findall(r"(?<![:\w])((?:sallyport|process)_\w+)", expression)
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}


class Alerts(unittest.TestCase):
    def test_promtool_accepts_rules_and_configuration(self):
        for command in (("check", "rules", "rules.yml", "alerts.yml"), ("check", "config", "prometheus.yml")):
            code, said = run("promtool", *command)
            self.assertEqual(code, 0, said)

    def test_there_are_at_least_fifteen_and_each_has_a_case(self):
        self.assertGreaterEqual(len(ALERTS), 15)
        self.assertEqual(sorted(ALERTS), sorted(alert_cases.FIRES))

    def test_each_fires_where_it_should_and_none_in_good_health(self):
        files = [os.path.join(PROMETHEUS, name) for name in ("rules.yml", "alerts.yml")]
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tests.yml")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(alert_cases.promtool_tests(files), file)
            code, said = run("promtool", "test", "rules", path)
        self.assertEqual(code, 0, said)

    def test_each_has_an_entry_in_the_runbook_that_its_annotation_names(self):
        entries = re.findall(r"^## (\w+)$", read(PROMETHEUS, "runbook.md"), re.M)
        self.assertEqual(entries, ALERTS)
        anchors = re.findall(r"runbook_url: \S+runbook\.md#(\w+)", read(PROMETHEUS, "alerts.yml"))
        self.assertEqual(anchors, [name.lower() for name in ALERTS])

    def test_rules_ask_for_metrics_that_there_are(self):
        for name in ("rules.yml", "alerts.yml"):
            asked = metrics_in(re.sub(r"record: .*|summary: .*|description: .*|name: .*", "", read(PROMETHEUS, name)))
            self.assertTrue(asked)
            self.assertEqual(asked - catalogue(), set(), name)


class Pages(unittest.TestCase):
    def test_checks_that_pages_name_exist(self):
        checks = set(re.findall(r'"([a-z]+\.[a-z0-9-]+)"', read(ROOT, "include", "sallyport", "checks.h")))
        for page in ("refused.md", "monitoring.md", os.path.join("prometheus", "runbook.md")):
            named = set(re.findall(r"`((?:connection|tls|policy|mqtt|session|broker|login)\.[a-z0-9-]+)`",
                                   read(ROOT, "deploy", page)))
            self.assertEqual(named - checks, set(), page)

    def test_metrics_that_pages_name_exist(self):
        for page in ("refused.md", "monitoring.md"):
            named = set(re.findall(r"`(sallyport_\w+)`", read(ROOT, "deploy", page)))
            self.assertEqual(named - catalogue(), set(), page)


class Dashboards(unittest.TestCase):
    def test_the_files_are_what_the_source_makes(self):
        for name in make.DASHBOARDS:
            self.assertEqual(read(GRAFANA, name + ".json"), make.text_of(name), "run deploy/grafana/make.py")

    def test_panels_ask_for_metrics_that_there_are_and_no_metric_is_forgotten(self):
        asked = set()
        for name in make.DASHBOARDS:
            for panel in make.dashboard(name)["panels"]:
                for target in panel.get("targets", ()):
                    asked |= metrics_in(target["expr"])
        self.assertEqual(asked - catalogue(), set())
        # On none, and why.
        unused = {
            "sallyport_packet_bytes_total",          # bytes on the wire say more
            "sallyport_session_bytes_total",         # the same
            "sallyport_login_duration_seconds",      # nothing to draw without an authenticator
            "sallyport_config_reloads_total",        # the last one is what matters
            "sallyport_ledger_bytes",                # bounded by its keys
            "process_virtual_memory_bytes",          # says nothing
        } & catalogue()
        self.assertEqual(catalogue() - asked, unused)

    def test_panels_do_not_overlap_and_fit_the_grid(self):
        for name in make.DASHBOARDS:
            taken = set()
            for panel in make.dashboard(name)["panels"]:
                grid = panel["gridPos"]
                cells = {(x, y) for x in range(grid["x"], grid["x"] + grid["w"])
                         for y in range(grid["y"], grid["y"] + grid["h"])}
                self.assertLessEqual(grid["x"] + grid["w"], 24, panel["title"])
                self.assertFalse(cells & taken, panel["title"])
                taken |= cells

    def test_identifiers_and_titles_are_unique(self):
        for name in make.DASHBOARDS:
            panels = make.dashboard(name)["panels"]
            self.assertEqual(len({panel["id"] for panel in panels}), len(panels))


class Schema(unittest.TestCase):
    """@grafana/schema has Grafana's own TypeScript types; an unknown member of a literal is an error there."""

    TYPES = {"timeseries": "TimeSeriesPanelCfg", "stat": "StatPanelCfg", "table": "TablePanelCfg",
             "bargauge": "BarGaugePanelCfg"}

    def source(self, dashboards):
        modules = {"timeseries": "timeseries", "stat": "stat", "table": "table", "bargauge": "bargauge"}
        lines = ["import type * as schema from '@grafana/schema';",
                 "import type { Dashboard, Panel, RowPanel } from "
                 "'./@grafana/schema/dist/esm/raw/dashboard/x/dashboard_types.gen';",
                 # Enums are compared by what they are in JSON.
                 "type Plain<T> = T extends string ? `${T}` : T extends number ? number : "
                 "T extends (infer E)[] ? Plain<E>[] : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;"]
        for kind, module in modules.items():
            lines.append(f"import type {{ Options as {kind}Options }} from './@grafana/schema/dist/esm/raw/composable/"
                         f"{module}/panelcfg/x/{self.TYPES[kind]}_types.gen';")
        for number, dashboard in enumerate(dashboards):
            whole = dict(dashboard, panels=[])
            lines.append(f"const dashboard{number}: Plain<Dashboard> = {json.dumps(whole)};")
            for panel in dashboard["panels"]:
                name = f"panel{number}_{panel['id']}"
                if panel["type"] == "row":
                    lines.append(f"const {name}: Plain<RowPanel> = {json.dumps(panel)};")
                    continue
                custom = panel["fieldConfig"]["defaults"].get("custom")
                lines.append(f"const {name}: Plain<Panel> = {json.dumps(panel)};")
                lines.append(f"const {name}_options: Plain<Partial<{panel['type']}Options>> = "
                             f"{json.dumps(panel['options'])};")
                if custom is not None:
                    lines.append(f"const {name}_custom: Plain<schema.GraphFieldConfig> = {json.dumps(custom)};")
        return "\n".join(lines) + "\nexport {};\n"

    def check(self, dashboards):
        path = os.path.join(HERE, "node_modules", ".dashboards.ts")
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.source(dashboards))
        return run("node_modules/.bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "esnext",
                   "--moduleResolution", "bundler", "--target", "es2022", path, cwd=HERE)

    def test_dashboards_fit_grafanas_types_and_a_mistake_does_not(self):
        code, said = self.check([make.dashboard(name) for name in make.DASHBOARDS])
        self.assertEqual(code, 0, said)
        wrong = make.dashboard("overview")
        wrong["panels"][1]["gridPosition"] = wrong["panels"][1].pop("gridPos")
        wrong["panels"][2]["options"]["colorMode"] = "colourful"
        code, said = self.check([wrong])
        self.assertNotEqual(code, 0)
        self.assertIn("gridPosition", said)
        self.assertIn("colourful", said)


if __name__ == "__main__":
    unittest.main()
