"""Certificates for the tests, made once per run with the openssl command.

Names of certificates: server (localhost, by `ca`), server2 (another one, for reloads), broker,
broker-elsewhere (for a name that is not localhost), clients (sensor-1, ...), stranger (by a CA that
nobody trusts), expired, those that the shipped policies speak of, and san (a client with DNS and URI names).
"""

import os
import subprocess

_DIR = os.environ.get("SALLYPORT_E2E_PKI")
CLIENTS = ("sensor-1", "sensor-2", "operator", "guest", "dashboard-2", "vehicle-7", "console-anna",
           "updater-1")
TENANTS = ("device-acme-7", "device-beta-7", "app-acme-1")


def path(name):
    """Path of `name` ("server.crt")."""
    assert _DIR, "SALLYPORT_E2E_PKI is not set; start tests with tests/e2e/run.py"
    return os.path.join(_DIR, name)


def read(name):
    with open(path(name), "rb") as file:
        return file.read()


def serial(name):
    """Serial number of a certificate, as Python's ssl module writes it."""
    out = subprocess.run(["openssl", "x509", "-in", path(name), "-noout", "-serial"],
                         capture_output=True, check=True, text=True).stdout
    return out.strip().partition("=")[2].upper().lstrip("0")


def write_crl(directory, name, ca="ca", days=1):
    """A CRL of `ca` that revokes nobody: `name` in `directory`, where openssl's own files lie, too."""
    for file, text in (("db", ""), ("crl.cnf", "[ca]\ndefault_ca = c\n[c]\ndatabase = db\ndefault_md = sha256\n")):
        with open(os.path.join(directory, file), "w") as out:
            out.write(text)
    subprocess.run(["openssl", "ca", "-config", "crl.cnf", "-cert", path(f"{ca}.crt"), "-keyfile", path(f"{ca}.key"),
                    "-gencrl", "-crldays", str(days), "-out", name], cwd=directory, capture_output=True, check=True)


def make(directory):
    """Makes all of it in an empty directory."""
    global _DIR
    _DIR = directory
    for ca in ("ca", "ca2"):
        _key(ca)
        _run("req", "-x509", "-new", "-key", f"{ca}.key", "-days", "30", "-subj", f"/CN=test {ca}",
             "-addext", "basicConstraints=critical,CA:true", "-out", f"{ca}.crt")
    local = "DNS:localhost,IP:127.0.0.1,IP:::1"
    _issue("server", "localhost", "serverAuth", local)
    _issue("server2", "localhost", "serverAuth", local)
    _issue("broker", "localhost", "serverAuth", local)
    _issue("broker-elsewhere", "elsewhere.example", "serverAuth", "DNS:elsewhere.example")
    for name in CLIENTS:
        _issue(name, name, "clientAuth")
    for name in TENANTS:
        _issue(name, name, "clientAuth", f"DNS:{name.split('-')[1]}.tenants.example")
    _issue("stranger", "sensor-1", "clientAuth", ca="ca2")
    _issue("expired", "sensor-1", "clientAuth", days="-1")
    _issue("san", "", "clientAuth", "DNS:pump.plant.example,URI:urn:device:42")


def _run(*args):
    done = subprocess.run(["openssl", *args], cwd=_DIR, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {' '.join(args)}: {done.stderr}")


def _key(name):
    _run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key")


def _issue(name, common_name, usage, san=None, ca="ca", days="30"):
    _key(name)
    with open(path("ext"), "w") as file:
        file.write(f"basicConstraints=critical,CA:false\nextendedKeyUsage={usage}\n")
        if san:
            file.write(f"subjectAltName={san}\n")
    subject = f"/CN={common_name}" if common_name else "/O=plant"
    _run("req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", "csr")
    _run("x509", "-req", "-in", "csr", "-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial",
         "-days", days, "-extfile", "ext", "-out", f"{name}.crt")
