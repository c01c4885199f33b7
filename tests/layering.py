#!/usr/bin/python3
"""Holds the sources to the table of folders in src/README.md: who may include whom, which folder may
name which library, and what the core never sees.

    tests/layering.py              checks the tree; the last line says "N passed, N failed"
    tests/layering.py --self-test  shows that every kind of offence is caught
"""

import os
import re
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Folder of src/ -> folders of src/ whose headers it may include, besides its own and sallyport/.
FOLDERS = {
    "base": set(),
    "mqtt": {"base"},
    "policy": {"base", "mqtt"},
    "session": {"base", "policy", "mqtt"},
    "file": set(),
    "net": set(),
    "transport": {"base"},
    "tls": {"file", "transport"},
    "ledger": set(),
    "auth": {"net"},
    "proxy": {"session", "policy", "net", "transport", "tls", "auth"},
    "admin": {"net"},
    "config": {"file", "policy", "tls"},
    "observe": set(),
    "app": {"file", "mqtt", "policy", "session", "net", "transport", "tls", "ledger", "auth", "proxy", "config",
            "observe", "admin"},
    "cli": {"mqtt", "policy", "session", "net", "tls", "ledger", "auth", "proxy", "config", "observe",
            "admin", "app"},
}
# config knows of tls only what can be written in a file.
# proxy finds sessions by network, and judges nothing itself.
ONLY_HEADERS = {("config", "tls"): {"tls/context.h"}, ("proxy", "policy"): {"policy/address.h"}}

# Library -> what its headers are called, and the folders that may name it.
LIBRARIES = {
    # proxy reads the error codes that net hands up; app waits for signals; cli says its version.
    "libuv": (re.compile(r"uv(\.h|/)"), {"net", "proxy", "admin", "app", "cli"}),
    "BoringSSL": (re.compile(r"openssl/"), {"tls"}),
    "toml11": (re.compile(r"toml(\.hpp|11|/)"), {"config"}),
    "prometheus-cpp": (re.compile(r"prometheus/"), {"observe"}),
    # Tests and bench read JSON with it; the audit log's lines are written without a tree.
    "nlohmann-json": (re.compile(r"nlohmann/"), {"admin"}),
    "CLI11": (re.compile(r"CLI/"), {"cli"}),
}

CORE = {"base", "mqtt", "policy", "session"}
CORE_HEADERS = re.compile(
    r"(sys/.*|netinet/.*|arpa/.*|netdb\.h|unistd\.h|poll\.h|pthread\.h|time\.h|ctime|thread|mutex|"
    r"shared_mutex|condition_variable|future|stop_token|semaphore|latch|barrier|fstream|iostream|"
    r"filesystem|random|csignal|signal\.h|cstdlib|stdlib\.h)$")
# inet_pton() and inet_ntop() are functions of their arguments; no socket comes with them.
EXCEPTIONS = {("src/base/address.cc", "arpa/inet.h"), ("src/policy/address.cc", "arpa/inet.h")}
CORE_WORDS = re.compile(r"(::now\s*\(|\bclock_gettime\b|\bgetenv\b|\bthread_local\b|\bfopen\b)")

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
LONG = 500


