"""Certificates: the same for all contenders, ECDSA P-256."""

import os

from measure.process import ROOT, run


def make(folder):
    """ca.crt, and server and bench-1 as .crt and .key; `server.pem` holds both, which HAProxy wants."""
    run([os.path.join(ROOT, "deploy", "dev-pki.sh"), folder, "bench-1"])
    parts = []
    for name in ("server.crt", "server.key"):
        with open(os.path.join(folder, name), encoding="ascii") as file:
            parts.append(file.read())
    path = os.path.join(folder, "server.pem")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
              encoding="ascii") as file:
        file.write("".join(parts))
    return folder
