"""The gateway as a thing to measure: its files, its command, its process."""

import os

from measure.process import Background, Failure, free_port, run, wait_for_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
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


class Gateway:
    """A running gateway. `wrap` puts an instrument before its command."""

    def __init__(self, build, folder, broker, wrap=None, client_certificates=False, workers=1):
        self.binary = os.path.join(build, "src", "cli", "sallyport")
        self.folder = folder
        self.pki = os.path.join(folder, "pki")
        self.port = free_port()
        run([os.path.join(ROOT, "deploy", "dev-pki.sh"), self.pki, "bench-1"])
        tls = 'certificate = "pki/server.crt", key = "pki/server.key"'
        if client_certificates:
            tls += ', client_ca = "pki/ca.crt", client_certificate = "required"'
        self.write("gateway.toml", GATEWAY.format(broker=broker, port=self.port, tls=tls,
                                                  observe=free_port(), workers=workers))
        self.write("policy.toml", policy())
        command = [self.binary, "run", "-c", os.path.join(folder, "gateway.toml")]
        self.background = Background(wrap(command) if wrap else command,
                                     os.path.join(folder, "gateway.log"))

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def __enter__(self):
        self.background.__enter__()
        try:
            wait_for_port(self.port, self.background.process, 120)
        except Failure as failure:
            self.background.__exit__(None, None, None)
            raise Failure(f"the gateway does not start: {failure}\n{self.background.tail()}") \
                from failure
        return self

    def __exit__(self, *error):
        self.background.__exit__(*error)

    @property
    def pid(self):
        """Of the gateway itself; an instrument is either the same process or its parent."""
        children = f"/proc/{self.background.pid}/task/{self.background.pid}/children"
        with open(f"/proc/{self.background.pid}/comm", encoding="ascii") as comm:
            if comm.read().strip() != "strace":
                return self.background.pid
        with open(children, encoding="ascii") as file:
            return int(file.read().split()[0])

    def end(self):
        """An orderly end, at which instruments write what they counted."""
        os.kill(self.pid, 15)
        self.background.wait(120)
