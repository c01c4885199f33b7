#!/usr/bin/python3
"""Makes the dashboards of this folder: deploy/grafana/make.py [--check]

A dashboard is a list of rows, a row a list of panels, a panel a title, a kind, a unit and queries.
Whoever wants another panel adds a line here and runs this; --check says whether the JSON files are
what this makes. tests/monitoring holds every query to a Prometheus that has scraped a gateway.
"""

import argparse
import json
import os
import sys
from dataclasses import dataclass, field

HERE = os.path.dirname(os.path.abspath(__file__))
SCHEMA = 41  # of dashboards, Grafana 11
# What every query asks for, and what queries with a listener ask for, too.
WHERE = 'job=~"$job",instance=~"$instance"'
LISTENER = WHERE + ',listener=~"$listener"'


@dataclass
class Panel:
    title: str
    queries: list  # (expression, legend)
    kind: str = "timeseries"
    unit: str = "short"
    width: int = 8
    about: str = ""
    stack: bool = False
    # (colour, from this value on); of tiles and bars
    steps: list = field(default_factory=list)


# Expressions.

def rate(metric, by, where=LISTENER, more=""):
    return f"sum by ({by}) (rate({metric}{{{where}{more}}}[$__rate_interval]))"


def total(metric, by="", where=LISTENER, more=""):
    grouped = f" by ({by})" if by else ""
    return f"sum{grouped} ({metric}{{{where}{more}}})"


def quantile(q, metric, by="", where=WHERE, more=""):
    labels = f"le, {by}" if by else "le"
    return (f"histogram_quantile({q}, sum by ({labels}) "
            f"(rate({metric}_bucket{{{where}{more}}}[$__rate_interval])))")


def quantiles(metric, where=WHERE, more=""):
    return [(quantile(q, metric, where=where, more=more), f"{round(q * 100)} %") for q in (0.5, 0.95, 0.99)]


def days_left(metric, by):
    return f"(min by ({by}) ({metric}{{{WHERE}}}) - time()) / 86400"


# Panels that more than one dashboard has.

GOOD_ABOVE = [("red", None), ("green", 1)]
BAD_ABOVE = [("green", None), ("red", 1)]
DAYS = [("red", None), ("orange", 14), ("green", 30)]


def tile(title, expression, **more):
    return Panel(title, [(expression, "")], kind="stat", width=more.pop("width", 4), **more)


def broker_answers():
    return Panel("How long the broker takes to answer, 95 %",
                 [(quantile(0.95, "sallyport_broker_answer_duration_seconds", "packet"), "{{packet}}")],
                 unit="s", about="From sending a packet to its answer; of each session one packet at a time.")


def gateway_time():
    return Panel("What the gateway itself adds", quantiles("sallyport_turn_duration_seconds"), unit="s",
                 about="From reading a socket to handing on what followed from it.")


def refusals(by, title, more="", **rest):
    legend = " ".join("{{" + name.strip() + "}}" for name in by.split(","))
    return Panel(title, [(rate("sallyport_refusals_total", by, more=more), legend)], unit="ops", **rest)


OVERVIEW = [
    ("Now", [
        tile("Gateways ready", total("sallyport_ready", where=WHERE), steps=GOOD_ABOVE),
        tile("Broker reached", f"min(sallyport_broker_last_connect_success{{{WHERE}}})", steps=GOOD_ABOVE,
             about="Whether the newest connect to the broker succeeded; 0: at one gateway it did not."),
        tile("Sessions open", total("sallyport_sessions_open")),
        tile("Packets a second", f"sum(rate(sallyport_session_packets_total{{{LISTENER}}}[$__rate_interval]))"),
        tile("Refused a second", f"sum(rate(sallyport_refusals_total{{{LISTENER}}}[$__rate_interval]))"),
        tile("Days until a certificate ends",
             f"(min(sallyport_certificate_expiry_timestamp_seconds{{{WHERE}}}) - time()) / 86400", steps=DAYS),
    ]),
    ("Traffic", [
        Panel("Sessions by role", [(total("sallyport_sessions_open", "role"), "{{role}}")], stack=True),
        Panel("Packets a second by role", [(rate("sallyport_session_packets_total", "role, from"),
                                            "{{role}}, from {{from}}")], unit="pps"),
        Panel("Packets a second by type", [(rate("sallyport_packets_total", "type, from", WHERE),
                                            "{{type}} from {{from}}")], unit="pps"),
        Panel("Bytes a second on the wire", [(rate("sallyport_wire_bytes_total", "side, direction", WHERE),
                                              "{{side}} {{direction}}")], unit="Bps"),
        Panel("Sessions begun a second", [(rate("sallyport_sessions_begun_total", "listener"), "{{listener}}")],
              unit="ops"),
        Panel("Sessions ended a second", [(rate("sallyport_sessions_ended_total", "side, kind", WHERE),
                                           "{{kind}} ({{side}})")], unit="ops"),
    ]),
    ("What is wrong", [
        refusals("phase", "Refused, by phase", stack=True),
        broker_answers(),
        gateway_time(),
    ]),
]

