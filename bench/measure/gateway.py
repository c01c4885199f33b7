"""The gateway, with a policy of the size that a site has: 50 roles, 500 rules, limits, audit log."""

import os

from measure.contender import Contender, said_version
from measure.process import ROOT, free_port

ROLES = 50

GATEWAY = """\
[broker]
address = "127.0.0.1:{broker}"

[[listener]]
name = "devices"
address = "127.0.0.1:{port}"
tls = {{ {tls} }}
max_connections = 100000

[workers]
count = {workers}

[policy]
files = ["policy.toml"]

[observe]
address = "127.0.0.1:{observe}"
audit_log = "audit.jsonl"
"""

# Ten rules; a client identifier that fits takes part in them.
ROLE = """\
[[role]]
name = "{name}"
{match}limits = {{ messages = "1000000/s", burst = 1000000, on_exceed = "throttle" }}
[[role.allow]]
id = "{name}-telemetry"
publish = ["{root}/${{client_id}}/telemetry/#"]
max_qos = 1
retain = false
max_payload = "64 KiB"
limit = {{ messages = "1000000/s", burst = 1000000, on_exceed = "drop" }}
[[role.allow]]
id = "{name}-status"
publish = ["{root}/${{client_id}}/status"]
[[role.allow]]
id = "{name}-events"
publish = ["{root}/${{client_id}}/events/+", "{root}/${{client_id}}/alarms/+"]
[[role.allow]]
id = "{name}-logs"
publish = ["{root}/${{client_id}}/log/#"]
max_qos = 0
[[role.allow]]
id = "{name}-commands"
subscribe = ["{root}/${{client_id}}/cmd/+"]
[[role.allow]]
id = "{name}-config"
subscribe = ["{root}/${{client_id}}/config/#", "{root}/all/config/#"]
[[role.allow]]
id = "{name}-all"
subscribe = ["{root}/all/cmd/+"]
[[role.allow]]
id = "{name}-shared"
publish = ["{root}/shared/#"]
subscribe = ["{root}/shared/#"]
[[role.deny]]
id = "{name}-no-firmware"
publish = ["{root}/+/config/firmware/#"]
[[role.deny]]
id = "{name}-no-secrets"
publish = ["{root}/+/secret/#"]
subscribe = ["{root}/+/secret/#"]
"""


def policy():
    """50 roles of ten rules; two of them are those of a client "bench-1"."""
    roles = [("everybody", "site", None), ("bench", "plant", "bench-*")]
    roles += [(f"fleet-{i}", f"fleet-{i}", f"fleet-{i}-*") for i in range(2, ROLES)]
    return "\n".join(
        ROLE.format(name=name, root=root,
                    match=f'match = {{ client_id = "{client}" }}\n' if client else "")
        for name, root, client in roles)


class Gateway(Contender):
    name = "gateway"
    title = "Sallyport"
    kind = "one worker"

    @classmethod
    def executable(cls, build):
        return os.path.join(build, "src", "cli", "sallyport")

    def configure(self):
        tls = f'certificate = "{self.site.pki}/server.crt", key = "{self.site.pki}/server.key"'
        if self.site.client_certificates:
            tls += f', client_ca = "{self.site.pki}/ca.crt", client_certificate = "required"'
        self.config = self.write("gateway.toml", GATEWAY.format(
            broker=self.site.broker, port=self.port, tls=tls, observe=free_port(),
            workers=self.site.workers))
        self.write("policy.toml", policy())
        return [self.executable(self.site.build), "run", "-c", self.config]

    @classmethod
    def version(cls, build):
        return said_version([cls.executable(build), "--version"], r"(\d+\.\S+)")
