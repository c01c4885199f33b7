#!/usr/bin/python3
"""Writes what Sallyport is made of, in SPDX 2.3 (JSON), to standard output.

    deploy/sbom.py image --root FOLDER [--version V] [--compiled-in FILE]
        of an image's root folder, while the system that its files were copied from is this one
    deploy/sbom.py package FILE.deb [--compiled-in FILE]
        of a Debian package: its files, and the packages of this system that its program loads
    deploy/sbom.py compiled-in
        prints the packages of this system whose code is compiled into the program, one a line, for
        the two above

Everything is read from what is really there: dpkg's database, ldd, and the files. Who asks twice
about the same gets the same document. SOURCE_DATE_EPOCH: the time that it says.
"""

import argparse
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

# Header-only libraries, and those of which templates are instantiated: dpkg knows them where the
# program is compiled, and no longer where it runs.
COMPILED_IN = ["libtoml11-dev", "libcli11-dev", "nlohmann-json3-dev", "prometheus-cpp-dev", "g++-12"]
NAME = "sallyport"
HOME = "https://spdx.org/spdxdocs/"


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True,
                          env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout


def ask_dpkg(names):
    """Lines of name, version, architecture, source and source's version of the packages that are installed."""
    done = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version} ${Architecture} "
         "${source:Package} ${source:Version}\\n", *names],
        capture_output=True, text=True, check=False)  # 1: some of them are not installed
    return sorted({line.split(" ", 1)[1] for line in done.stdout.splitlines() if line.startswith("installed ")})