SECURITY = [
    ("Now", [
        tile("Refused a second", f"sum(rate(sallyport_refusals_total{{{LISTENER}}}[$__rate_interval]))"),
        tile("Reported only, a second",
             f'sum(rate(sallyport_refusals_total{{{LISTENER},action="report"}}[$__rate_interval]))',
             about="What report mode let pass and a rule would have refused."),
        tile("Handshakes failed a second", 'sum(rate(sallyport_tls_handshakes_total{' + LISTENER +
             ',side="client",result="failed"}[$__rate_interval]))'),
        tile("Connections refused a second", 'sum(rate(sallyport_refusals_total{' + LISTENER +
             ',phase=~"accept|header"}[$__rate_interval]))', about="Before a byte was read."),
        tile("Clients with weak certificates", total("sallyport_clients_weak_certificate"), steps=BAD_ABOVE),
        tile("Throttled a second", f"sum(rate(sallyport_throttles_total{{{LISTENER}}}[$__rate_interval]))"),
    ]),
    ("Refusals", [
        Panel("Refused most, by rule or check",
              [("topk(10, " + rate("sallyport_refusals_total", "rule") + ")", "{{rule}}")], unit="ops"),
        refusals("role", "Refused, by role"),
        refusals("listener", "Refused, by listener"),
        refusals("phase", "Refused, by phase of the connection", stack=True),
        refusals("reason", "Refused, by reason"),
        refusals("action", "Refused, by what was done"),
        Panel("All refusals since the start",
              [("topk(50, " + total("sallyport_refusals_total", "listener, role, phase, rule, action, reason, from") +
                ")", "")], kind="table", width=24),
    ]),
    ("Floods", [
        Panel("Who is refused most, a second",
              [(f"topk(10, sum by (kind, identity) (sallyport_top_refused_per_second{{{WHERE}}}))", "")],
              kind="table", width=12, about="Needs the token of [observe] token, or a scrape from the same machine."),
        Panel("Who sends most, packets a second",
              [(f"topk(10, sum by (kind, identity) (sallyport_top_packets_per_second{{{WHERE}}}))", "")],
              kind="table", width=12, about="Needs the token of [observe] token, or a scrape from the same machine."),
        Panel("Throttled, by rule", [(rate("sallyport_throttles_total", "rule, role"), "{{rule}} ({{role}})")],
              unit="ops"),
        Panel("Seconds throttled, a second",
              [(rate("sallyport_throttled_seconds_total", "rule, role"), "{{rule}} ({{role}})")], unit="s"),
        Panel("Connections refused, by check", [(rate("sallyport_refusals_total", "rule",
                                                      more=',phase=~"accept|header|handshake"'), "{{rule}}")],
              unit="ops"),
    ]),
]

