#!/usr/bin/python3
"""Tries deploy/boringssl.sh with a small library in BoringSSL's place: tests/boringssl.py

It shows that the script builds what has the hash that was named, and nothing else, and that meson takes what
it has made. That upstream's own source builds it does not show: that is not here to be had. The last line says
"N passed, N failed".
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCRIPT = os.path.join(ROOT, "deploy/boringssl.sh")
SOURCE = {
    "CMakeLists.txt": """cmake_minimum_required(VERSION 3.22)
project(small C CXX)
add_library(crypto crypto.c)
add_library(ssl ssl.cc)
target_link_libraries(ssl crypto)
add_executable(never never.c)
""",
    "crypto.c": 'const char* crypto_file(void) { return __FILE__; }\n',
    "ssl.cc": 'extern "C" const char* crypto_file(void);\nextern "C" const char* ssl_file() { return crypto_file(); }\n',
    "never.c": "#error only the two libraries are built\n",
    "include/openssl/base.h": "#define OPENSSL_IS_BORINGSSL\n",
    "LICENSE": "as you like\n",
}


def run(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, **options)
    return done.returncode, done.stdout


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write_source(folder, source):
    for name, text in source.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return folder


def archive_of(folder, path):
    with tarfile.open(path, "w:gz") as file:
        file.add(folder, "boringssl-1.2.3")
    return path


def links(prefix, folder):
    """A program with the libraries of `prefix`: what it says."""
    source, program = os.path.join(folder, "user.c"), os.path.join(folder, "user")
    with open(source, "w", encoding="utf-8") as file:
        file.write('#include <openssl/base.h>\n#include <stdio.h>\nconst char* ssl_file(void);\n'
                   "int main(void) { puts(ssl_file()); return 0; }\n")
    lib = os.path.join(prefix, "lib")
    code, said = run("cc", "-I", os.path.join(prefix, "include"), source, "-o", program, "-L", lib,
                     "-Wl,-rpath," + lib, "-lssl", "-lcrypto")
    return run(program) if code == 0 else (code, said)


def refused(seen, wanted, prefix):
    code, said = seen
    return code != 0 and wanted in said and not os.path.exists(os.path.join(prefix, "lib"))


def wrong_uses(folder, archive):
    prefix = os.path.join(folder, "none")
    for what, arguments, wanted in (
            ("no arguments", [], "--prefix FOLDER"),
            ("no prefix", [archive], "--prefix FOLDER"),
            ("no source", ["--prefix", prefix], "--prefix FOLDER"),
            ("a value that is missing", ["--prefix"], "--prefix FOLDER"),
            ("an option that does not exist", ["--prefix", prefix, "--statik", archive], "--prefix FOLDER"),
            ("two sources", ["--prefix", prefix, archive, archive], "--prefix FOLDER"),
            ("an archive that is not there", ["--prefix", prefix, archive + ".gone"], "there is no such file"),
            ("an archive that is not the pinned one", ["--prefix", prefix, archive], "has the SHA-256 " + sha256(archive)),
            ("a wrong hash", ["--prefix", prefix, "--sha256", "0" * 64, archive], "not " + "0" * 64),
            ("a commit of an archive", ["--prefix", prefix, "--commit", "0" * 40, archive], "an archive has a --sha256"),
            ("a hash of a folder", ["--prefix", prefix, "--sha256", "0" * 64, folder], "a tree has a --commit"),
            ("a folder without a commit", ["--prefix", prefix, folder], "say with --commit"),
            ("a folder that is no git tree", ["--prefix", prefix, "--commit", "0" * 40, folder], "not the top of a git tree"),
    ):
        seen = run(SCRIPT, *arguments)
        yield f"it refuses {what}", refused(seen, wanted, prefix), seen


def archives(folder, source):
    archive = archive_of(source, os.path.join(folder, "one.tar.gz"))
    yield from wrong_uses(folder, archive)
    static, shared = os.path.join(folder, "static"), os.path.join(folder, "shared")
    seen = run(SCRIPT, "--prefix", static, "--sha256", sha256(archive), archive)
    yield "it builds an archive of the right hash", seen[0] == 0, seen
    made = sorted(os.listdir(os.path.join(static, "lib")))
    yield "static libraries unless it is told otherwise", made == ["libcrypto.a", "libssl.a"], made
    seen = links(static, folder)
    yield "a program links them, and no folder of the build is in them", seen == (0, "./source/crypto.c\n"), seen
    revision = read(os.path.join(static, "REVISION")).strip()
    yield "its revision is that of the archive", revision == "sha256:" + sha256(archive)[:16], revision
    yield "the licence is beside it", read(os.path.join(static, "share/doc/boringssl/LICENSE")) == SOURCE["LICENSE"], ""

    seen = run(SCRIPT, "--prefix", static, "--sha256", sha256(archive), archive)
    yield "it does not write over a library", seen[0] != 0 and "has a library already" in seen[1], seen
    again = os.path.join(folder, "again")
    run(SCRIPT, "--prefix", again, "--sha256", sha256(archive), archive)
    same = [sha256(os.path.join(one, "lib/libcrypto.a")) for one in (static, again)]
    yield "a second build has the same hash", same[0] == same[1], same

    seen = run(SCRIPT, "--prefix", shared, "--shared", "--sha256", sha256(archive), archive)
    made = sorted(os.listdir(os.path.join(shared, "lib"))) if seen[0] == 0 else []
    yield "with --shared it builds shared ones", made == ["libcrypto.so", "libssl.so"], seen
    seen = links(shared, folder)
    yield "a program finds them", seen == (0, "./source/crypto.c\n"), seen

    build = os.path.join(folder, "build")
    seen = run("meson", "setup", build, ROOT, "-Dboringssl_prefix=" + static)
    yield "meson takes what it has made", seen[0] == 0, seen
    text = read(os.path.join(build, "src/cli/build_info.cc.in"))
    yield "and the program will say its revision", f'.tls_revision = "{revision}"' in text, text

    other = write_source(os.path.join(folder, "other"), {"CMakeLists.txt": "project(other)\n", "LICENSE": "mine\n"})
    archive = archive_of(other, os.path.join(folder, "other.tar.gz"))
    prefix = os.path.join(folder, "none")
    seen = run(SCRIPT, "--prefix", prefix, "--sha256", sha256(archive), archive)
    yield "it refuses what is another program", refused(seen, "not the source of BoringSSL", prefix), seen
    broken = write_source(os.path.join(folder, "broken"), {**SOURCE, "ssl.cc": "#error broken\n"})
    archive = archive_of(broken, os.path.join(folder, "broken.tar.gz"))
    seen = run(SCRIPT, "--prefix", prefix, "--sha256", sha256(archive), archive)
    yield "what does not build is said, and installs nothing", refused(seen, "#error broken", prefix), seen


def trees(folder, source):
    def git(*arguments):
        code, said = run("git", "-C", source, "-c", "user.name=t", "-c", "user.email=t@t", *arguments)
        assert code == 0, said
        return said.strip()
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    commit = git("rev-parse", "HEAD")
    prefix = os.path.join(folder, "tree")
    seen = run(SCRIPT, "--prefix", prefix, "--commit", "0" * 40, source)
    yield "it refuses a tree at another commit", refused(seen, f"is at commit {commit}, not 0000", prefix), seen
    inner = os.path.join(source, "include")
    seen = run(SCRIPT, "--prefix", prefix, "--commit", commit, inner)
    yield "it refuses a folder inside a tree", refused(seen, "not the top of a git tree", prefix), seen
    with open(os.path.join(source, "crypto.c"), "a", encoding="utf-8") as file:
        file.write("#error changed\n")
    seen = run(SCRIPT, "--prefix", prefix, "--commit", commit, source)
    yield "it builds the commit, and not what has been changed since", seen[0] == 0, seen
    revision = read(os.path.join(prefix, "REVISION")).strip()
    yield "its revision is the commit", revision == commit, revision
    git("tag", "9.8.7")
    prefix = os.path.join(folder, "tagged")
    run(SCRIPT, "--prefix", prefix, "--commit", commit, source)
    revision = read(os.path.join(prefix, "REVISION")).strip()
    yield "or its tag", revision == "9.8.7", revision


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="sallyport-boringssl-") as folder:
        for look in (archives, trees):
            source = write_source(os.path.join(folder, look.__name__), SOURCE)
            for what, good, seen in look(folder, source):
                passed, failed = passed + bool(good), failed + (not good)
                if not good:
                    print(f"FAILED: {what}: {seen}")
                    break  # what follows needs it
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