def owner_of(path):
    """The Debian package that a file of this system comes from; None: no package's."""
    # dpkg knows it by the path in its package, which may lead through /lib or /usr/lib.
    candidates = [path, os.path.realpath(path)]
    candidates += ["/usr" + path if not path.startswith("/usr/") else path[4:] for path in list(candidates)]
    for candidate in candidates:
        done = subprocess.run(["dpkg-query", "-S", candidate], capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            owner = line.split(": ")[0]
            if done.returncode == 0 and not owner.startswith("diversion"):
                return owner.split(",")[0].strip()
    return None


def libraries_of(program):
    """Paths of what the dynamic linker loads for it."""
    said = output_of("ldd", program)
    if "not found" in said:
        sys.exit(f"sbom.py: a library of {program} is missing:\n{said}")
    return sorted(re.findall(r"(/\S+) \(0x[0-9a-f]+\)", said))


def spdx_id(kind, text):
    return f"SPDXRef-{kind}-" + re.sub(r"[^A-Za-z0-9.-]", "-", text)


def purl(name, version, architecture):
    escaped = version.replace("+", "%2B").replace(":", "%3A").replace("~", "%7E")
    return f"pkg:deb/debian/{name}@{escaped}?arch={architecture}&distro=debian-12"


def debian_package(line):
    name, version, architecture, source, source_version = line.split()
    return {
        "SPDXID": spdx_id("Package", name),
        "name": name,
        "versionInfo": version,
        "supplier": "Organization: Debian",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "sourceInfo": f"built from Debian's source package {source} {source_version}",
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "NOASSERTION",
        "copyrightText": "NOASSERTION",
        "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                          "referenceLocator": purl(name, version, architecture)}],
    }


def file_entry(root, path):
    with open(root + path, "rb") as file:
        content = file.read()
    return {
        "SPDXID": spdx_id("File", path.strip("/") + "-" + hashlib.sha256(path.encode()).hexdigest()[:8]),
        "fileName": "." + path,
        "checksums": [{"algorithm": "SHA1", "checksumValue": hashlib.sha1(content).hexdigest()},
                      {"algorithm": "SHA256", "checksumValue": hashlib.sha256(content).hexdigest()}],
        "licenseConcluded": "NOASSERTION",
        "licenseInfoInFiles": ["NOASSERTION"],
        "copyrightText": "NOASSERTION",
    }


class Document:
    """What is said of one image or package, whose own entry is `top`."""

    def __init__(self, name, version, purpose):
        self.top = {
            "SPDXID": spdx_id("Package", "sallyport-itself"),
            "name": name,
            "versionInfo": version,
            "supplier": "NOASSERTION",
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": True,
            "primaryPackagePurpose": purpose,
            "licenseConcluded": "Apache-2.0",
            "licenseDeclared": "Apache-2.0",
            "licenseInfoFromFiles": ["NOASSERTION"],
            "copyrightText": "NOASSERTION",
        }
        self.packages = {}
        self.files = []
        self.relationships = []

    def relate(self, one, kind, other):
        self.relationships.append({"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other})

    def add_package(self, line, kind):
        """`kind`: what the image or package does with it, or, with _OF, what it is of those."""
        package = debian_package(line)
        if package["SPDXID"] not in self.packages:
            self.packages[package["SPDXID"]] = package
            ends = (self.top["SPDXID"], package["SPDXID"])
            one, other = reversed(ends) if kind.endswith("_OF") else ends
            self.relate(one, kind, other)
        return package["SPDXID"]

    def add_files(self, root):
        for folder, folders, names in os.walk(root):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if os.path.islink(path) or not os.path.isfile(path):
                    continue
                entry = file_entry(root, path[len(root):])
                self.files.append(entry)
                self.relate(self.top["SPDXID"], "CONTAINS", entry["SPDXID"])

    def add_compiled_in(self, listing):
        if not listing:
            return
        with open(listing, encoding="utf-8") as file:
            for line in file.read().splitlines():
                self.add_package(line, "STATIC_LINK" if line.split()[0].endswith("-dev") else "BUILD_TOOL_OF")

    def json(self):
        ones = sorted(next(c["checksumValue"] for c in f["checksums"] if c["algorithm"] == "SHA1") for f in self.files)
        self.top["packageVerificationCode"] = {
            "packageVerificationCodeValue": hashlib.sha1("".join(ones).encode()).hexdigest()}
        packages = [self.top, *(self.packages[i] for i in sorted(self.packages))]
        # The same content has the same name.
        digest = hashlib.sha256(json.dumps([packages, self.files], sort_keys=True).encode()).hexdigest()
        when = int(os.environ.get("SOURCE_DATE_EPOCH", "0")) or int(datetime.datetime.now().timestamp())
        created = datetime.datetime.fromtimestamp(when, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return json.dumps({
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "SPDXID": "SPDXRef-DOCUMENT",
            "name": f"{self.top['name']}-{self.top['versionInfo']}",
            "documentNamespace": f"{HOME}{self.top['name']}-{self.top['versionInfo']}-{digest[:32]}",
            "creationInfo": {"created": created, "creators": ["Tool: sallyport-sbom.py"]},
            "packages": packages,
            "files": self.files,
            "relationships": [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES",
                               "relatedSpdxElement": self.top["SPDXID"]}, *self.relationships],
        }, indent=1)


def of_image(options):
    root = options.root.rstrip("/")
    document = Document(NAME + "-image", options.version, "CONTAINER")
    document.add_files(root)
    for entry in document.files:
        path = entry["fileName"][1:]
        if path == f"/usr/bin/{NAME}":
            continue
        # update-ca-certificates makes this file out of those that the package brings.
        owner = "ca-certificates" if path.endswith("/ca-certificates.crt") else owner_of(path)
        found = ask_dpkg([owner]) if owner else []
        if not found:
            sys.exit(f"sbom.py: {path} comes from no Debian package of this system")
        document.relate(document.add_package(found[0], "CONTAINS"), "CONTAINS", entry["SPDXID"])
    document.add_compiled_in(options.compiled_in)
    return document


def of_package(options):
    name, version = output_of("dpkg-deb", "-W", "--showformat=${Package} ${Version}", options.deb).split()
    document = Document(name, version, "INSTALL")
    with tempfile.TemporaryDirectory() as root:
        subprocess.run(["dpkg-deb", "-x", options.deb, root], check=True)
        document.add_files(root)
        program = f"{root}/usr/bin/{NAME}"
        owners = {owner_of(path) for path in libraries_of(program)}
    if None in owners:
        sys.exit("sbom.py: a library that the program loads comes from no Debian package of this system")
    for line in ask_dpkg(sorted(owners)):
        document.add_package(line, "DYNAMIC_LINK")
    document.add_compiled_in(options.compiled_in)
    return document


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    image = commands.add_parser("image")
    image.add_argument("--root", required=True)
    image.add_argument("--version", default="0.1.0")
    image.add_argument("--compiled-in")
    image.set_defaults(make=of_image)
    package = commands.add_parser("package")
    package.add_argument("deb")
    package.add_argument("--compiled-in")
    package.set_defaults(make=of_package)
    compiled_in = commands.add_parser("compiled-in")
    compiled_in.set_defaults(make=None)
    options = parser.parse_args()
    if options.make is None:
        print("\n".join(ask_dpkg(COMPILED_IN)))
    else:
        print(options.make(options).json())


if __name__ == "__main__":
    main()