CERTIFICATES = [
    ("Certificates", [
        Panel("Days left of the gateway's own", [(days_left("sallyport_certificate_expiry_timestamp_seconds",
                                                            "certificate"), "{{certificate}}")],
              kind="bargauge", unit="d", width=12, steps=DAYS),
        tile("Days left of the broker's chain",
             f"(min(sallyport_broker_chain_expiry_timestamp_seconds{{{WHERE}}}) - time()) / 86400",
             unit="d", steps=DAYS, width=12, about="Of the chain that the broker has shown last."),
        Panel("Days left of CAs", [(days_left("sallyport_ca_expiry_timestamp_seconds", "bundle, ca"), "")],
              kind="table", unit="d", width=24),
        Panel("Days left of lists of revoked certificates",
              [(days_left("sallyport_crl_next_update_timestamp_seconds", "bundle, ca"), "")],
              kind="table", unit="d", width=24),
    ]),
    ("Handshakes", [
        Panel("Handshakes a second", [(rate("sallyport_tls_handshakes_total", "side, result, version"),
                                       "{{side}} {{result}} {{version}}")], unit="ops"),
        Panel("Handshakes that failed, by check",
              [(rate("sallyport_tls_handshake_failures_total", "side, reason"), "{{reason}} ({{side}})")],
              unit="ops"),
        Panel("How long handshakes take, 95 %",
              [(quantile(0.95, "sallyport_tls_handshake_duration_seconds", "side", LISTENER), "{{side}}")], unit="s"),
    ]),
    ("Identities", [
        Panel("Sessions by role", [(total("sallyport_sessions_open", "role"), "{{role}}")], stack=True),
        Panel("Sessions by listener", [(total("sallyport_sessions_open", "listener"), "{{listener}}")], stack=True),
        Panel("Let in only because of leniency",
              [(total("sallyport_clients_weak_certificate", "listener, key"), "{{listener}} {{key}}")],
              about="Clients that are connected now and need min_client_key or allow_sha1."),
        Panel("Refused for who they are", [(rate("sallyport_refusals_total", "rule",
                                                 more=',phase=~"handshake|connect|login"'), "{{rule}}")],
              unit="ops", width=16),
        tile("Roles", f"max(sallyport_policy_roles{{{WHERE}}})"),
        tile("Rules", f"max(sallyport_policy_rules{{{WHERE}}})"),
    ]),
]

BROKER = [
    ("Now", [
        tile("Broker reached", f"min(sallyport_broker_last_connect_success{{{WHERE}}})", steps=GOOD_ABOVE),
        tile("Connects that failed, a second",
             f'sum(rate(sallyport_broker_connects_total{{{WHERE},result="failed"}}[$__rate_interval]))'),
        tile("Connects that run", total("sallyport_broker_dials_running", where=WHERE)),
        tile("Connects that wait", total("sallyport_broker_dials_waiting", where=WHERE), steps=BAD_ABOVE),
        tile("Bytes that wait for it", total("sallyport_queued_bytes", where=WHERE, more=',side="broker"'),
             unit="bytes"),
        tile("Refused by it, a second", f"sum(rate(sallyport_broker_refusals_total{{{WHERE}}}[$__rate_interval]))"),
    ]),
    ("Is it the broker, or the gateway?", [
        broker_answers(),
        gateway_time(),
        Panel("Median of both", [
            (quantile(0.5, "sallyport_broker_answer_duration_seconds", more=',packet="PUBACK"'), "broker, PUBACK"),
            (quantile(0.5, "sallyport_turn_duration_seconds"), "gateway, a turn")], unit="s"),
    ]),
    ("Connects", [
        Panel("Connects a second", [(rate("sallyport_broker_connects_total", "result", WHERE), "{{result}}")],
              unit="ops"),
        Panel("Connects that failed, by check",
              [(rate("sallyport_broker_connect_failures_total", "reason", WHERE), "{{reason}}")], unit="ops"),
        Panel("How long connects take", quantiles("sallyport_broker_connect_duration_seconds"), unit="s"),
    ]),
    ("Answers", [
        Panel("What the broker itself refuses",
              [(rate("sallyport_broker_refusals_total", "packet, reason", WHERE), "{{packet}} {{reason}}")],
              unit="ops", about="The gateway had let it pass: these are the broker's own rules."),
        Panel("Sessions that the broker ended",
              [(rate("sallyport_sessions_ended_total", "kind", WHERE, ',side="broker"'), "{{kind}}")], unit="ops"),
        Panel("Its packets that were changed", [(rate("sallyport_rewrites_total", "what", WHERE), "{{what}}")],
              unit="ops"),
    ]),
    ("Is anybody slow?", [
        Panel("Reading stopped, by who was slow",
              [(rate("sallyport_backpressure_pauses_total", "slow", WHERE), "{{slow}}")], unit="ops"),
        Panel("Connections that are slow now", [(total("sallyport_connections_slow", "slow", WHERE), "{{slow}}")]),
        Panel("Bytes that wait", [(total("sallyport_queued_bytes", "side", WHERE), "for the {{side}}")], unit="bytes"),
    ]),
]

