"""What else people put before a broker, or use in place of a gateway: HAProxy, nginx, stunnel, and
mosquitto with TLS of its own. Each is set up as well as its manual allows for many small messages: one
worker, no log of connections, TCP_NODELAY, room for all descriptors, and its defaults otherwise. None
resumes sessions here, for the clients do not offer any; whether tickets are made is left as it is by
default, which `bench/README.md` lists."""

import os
import signal

from measure.contender import Contender, said_version

CONNECTIONS = 20000     # more than any work makes; each needs two descriptors


class HaProxy(Contender):
    name = "haproxy"
    title = "HAProxy"
    program = "haproxy"
    package = "haproxy"
    kind = "one thread"

    CONFIG = """\
global
    nbthread 1
    maxconn 9000
    ssl-default-bind-options ssl-min-ver TLSv1.3

defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h

frontend devices
    bind 127.0.0.1:{port} ssl crt {certificate}
    tcp-request inspect-delay 10s
    tcp-request content reject unless {{ req.payload(0,0),mqtt_is_valid }}
    default_backend broker

backend broker
    server broker 127.0.0.1:{broker}
"""

    def configure(self):
        self.config = self.write("haproxy.cfg", self.CONFIG.format(
            port=self.port, broker=self.site.broker,
            certificate=os.path.join(self.site.pki, "server.pem")))
        return [self.executable(self.site.build), "-db", "-f", self.config]

    @classmethod
    def version(cls, build):
        return said_version([cls.executable(build), "-v"], r"version (\S+)")


class Nginx(Contender):
    name = "nginx"
    title = "nginx stream"
    program = "nginx"
    package = "nginx"

    CONFIG = """\
load_module {module};
daemon off;
master_process off;
worker_processes 1;
worker_rlimit_nofile {descriptors};
pid {folder}/nginx.pid;
error_log {folder}/nginx-error.log error;
events {{
    worker_connections {descriptors};
}}
stream {{
    access_log off;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {pki}/server.crt;
        ssl_certificate_key {pki}/server.key;
        ssl_protocols TLSv1.3;
        tcp_nodelay on;
        proxy_pass 127.0.0.1:{broker};
        proxy_timeout 1h;
    }}
}}
"""
    MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"

    def configure(self):
        self.config = self.write("nginx.conf", self.CONFIG.format(
            module=self.MODULE, descriptors=CONNECTIONS, folder=self.site.folder, port=self.port,
            pki=self.site.pki, broker=self.site.broker))
        return [self.executable(self.site.build), "-p", self.site.folder, "-e",
                self.path("nginx-error.log"), "-c", self.config]

    @classmethod
    def version(cls, build):
        return said_version([cls.executable(build), "-v"], r"nginx/(\S+)")


class Stunnel(Contender):
    name = "stunnel"
    title = "stunnel"
    program = "stunnel4"
    package = "stunnel4"
    kind = "a thread for each connection"
    # On its way out it frees what its threads still use. By then everything was counted.
    end_codes = (*Contender.end_codes, -signal.SIGSEGV, -signal.SIGABRT)

    CONFIG = """\
foreground = yes
pid =
syslog = no
debug = 3
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1

[devices]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{broker}
cert = {pki}/server.crt
key = {pki}/server.key
sslVersionMin = TLSv1.3
TIMEOUTidle = 3600
"""

    def configure(self):
        self.config = self.write("stunnel.conf", self.CONFIG.format(
            port=self.port, broker=self.site.broker, pki=self.site.pki))
        return [self.executable(self.site.build), self.config]

    @classmethod
    def version(cls, build):
        return said_version([cls.executable(build), "-version"], r"stunnel (\S+)")


class Mosquitto(Contender):
    name = "mosquitto"
    title = "mosquitto"
    program = "mosquitto"
    package = "mosquitto"
    is_broker = True
    kind = "the broker itself"

    CONFIG = """\
user root
listener {port} 127.0.0.1
certfile {pki}/server.crt
keyfile {pki}/server.key
tls_version tlsv1.3
allow_anonymous true
acl_file {acl}
persistence false
set_tcp_nodelay true
connection_messages false
log_dest stderr
log_type error
"""

    def configure(self):
        acl = self.write("mosquitto.acl", self.acl())
        os.chmod(acl, 0o600)
        self.config = self.write("mosquitto.conf", self.CONFIG.format(
            port=self.port, pki=self.site.pki, acl=acl))
        return [self.executable(self.site.build), "-c", self.config]

    @staticmethod
    def acl():
        """As near as it comes to the gateway's policy: what a client may do follows from its
        identifier, and others have rights of their own."""
        lines = [f"pattern {access} {topic}" for access, topic in (
            ("deny", "plant/+/config/firmware/#"), ("deny", "plant/+/secret/#"),
            ("write", "plant/%c/telemetry/#"), ("write", "plant/%c/status"),
            ("write", "plant/%c/events/+"), ("write", "plant/%c/alarms/+"),
            ("write", "plant/%c/log/#"), ("read", "plant/%c/cmd/+"),
            ("read", "plant/%c/config/#"), ("readwrite", "plant/shared/#"))]
        for fleet in range(1, 50):
            lines.append(f"user fleet-{fleet}")
            lines += [f"topic {access} fleet-{fleet}/{name}" for access, name in (
                ("write", "telemetry/#"), ("write", "status"), ("write", "events/+"),
                ("write", "alarms/+"), ("write", "log/#"), ("read", "cmd/+"),
                ("read", "config/#"), ("read", "all/cmd/+"), ("readwrite", "shared/#"),
                ("deny", "secret/#"))]
        return "\n".join(lines) + "\n"

    @classmethod
    def version(cls, build):
        return said_version([cls.executable(build), "-h"], r"mosquitto version (\S+)")


PEERS = (HaProxy, Nginx, Stunnel, Mosquitto)
