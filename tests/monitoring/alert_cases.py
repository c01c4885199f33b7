"""For each alert of deploy/prometheus/alerts.yml series that make it fire, in promtool's notation, as
`promtool test rules` takes them; and one scene of good health in which none may."""

JOB = 'job="sallyport",instance="gw:9464"'
DAY = 86400
LONG = 120  # minutes of a scene


def series(name, labels="", values="0x120"):
    return {"series": f"{name}{{{JOB}{',' + labels if labels else ''}}}", "values": values}


def buckets(name, labels, slow):
    """A histogram whose observations all fall below 1 ms, or all between 1 s and 2.5 s."""
    rates = {"0.001": 0 if slow else 60, "1": 0 if slow else 60, "2.5": 60, "+Inf": 60}
    return [series(name + "_bucket", f'{labels}{"," if labels else ""}le="{le}"', f"0+{rate}x{LONG}")
            for le, rate in rates.items()]


ANSWER = "sallyport_broker_answer_duration_seconds"
TURN = "sallyport_turn_duration_seconds"
CONNECTS = "sallyport_broker_connects_total"
HANDSHAKES = "sallyport_tls_handshakes_total"
REFUSALS = "sallyport_refusals_total"


def rising(name, labels, a_minute):
    return series(name, labels, f"0+{a_minute}x{LONG}")


def refusals(rule, action, values):
    return series(REFUSALS, f'listener="devices",role="sensor",phase="open",rule="{rule}",action="{action}",'
                            'reason="not_authorized",from="client"', values)


HEALTHY = [
    series("up", values="1x120"), series("sallyport_ready", values="1x120"),
    series("process_start_time_seconds", values="1000x120"),
    series("sallyport_broker_last_connect_success", values="1x120"),
    rising(CONNECTS, 'result="ok"', 60), rising(CONNECTS, 'result="failed"', 1),
    series("sallyport_broker_dials_waiting"),
    *buckets(ANSWER, 'packet="PUBACK"', slow=False), *buckets(TURN, "", slow=False),
    rising("sallyport_broker_refusals_total", 'packet="SUBACK",reason="not_authorized"', 6),
    series("sallyport_connections_slow", 'slow="broker"'),
    series("sallyport_sessions_open", 'listener="devices",role="sensor"', "100x120"),
    rising("sallyport_sessions_begun_total", 'listener="devices",role="sensor"', 1),
    refusals("policy.no-rule", "drop", "0+120x120"),
    series("sallyport_top_refused_per_second", 'kind="client_id",identity="a"', "1x120"),
    rising(HANDSHAKES, 'listener="devices",side="client",result="ok",version="TLSv1.3"', 60),
    rising(HANDSHAKES, 'listener="devices",side="client",result="failed",version="none"', 3),
    series("sallyport_connections_open", 'listener="devices"', "100x120"),
    series("sallyport_connections_limit", 'listener="devices"', "10000x120"),
    series("process_open_fds", values="200x120"), series("process_max_fds", values="1024x120"),
    series("sallyport_certificate_expiry_timestamp_seconds", 'certificate="listener:devices"', f"{90 * DAY}x120"),
    series("sallyport_ca_expiry_timestamp_seconds", 'bundle="listener:devices",ca="CN=x",fingerprint="0"',
           f"{90 * DAY}x120"),
    series("sallyport_crl_next_update_timestamp_seconds", 'bundle="listener:devices",ca="CN=x"', f"{2 * DAY}x120"),
    series("sallyport_broker_chain_expiry_timestamp_seconds", values=f"{90 * DAY}x120"),
    series("sallyport_config_last_reload_success", values="1x120"), series("sallyport_config_stale"),
    rising("sallyport_audit_lines_lost_total", 'reason="repeated"', 100),
    series("sallyport_audit_lines_lost_total", 'reason="write"'),
    rising("sallyport_throttled_seconds_total", 'listener="devices",role="sensor",rule="t",from="client"', 3),
    series("sallyport_clients_weak_certificate", 'listener="devices",key="allow_sha1"'),
    series("sallyport_ledger_evictions_total"), series("sallyport_ledger_overflows_total"),
]