RESOURCES = [
    ("Process", [
        Panel("CPU", [(f"rate(process_cpu_seconds_total{{{WHERE}}}[$__rate_interval])", "{{instance}}")],
              unit="percentunit", about="1 is one core."),
        Panel("Memory", [(f"process_resident_memory_bytes{{{WHERE}}}", "{{instance}}")], unit="bytes"),
        Panel("Descriptors", [(f"process_open_fds{{{WHERE}}}", "{{instance}} open"),
                              (f"process_max_fds{{{WHERE}}}", "{{instance}} most")]),
    ]),
    ("Limits", [
        Panel("Connections open, of those that are let in",
              [("max by (listener) (sallyport_connections_open{" + LISTENER + "} / on (job, instance, listener) "
                "sallyport_connections_limit{" + WHERE + "})", "{{listener}}")],
              kind="bargauge", unit="percentunit", steps=[("green", None), ("orange", 0.8), ("red", 0.95)]),
        Panel("Connections open", [(total("sallyport_connections_open", "listener"), "{{listener}}")], stack=True),
        Panel("Connections accepted a second",
              [(rate("sallyport_connections_accepted_total", "listener"), "{{listener}}")], unit="ops"),
        Panel("Bytes that wait to be taken", [(total("sallyport_queued_bytes", "side", WHERE), "for the {{side}}")],
              unit="bytes"),
        Panel("Memory a connection", [("sum(process_resident_memory_bytes{" + WHERE + "}) / "
                                       "clamp_min(sum(sallyport_connections_open{" + WHERE + "}), 1)", "all of it")],
              unit="bytes", about="All memory of the process, divided by the connections that are open."),
        Panel("Ledger: what was forgotten for want of room",
              [(rate("sallyport_ledger_evictions_total", "instance", WHERE), "{{instance}} evicted"),
               (rate("sallyport_ledger_overflows_total", "instance", WHERE), "{{instance}} found no room")], unit="ops",
              about="Where it is not 0, raise the keys of [ledger]."),
    ]),
    ("Audit log and configuration", [
        Panel("Audit lines a second", [(rate("sallyport_audit_lines_written_total", "instance", WHERE), "{{instance}}")],
              unit="ops"),
        Panel("Audit lines left out, by why", [(rate("sallyport_audit_lines_lost_total", "reason", WHERE), "{{reason}}")],
              unit="ops", about="repeated: they are in a sum. queue_full, write: they are lost."),
        Panel("Audit lines that wait", [(total("sallyport_audit_lines_waiting", "instance", WHERE), "{{instance}}")]),
        Panel("Log lines left out", [(rate("sallyport_log_lines_left_out_total", "instance", WHERE), "{{instance}}")],
              unit="ops"),
        Panel("Drains", [(total("sallyport_draining", "instance", WHERE), "{{instance}}")],
              about="1: that gateway sends its clients away and ends."),
        tile("Last reload succeeded", f"min(sallyport_config_last_reload_success{{{WHERE}}})", steps=GOOD_ABOVE),
        tile("Files ahead of what is in force", total("sallyport_config_stale", where=WHERE),
             steps=BAD_ABOVE),
        tile("Since the configuration was loaded",
             f"time() - min(sallyport_config_last_reload_success_timestamp_seconds{{{WHERE}}})", unit="s"),
        tile("Up since", f"time() - min(process_start_time_seconds{{{WHERE}}})", unit="s"),
        tile("Workers", total("sallyport_workers", where=WHERE)),
        tile("Threads", total("process_threads", where=WHERE)),
        tile("Versions in use", f"count(count by (version) (sallyport_build_info{{{WHERE}}}))"),
    ]),
]

DASHBOARDS = {
    "overview": ("Sallyport: overview", OVERVIEW),
    "security": ("Sallyport: security", SECURITY),
    "certificates": ("Sallyport: identities and certificates", CERTIFICATES),
    "broker": ("Sallyport: broker health", BROKER),
    "resources": ("Sallyport: resources", RESOURCES),
}

# Grafana's JSON.

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
REDUCE = {"calcs": ["lastNotNull"], "fields": "", "values": False}
TEXT = {"orientation": "auto", "reduceOptions": REDUCE}
OPTIONS = {
    "timeseries": {"legend": {"calcs": ["lastNotNull", "max"], "displayMode": "table", "placement": "bottom",
                              "showLegend": True},
                   "tooltip": {"mode": "multi", "sort": "desc"}},
    "stat": TEXT | {"colorMode": "value", "graphMode": "area", "justifyMode": "auto", "percentChangeColorMode":
                    "standard", "showPercentChange": False, "textMode": "auto", "wideLayout": True},
    "bargauge": TEXT | {"orientation": "horizontal", "displayMode": "basic", "maxVizHeight": 300, "minVizHeight": 16,
                        "minVizWidth": 8, "namePlacement": "auto", "showUnfilled": True, "sizing": "auto",
                        "valueMode": "color",
                        "legend": {"calcs": [], "displayMode": "list", "placement": "bottom", "showLegend": False}},
    "table": {"cellHeight": "sm", "frameIndex": 0, "showHeader": True,
              "sortBy": [{"displayName": "Value", "desc": True}]},
}
HEIGHTS = {"stat": 4}