def strip_comments(text):
    """Comments and string contents out, lines kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)
    return pattern.sub(lambda match: "\n" * match[0].count("\n"), text)


def check_include(folder, quote, header):
    """What is wrong with an include of `header` in `folder` ("include" is include/sallyport)."""
    first = header.split("/")[0]
    if header.startswith("sallyport/"):
        return None
    if first in FOLDERS and "/" in header:
        if folder == "include":
            return f"the contract includes {header}, which is private to src/{first}"
        if first != folder and first not in FOLDERS[folder]:
            return f"{folder} may not include {header}"
        allowed = ONLY_HEADERS.get((folder, first))
        if allowed and header not in allowed:
            return f"{folder} may include {', '.join(sorted(allowed))} of {first}, not {header}"
        return None
    if quote == '"':
        return f'"{header}" is neither sallyport/... nor <folder of src>/...'
    for library, (pattern, owners) in LIBRARIES.items():
        if pattern.match(header) and folder not in owners:
            return f"{folder} includes <{header}>: {library} belongs to {', '.join(sorted(owners))}"
    if folder in CORE | {"include"} and CORE_HEADERS.match(header):
        return f"{folder} includes <{header}>: the core knows no system, no clock and no thread"
    return None


def check_file(root, path, folder):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        text = file.read()
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        match = INCLUDE.match(line)
        if match and (path, match[2]) not in EXCEPTIONS:
            if wrong := check_include(folder, match[1], match[2]):
                yield f"{path}:{number}: {wrong}"
    for number, line in enumerate(strip_comments(text).splitlines(), 1):
        if folder in CORE | {"include"} and (match := CORE_WORDS.search(line)):
            yield f"{path}:{number}: {match[1].strip()}: the core knows no system and no clock"
    if path.endswith(".h") and "#pragma once" not in lines[:3]:
        yield f"{path}:1: does not begin with #pragma once"
    own = os.path.basename(path)[:-3] + ".h"
    if path.endswith(".cc") and folder != "include":
        header = f"{folder}/{own}"
        includes = [m[2] for m in map(INCLUDE.match, lines) if m]
        if os.path.exists(os.path.join(root, "src", header)) and includes[:1] != [header]:
            yield f"{path}:1: its own header {header} is not included first"


def sources(root):
    """(path, folder) of every source file."""
    for base, folders in (("src", None), ("include/sallyport", "include")):
        top = os.path.join(root, base)
        for directory, _, names in sorted(os.walk(top)):
            inside = os.path.relpath(directory, top).split(os.sep)[0]
            for name in sorted(names):
                if name.endswith((".h", ".cc")):
                    path = os.path.relpath(os.path.join(directory, name), root)
                    yield path, folders or inside


def check_tree(root):
    """(files, offences, files that are long)"""
    files, wrong, long_files = 0, [], []
    for path, folder in sources(root):
        files += 1
        if folder != "include" and folder not in FOLDERS:
            wrong.append(f"{path}: src/{folder} is not in the table of folders")
            continue
        wrong += check_file(root, path, folder)
        with open(os.path.join(root, path), encoding="utf-8") as file:
            count = sum(1 for _ in file)
        if count > LONG:
            long_files.append(f"{path}: {count} lines; over {LONG} is a smell")
    return files, wrong, long_files


# One offence each: (path, text). Every one must be found, and nothing in the clean tree.
OFFENCES = [
    ("src/mqtt/a.cc", '#include "policy/compiled.h"\n'),
    ("src/policy/a.cc", '#include "session/impl.h"\n'),
    ("src/session/a.cc", '#include "proxy/relay.h"\n'),
    ("src/net/a.cc", '#include "tls/engine.h"\n'),
    ("src/tls/a.cc", '#include "net/stream.h"\n'),
    ("src/proxy/a.cc", '#include "config/options.h"\n'),
    ("src/config/a.cc", '#include "tls/engine.h"\n'),
    ("src/observe/a.cc", '#include "session/impl.h"\n'),
    ("src/session/a.cc", '#include "ledger/local_ledger.h"\n'),
    ("src/auth/a.cc", '#include "proxy/relay.h"\n'),
    ("src/session/a.cc", "#include <uv.h>\n"),
    ("src/tls/a.cc", "#include <uv.h>\n"),
    ("src/proxy/a.cc", "#include <openssl/ssl.h>\n"),
    ("src/mqtt/a.cc", "#include <toml.hpp>\n"),
    ("src/policy/a.cc", "#include <prometheus/counter.h>\n"),
    ("src/net/a.cc", "#include <nlohmann/json.hpp>\n"),
    ("src/session/a.cc", "#include <sys/socket.h>\n"),
    ("src/session/a.cc", "#include <thread>\n"),
    ("src/policy/a.cc", "auto t = std::chrono::steady_clock::now();\n"),
    ("src/mqtt/a.cc", '#include "framer.h"\n'),
    ("src/mqtt/a.h", "int x;\n"),
    ("src/utils/a.cc", "int x;\n"),
    ("include/sallyport/a.h", '#pragma once\n#include "mqtt/encode.h"\n'),
    ("include/sallyport/a.h", "#pragma once\n#include <uv.h>\n"),
]
CLEAN = [
    ("src/mqtt/encode.h", "#pragma once\n#include <cstdint>\n"),
    ("src/mqtt/encode.cc", '#include "mqtt/encode.h"\n// std::chrono::steady_clock::now() is not here\n'),
    ("src/policy/a.cc", '#include "mqtt/encode.h"\n#include "sallyport/bytes.h"\n'),
    ("src/net/loop.cc", "#include <uv.h>\n#include <sys/socket.h>\n"),
    ("src/config/a.cc", '#include <toml.hpp>\n#include "tls/context.h"\n'),
    ("include/sallyport/bytes.h", '#pragma once\n#include "sallyport/time.h"\n'),
]


def write(root, path, text):
    full = os.path.join(root, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as file:
        file.write(text)


def self_test():
    wrong = []
    with tempfile.TemporaryDirectory() as root:
        for path, text in CLEAN:
            write(root, path, text)
        wrong += [f"a clean file is complained about: {x}" for x in check_tree(root)[1]]
        for path, text in OFFENCES:
            write(root, path, text)
            if not any(x.startswith(path) for x in check_tree(root)[1]):
                wrong.append(f"not caught in {path}: {text.strip()}")
            os.remove(os.path.join(root, path))
            if path in dict(CLEAN):
                write(root, path, dict(CLEAN)[path])
    return wrong


def main():
    failed = self_test()
    for line in failed:
        print("layering self-test: " + line)
    results = [not failed]
    if "--self-test" not in sys.argv[1:]:
        files, wrong, long_files = check_tree(ROOT)
        for line in long_files:
            print("layering: note: " + line)
        for line in wrong:
            print("layering: " + line)
        print(f"layering: {files} files, {len(wrong)} offences")
        results.append(files > 0 and not wrong)
    print(f"{results.count(True)} passed, {results.count(False)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
