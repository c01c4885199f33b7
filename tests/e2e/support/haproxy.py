"""Debian's HAProxy as a TCP load balancer before several gateways, which it asks for /readyz."""

import os
import shutil

from . import ports, process, wait


class HAProxy:
    """Running once constructed. `gateways`: those that it spreads connections over."""

    def __init__(self, directory, gateways, send_proxy=False):
        binary = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
        assert binary, "haproxy is not installed"
        self.port = ports.free_port()
        config = os.path.join(directory, "haproxy.cfg")
        lines = ["defaults", " mode tcp", " timeout connect 2s", " timeout client 1m", " timeout server 1m",
                 " timeout check 1s", " option redispatch 1", " retries 3",
                 "frontend devices", f" bind 127.0.0.1:{self.port}", " default_backend gateways",
                 "backend gateways", " balance leastconn", " option httpchk GET /readyz"]
        lines += [f" server g{i} 127.0.0.1:{gateway.port} check port {gateway.metrics_port} inter 200ms fall 1 rise 1"
                  + (" send-proxy-v2" if send_proxy else "") for i, gateway in enumerate(gateways)]
        with open(config, "w") as file:
            file.write("\n".join(lines) + "\n")
        self.log_path = os.path.join(directory, "haproxy.log")
        with open(self.log_path, "ab") as log:
            self.process = process.start([binary, "-db", "-f", config], stdout=log, stderr=log)
        wait.until(lambda: ports.is_listening(self.port), "HAProxy listens")

    def stop(self):
        process.end(self.process)