def custom(panel):
    if panel.kind != "timeseries":
        return {}
    mode = {"group": "A", "mode": "normal" if panel.stack else "none"}
    return {"custom": {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 20 if panel.stack else 5,
                       "showPoints": "never", "stacking": mode}}


def target(panel, number, expression, legend):
    now = panel.kind != "timeseries"
    made = {"datasource": SOURCE, "refId": "ABCDEFGH"[number], "expr": expression, "legendFormat": legend or "__auto",
            "instant": now, "range": not now}
    return made | ({"format": "table"} if panel.kind == "table" else {})


def panel_json(panel, number, x, y):
    steps = [{"color": colour, "value": value} for colour, value in panel.steps or [("green", None)]]
    made = {
        "id": number, "type": panel.kind, "title": panel.title, "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": HEIGHTS.get(panel.kind, 8)},
        "fieldConfig": {"defaults": {"unit": panel.unit, "color": {"mode": "thresholds" if panel.steps else
                                                                   "palette-classic"},
                                     "thresholds": {"mode": "absolute", "steps": steps}} | custom(panel),
                        "overrides": []},
        "options": OPTIONS[panel.kind],
        "targets": [target(panel, i, *query) for i, query in enumerate(panel.queries)],
    }
    if panel.kind == "table":
        made["transformations"] = [{"id": "organize", "options": {"excludeByName": {"Time": True}}}]
    return made | ({"description": panel.about} if panel.about else {})


def rows_json(rows):
    panels, y = [], 0
    for title, row in rows:
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        x, y, height = 0, y + 1, 0
        for panel in row:
            made = panel_json(panel, len(panels) + 1, x, y)
            if x + panel.width > 24:
                x, y, height = 0, y + height, 0
                made["gridPos"].update(x=x, y=y)
            x, height = x + panel.width, max(height, made["gridPos"]["h"])
            panels.append(made)
        y += height
    return panels


def variable(name, label, query):
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE,
            "query": {"query": query, "refId": f"variable-{name}"}, "refresh": 2, "sort": 1, "multi": True,
            "includeAll": True, "allValue": ".*", "current": {"selected": True, "text": ["All"], "value": ["$__all"]}}


def dashboard(name):
    title, rows = DASHBOARDS[name]
    every = "sallyport_build_info"
    return {
        "uid": f"sallyport-{name}", "title": title, "tags": ["sallyport"], "schemaVersion": SCHEMA, "editable": True,
        "graphTooltip": 1, "refresh": "30s", "time": {"from": "now-1h", "to": "now"}, "timezone": "browser",
        "links": [{"title": "Sallyport", "type": "dashboards", "tags": ["sallyport"], "asDropdown": True,
                   "icon": "external link", "includeVars": True, "keepTime": True, "targetBlank": False,
                   "tooltip": "", "url": ""}],
        "templating": {"list": [
            {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"},
            variable("job", "Job", f"label_values({every}, job)"),
            variable("instance", "Instance", f'label_values({every}{{job=~"$job"}}, instance)'),
            variable("listener", "Listener", f"label_values(sallyport_connections_open{{{WHERE}}}, listener)"),
        ]},
        "annotations": {"list": []},
        "panels": rows_json(rows),
    }


def text_of(name):
    return json.dumps(dashboard(name), indent=1, ensure_ascii=False) + "\n"


def path_of(name):
    return os.path.join(HERE, name + ".json")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; say which files differ")
    differ = []
    check = parser.parse_args().check
    for name in DASHBOARDS:
        text = text_of(name)
        if check:
            with open(path_of(name), encoding="utf-8") as file:
                if file.read() != text:
                    differ.append(name)
        else:
            with open(path_of(name), "w", encoding="utf-8") as file:
                file.write(text)
    if differ:
        sys.exit("make.py would write something else: " + ", ".join(differ) + "; run deploy/grafana/make.py")


if __name__ == "__main__":
    main()
