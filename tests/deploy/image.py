#!/usr/bin/python3
"""Builds the image from local files, runs it, and lets a message through: tests/deploy/image.py BUILD

Needs root (buildah and debootstrap change root), a Debian mirror as apt is configured for, and no registry: the
base of the Containerfile's stages is a debootstrap tree, and what is compiled comes from BUILD. It is run in a
copy of its root folder. The last line says "N passed, N failed".
"""

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from manifests import ROOT, gateway_of, render

sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from support import client, metrics, mosquitto, pki, ports, wait, wire  # noqa: E402

BASE, IMAGE = "localhost/sallyport-test-base", "localhost/sallyport-test"
POLICY = '[[role]]\nname = "everybody"\n[[role.allow]]\nid = "all"\npublish = ["#"]\nsubscribe = ["#"]\n'


def run(*command, **options):
    """(exit code, all that was said)."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, timeout=600, **options)
    return done.returncode, done.stdout


def must(*command, **options):
    code, said = run(*command, **options)
    if code != 0:
        raise RuntimeError(f"{' '.join(command[:3])} ended with {code}:\n{said[-4000:]}")
    return said


def mirror():
    """(address, suite) of the Debian that this machine installs from."""
    said = must("apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)", "Created-By: Packages")
    with open("/etc/os-release", encoding="utf-8") as file:
        codename = re.search(r"^VERSION_CODENAME=(\w+)", file.read(), re.M)[1]
    for line in said.splitlines():
        site, suite, component = line.split()
        if suite == codename and component == "main":
            return site, suite
    raise RuntimeError(f"apt knows no mirror of {codename}:\n{said}")


class Buildah:
    """buildah with a store of its own below `top`."""

    def __init__(self, top):
        self.command = ["buildah", "--root", f"{top}/store", "--runroot", f"{top}/run", "--storage-driver", "vfs"]
        self.environment = {**os.environ, "BUILDAH_ISOLATION": "chroot", "TMPDIR": top}

    def __call__(self, *args):
        return must(*self.command, *args, env=self.environment).strip()

    def try_to(self, *args):
        return run(*self.command, *args, env=self.environment)


def import_base(buildah, tree):
    made = buildah("from", "scratch")
    buildah("copy", "-q", made, tree, "/")
    buildah("commit", "-q", made, BASE)
    buildah("rm", made)


def make_base(buildah, top):
    tree = os.environ.get("SALLYPORT_TEST_BASE")  # a tree that is there already
    if tree:
        import_base(buildah, tree)
        return
    tree = os.path.join(top, "base")
    packages = must(os.path.join(ROOT, "deploy", "packages.sh"), "--list", "image").split()
    site, suite = mirror()
    must("debootstrap", "--variant=minbase", "--include=" + ",".join(packages), suite, tree, site)
    import_base(buildah, tree)
    shutil.rmtree(tree)


def make_context(build, top):
    """A clone, and in it the program that stands for the stage that compiles."""
    context = os.path.join(top, "context")
    must("git", "-C", ROOT, "checkout-index", "-a", f"--prefix={context}/")
    program = os.path.join(context, "prebuilt", "usr", "bin", "sallyport")
    os.makedirs(os.path.dirname(program))
    shutil.copy(os.path.join(build, "src/cli/sallyport"), program)
    must("strip", "--strip-debug", program)
    with open(os.path.join(context, "prebuilt", "compiled-in"), "w", encoding="utf-8") as file:
        file.write(must(os.path.join(ROOT, "deploy/sbom.py"), "compiled-in"))
    return context


def build_image(buildah, build, top):
    context = make_context(build, top)
    options = ["--isolation", "chroot", "--pull-never", "--layers", "--build-arg", f"BASE={BASE}",
               "-f", os.path.join(ROOT, "deploy/image/Containerfile")]
    buildah("build", "-q", *options, "-t", IMAGE, context)
    buildah("build", "-q", *options, "--target", "sbom", "-t", IMAGE + "-sbom", context)
    made = buildah("from", "--pull-never", IMAGE + "-sbom")
    with open(os.path.join(buildah("mount", made), "sbom.spdx.json"), encoding="utf-8") as file:
        return json.load(file)


def make_package(build, top):
    """A package with the program in it, as small as may be."""
    tree = os.path.join(top, "package")
    os.makedirs(os.path.join(tree, "DEBIAN"))
    os.makedirs(os.path.join(tree, "usr", "bin"))
    shutil.copy(os.path.join(build, "src/cli/sallyport"), os.path.join(tree, "usr", "bin"))
    with open(os.path.join(tree, "DEBIAN", "control"), "w", encoding="utf-8") as file:
        file.write("Package: sallyport\nVersion: 0.1.0\nArchitecture: amd64\nMaintainer: Nobody <nobody@localhost>\n"
                   "Description: for a test\n")
    made = os.path.join(top, "sallyport.deb")
    must("dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "-b", tree, made)
    shutil.rmtree(os.path.join(tree, "DEBIAN"))
    return made, tree


def look_at_package(build, top):
    package, tree = make_package(build, top)
    listing = os.path.join(top, "compiled-in")
    with open(listing, "w", encoding="utf-8") as file:
        file.write(must(os.path.join(ROOT, "deploy/sbom.py"), "compiled-in"))
    document = json.loads(must(os.path.join(ROOT, "deploy/sbom.py"), "package", package, "--compiled-in", listing))
    yield "the SBOM of a package is SPDX 2.3, and true", not check_sbom(document, tree), check_sbom(document, tree)
    names = {one["name"] for one in document["packages"]}
    yield "it names what the program loads, and what is compiled in", {
        "libc6", "libuv1", "android-libboringssl", "libtoml11-dev"} <= names, sorted(names)
    again = json.loads(must(os.path.join(ROOT, "deploy/sbom.py"), "package", package, "--compiled-in", listing,
                            env={**os.environ, "SOURCE_DATE_EPOCH": "1"}))
    yield "the same package has the same name in it", again["documentNamespace"] == document["documentNamespace"] and \
        again["creationInfo"]["created"] == "1970-01-01T00:00:01Z", again["creationInfo"]


def files_below(root):
    return sorted(os.path.join(folder, name)[len(root):] for folder, _, names in os.walk(root) for name in names)


def check_sbom(document, root):
    """What is wrong with a document of SPDX 2.3 about the files below `root`; []: nothing. The numbers are the
    clauses of the specification."""
    wrong = []

    def need(holds, what):
        if not holds:
            wrong.append(what)
    need(document.get("spdxVersion") == "SPDX-2.3", "6.1 version")
    need(document.get("dataLicense") == "CC0-1.0", "6.2 data licence")
    need(document.get("SPDXID") == "SPDXRef-DOCUMENT", "6.3 identifier")
    need(bool(document.get("name")), "6.4 name")
    need(re.fullmatch(r"https?://[^#\s]+", document.get("documentNamespace", "")), "6.5 namespace")
    info = document.get("creationInfo", {})
    need(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", info.get("created", "")), "6.9 created")
    need(info.get("creators") and all(re.match(r"(Tool|Person|Organization): .", c) for c in info["creators"]),
         "6.8 creators")
    packages, files = document.get("packages", []), document.get("files", [])
    ids = [one["SPDXID"] for one in packages + files]
    need(len(set(ids)) == len(ids), "identifiers are not unique")
    need(all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", one) for one in ids), "7.2, 8.2 identifiers")
    for one in packages:
        need(one.get("name") and one.get("downloadLocation"), f"7.1, 7.7 of {one}")
        need(isinstance(one.get("filesAnalyzed"), bool), f"7.8 of {one}")
        need(("packageVerificationCode" in one) == one["filesAnalyzed"], f"7.9 of {one}")
        need(re.match(r"(NOASSERTION|Person: .|Organization: .)", one.get("supplier", "")), f"7.5 of {one}")
        for reference in one.get("externalRefs", []):
            need(reference["referenceCategory"] == "PACKAGE-MANAGER" and reference["referenceType"] == "purl" and
                 re.fullmatch(r"pkg:deb/debian/[a-z0-9.+-]+@[^?\s]+\?arch=\w+&distro=debian-\d+",
                              reference["referenceLocator"]), f"7.21 of {one}")
    for one in files:
        need(one["fileName"].startswith("./"), f"8.1 of {one}")
        need("SHA1" in [c["algorithm"] for c in one["checksums"]], f"8.4 of {one}")
    known = {*ids, "SPDXRef-DOCUMENT"}
    kinds = {"DESCRIBES", "CONTAINS", "STATIC_LINK", "DYNAMIC_LINK", "BUILD_TOOL_OF"}
    for one in document.get("relationships", []):
        need({one["spdxElementId"], one["relatedSpdxElement"]} <= known, f"11.1 of {one}")
        need(one["relationshipType"] in kinds, f"11.1 of {one}")
    need([one["relationshipType"] for one in document["relationships"]].count("DESCRIBES") == 1, "DESCRIBES")

    # And it is true.
    listed = {one["fileName"][1:]: {c["algorithm"]: c["checksumValue"] for c in one["checksums"]} for one in files}
    need(sorted(listed) == files_below(root), f"the files are {sorted(set(listed) ^ set(files_below(root)))} others")
    ones = []
    for path, sums in listed.items():
        with open(root + path, "rb") as file:
            content = file.read()
        ones.append(hashlib.sha1(content).hexdigest())
        need(sums == {"SHA1": ones[-1], "SHA256": hashlib.sha256(content).hexdigest()}, f"checksums of {path}")
    code = hashlib.sha1("".join(sorted(ones)).encode()).hexdigest()
    need(packages[0].get("packageVerificationCode", {}).get("packageVerificationCodeValue") == code, "7.9 is not true")
    return wrong


class Running:
    """The image's program, run with the arguments that the pods have, in a copy of its root folder."""

    def __init__(self, buildah, container, folder, args):
        self.log = os.path.join(folder, "..", "log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*buildah.command, "run", "--isolation", "chroot", "--user", "65532:65532", "--network", "host",
                 "--volume", f"{folder}:/etc/sallyport:ro", container, "--", "/usr/bin/sallyport", *args],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=buildah.environment)

    def said(self):
        with open(self.log, errors="replace", encoding="utf-8") as file:
            return file.read()

    def pid(self):
        """Of the program, below buildah's own processes."""
        pids = [self.process.pid]
        for pid in pids:
            with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                if file.read().strip() == "sallyport":
                    return pid
            with contextlib.suppress(OSError):
                for task in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{task}/children", encoding="utf-8") as file:
                        pids += map(int, file.read().split())
        return None

    def end(self):
        if self.process.poll() is None:
            pid = self.pid()
            if pid:
                os.kill(pid, signal.SIGKILL)
            self.process.wait()


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def look(build, top, buildah):
    """(what must be so, whether it is, what was seen)."""
    yield from look_at_package(build, top)
    make_base(buildah, top)
    document = build_image(buildah, build, top)
    settings = json.loads(buildah("inspect", "--type", "image", IMAGE))["OCIv1"]["config"]
    args = gateway_of(render("overlays/gateway"))["args"]
    yield "its command is the pods'", settings["Entrypoint"] == ["/usr/bin/sallyport"] and settings["Cmd"] == args, settings
    yield "its user is nobody of the host", settings["User"] == "65532:65532", settings
    yield "SIGTERM stops it", settings.get("StopSignal", "SIGTERM") == "SIGTERM", settings

    container = buildah("from", "--pull-never", IMAGE)
    root = buildah("mount", container)
    files = files_below(root)
    libraries = [path for path in files if re.search(r"/lib(64)?/.*\.so(\.\d+)*$", path)]
    rest = sorted(set(files) - set(libraries))
    yield "in it are the program, its libraries, certificates", rest == ["/etc/ssl/certs/ca-certificates.crt",
                                                                       "/usr/bin/sallyport"], rest
    _, needed = run("ldd", os.path.join(build, "src/cli/sallyport"))
    wanted = {os.path.basename(path) for path in re.findall(r"(/\S+) \(0x", needed)}
    yield "and no library that it does not load", {os.path.basename(p) for p in libraries} == wanted, libraries
    yield "nothing in it is set-user-id or writable", not [
        p for p in files if os.stat(root + p).st_mode & 0o6022], files
    yield "its SBOM is SPDX 2.3, and true", not check_sbom(document, root), check_sbom(document, root)
    names = {one["name"] for one in document["packages"]}
    yield "the SBOM names what it is made of", {"libc6", "libuv1", "android-libboringssl", "libtoml11-dev",
                                               "ca-certificates"} <= names, sorted(names)
    spoilt = json.loads(json.dumps(document))
    spoilt["files"][0]["checksums"][0]["checksumValue"] = "0" * 40
    yield "another SBOM would be found to be wrong", check_sbom(spoilt, root), ""

    code, said = buildah.try_to("run", "--isolation", "chroot", container, "--", "/usr/bin/sallyport", "--version")
    yield "it says its version", code == 0 and "BoringSSL" in said, said
    yield from look_at_it_run(buildah, container, root, top, args)