# alert: series that make it fire, all else being absent.
FIRES = {
    "SallyportDown": [series("up", values="0x120")],
    "SallyportNotReady": [series("sallyport_ready", values="0x120")],
    "SallyportRestarts": [series("process_start_time_seconds", values="1000+100x120")],
    "SallyportBrokerUnreachable": [series("sallyport_broker_last_connect_success", values="0x120")],
    "SallyportBrokerConnectsFail": [rising(CONNECTS, 'result="ok"', 60), rising(CONNECTS, 'result="failed"', 20)],
    "SallyportBrokerQueue": [series("sallyport_broker_dials_waiting", values="5x120")],
    "SallyportBrokerSlow": buckets(ANSWER, 'packet="PUBACK"', slow=True),
    "SallyportBrokerRefuses": [rising("sallyport_broker_refusals_total",
                                      'packet="SUBACK",reason="not_authorized"', 90)],
    "SallyportBrokerTakesNothing": [series("sallyport_connections_slow", 'slow="broker"', "2x120")],
    "SallyportSlow": buckets(TURN, "", slow=True),
    "SallyportSessionsFall": [series("sallyport_sessions_open", 'listener="devices",role="sensor"',
                                     "100x100 20x20")],
    "SallyportRefusalsRise": [refusals("no-internals", "drop", "0+6x100 606+600x20")],
    "SallyportOneClientRefused": [series("sallyport_top_refused_per_second", 'kind="address",identity="a"',
                                         "9x120")],
    "SallyportHandshakesFail": [
        rising(HANDSHAKES, 'listener="devices",side="client",result="ok",version="TLSv1.3"', 60),
        rising(HANDSHAKES, 'listener="devices",side="client",result="failed",version="none"', 60)],
    "SallyportConnectionsRefused": [refusals("connection.max-per-address", "disconnect", "0+2x120")],
    "SallyportConnectionsNearLimit": [series("sallyport_connections_open", 'listener="devices"', "90x120"),
                                      series("sallyport_connections_limit", 'listener="devices"', "100x120")],
    "SallyportFilesNearLimit": [series("process_open_fds", values="950x120"),
                                series("process_max_fds", values="1024x120")],
    "SallyportCertificateEnds": [series("sallyport_certificate_expiry_timestamp_seconds",
                                        'certificate="broker"', f"{10 * DAY}x120")],
    "SallyportCertificateEndsNow": [series("sallyport_certificate_expiry_timestamp_seconds",
                                           'certificate="broker"', f"{2 * DAY}x120")],
    "SallyportCaEnds": [series("sallyport_ca_expiry_timestamp_seconds",
                               'bundle="broker",ca="CN=x",fingerprint="0"', f"{20 * DAY}x120")],
    "SallyportCrlEnds": [series("sallyport_crl_next_update_timestamp_seconds",
                                'bundle="listener:devices",ca="CN=x"', f"{DAY // 6}x120")],
    "SallyportBrokerChainEnds": [series("sallyport_broker_chain_expiry_timestamp_seconds",
                                        values=f"{10 * DAY}x120")],
    "SallyportReloadFailed": [series("sallyport_config_last_reload_success", values="0x120")],
    "SallyportConfigStale": [series("sallyport_config_stale", values="1x120"),
                             series("sallyport_config_last_reload_success", values="1x120")],
    "SallyportAuditLost": [rising("sallyport_audit_lines_lost_total", 'reason="write"', 1)],
    "SallyportThrottled": [rising("sallyport_throttled_seconds_total",
                                  'listener="devices",role="sensor",rule="t",from="client"', 45)],
    "SallyportReportMode": [refusals("trial", "report", "0+1x120")],
    "SallyportWeakCertificates": [series("sallyport_clients_weak_certificate",
                                         'listener="devices",key="allow_sha1"', "3x120")],
    "SallyportLedgerFull": [series("sallyport_ledger_evictions_total", values="0+90x120"),
                            series("sallyport_ledger_overflows_total")],
    "SallyportLabelsFull": [series("sallyport_sessions_begun_total", 'listener="devices",role="other"', "5x120")],
}
# Fires with it, because it is the same thing, only worse.
WITH = {"SallyportCertificateEndsNow": {"SallyportCertificateEnds"}}


def promtool_tests(rule_files):
    """What `promtool test rules` reads; JSON is YAML, too."""
    def scene(inputs, expected):
        return {"interval": "1m", "input_series": inputs, "promql_expr_test": [{
            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": f"{LONG - 5}m",
            "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(expected)]}]}
    return {"rule_files": rule_files, "evaluation_interval": "1m",
            "tests": [scene(HEALTHY, set()),
                      *(scene(inputs, {name} | WITH.get(name, set())) for name, inputs in FIRES.items())]}