def look_at_it_run(buildah, container, root, top, args):
    etc = os.path.join(top, "etc")
    os.makedirs(etc)
    pki.directory = os.path.join(top, "pki")
    broker = mosquitto.Mosquitto(top)
    device, metrics_port = ports.free_port(), ports.free_port()
    with open(os.path.join(etc, "gateway.toml"), "w", encoding="utf-8") as file:
        file.write(f'[broker]\naddress = "127.0.0.1:{broker.port}"\n[[listener]]\nname = "devices"\n'
                   f'address = "127.0.0.1:{device}"\n[policy]\nfiles = ["policy.toml"]\n'
                   f'[observe]\naddress = "127.0.0.1:{metrics_port}"\naudit_log = "stdout"\n')
    with open(os.path.join(etc, "policy.toml"), "w", encoding="utf-8") as file:
        file.write(POLICY)
    os.chmod(top, 0o755)
    code, said = buildah.try_to("run", "--isolation", "chroot", "--user", "65532:65532", "--volume",
                                f"{etc}:/etc/sallyport:ro", container, "--", "/usr/bin/sallyport", "check", *args[1:])
    yield "it checks a configuration", code == 0, said
    before = files_below(root)
    running = Running(buildah, container, etc, args)
    try:
        def ready():
            assert running.process.poll() is None, running.said()
            with contextlib.suppress(OSError):
                return metrics.get(f"http://127.0.0.1:{metrics_port}/readyz")[0] == 200
            return False
        wait.until(ready, lambda: "it is ready; it says: " + running.said(), 60)
        status = status_of(running.pid())
        yield "it runs as 65532", status["Uid"].split() == ["65532"] * 4 and status["Gid"].split() == ["65532"] * 4, status
        with client.Client(device) as one, client.Client(broker.port) as other:
            other.open_session("other").subscribe("image/#")
            one.open_session("one")
            one.send(wire.publish("image/hello", b"through", qos=1, packet_id=1))
            acknowledged = one.expect(wire.PUBACK)
            got = other.expect(wire.PUBLISH)
            yield "a message goes through", acknowledged.packet_id == 1 and got.payload == b"through", got
        os.kill(running.pid(), signal.SIGTERM)
        code = running.process.wait(30)
        yield "SIGTERM ends it well", code == 0 and "stopped" in running.said(), (code, running.said())
        yield "it has written nothing into its root folder", files_below(root) == before, files_below(root)
    finally:
        running.end()
        broker.stop()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    passed = failed = 0
    top = tempfile.mkdtemp(prefix="sallyport-image-", dir="/var/tmp")
    buildah = Buildah(top)
    try:
        for what, holds, seen in look(os.path.abspath(sys.argv[1]), top, buildah):
            if holds:
                passed += 1
            else:
                failed += 1
                print(f"FAILED: {what}: {json.dumps(seen, default=str)[:3000]}")
    except (RuntimeError, AssertionError, OSError, subprocess.TimeoutExpired) as error:
        failed += 1
        print(f"FAILED: {error}")
    finally:
        buildah.try_to("rm", "--all")
        buildah.try_to("rmi", "--all", "--force")
        shutil.rmtree(top, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
