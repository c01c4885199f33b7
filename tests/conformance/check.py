#!/usr/bin/python3
"""Holds the unit tests to the tables of normative statements beside this file.

    tests/conformance/check.py [--list STATEMENT...]    --list: who tests these ("3.1.2-24")

A test names the statements that it holds the gateway to by markers in its title, or in the row of a
table that it runs through:

    [MQTT-3.1.2-24 (5.0)]              a statement of one standard
    [MQTT-3.3.1-2 (5.0) from broker]   of one that binds both sides: this side sends, or begins
    [MQTT-3.3.1-2 (5.0) from both]     the case does so for either side

Without "(5.0)" or "(3.1.1)" a marker is for the standard that has the id; for both where they say
the same there, and wrong where they do not. A statement that is enforced or kept needs a test, and
where it binds both sides one from each. One result is counted for every such statement, and for
everything that is wrong with a table or a marker. The last line says "N passed, N failed".
"""

import pathlib
import re
import sys
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parent / "unit"
STANDARDS = ("3.1.1", "5.0")
SIDES = {"client": ("client",), "server": ("broker",), "both": ("client", "broker")}
CLASSES = ("enforced", "kept", "passed")
ID = re.compile(r"\d+\.\d+\.\d+-\d+")
MARKER = re.compile(r"\[MQTT-([\d.-]+)(?: \(([\d.]+)\))?(?: from (client|broker|both))?\]")
# Comments, characters and strings, so that only what stands in a string counts.
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|\'(?:\\.|[^\'\\\n])*\'|"((?:\\.|[^"\\\n])*)"|\s+|\S', re.DOTALL)


def statements(standard, errors):
    with open(HERE / f"mqtt-{standard}.toml", "rb") as file:
        table = tomllib.load(file)["statements"]
    for name, statement in table.items():
        where = f"mqtt-{standard}.toml: {name}"
        unknown = set(statement) - {"binds", "only", "class", "says", "why", "lenient"}
        if not ID.fullmatch(name) or unknown:
            errors.append(f"{where}: not an id, or unknown keys {sorted(unknown)}")
        if statement.get("binds") not in SIDES or statement.get("class") not in CLASSES:
            errors.append(f"{where}: binds or class is missing or unknown")
        if not statement.get("says", "").strip():
            errors.append(f"{where}: says nothing")
        if not statement.get("lenient", "-").strip() or ("lenient" in statement and statement["class"] == "passed"):
            errors.append(f"{where}: lenient gives a reason, and only where something is enforced or kept")
        needs_reason = statement.get("class") == "passed" or "only" in statement
        if needs_reason != bool(statement.get("why", "").strip()):
            errors.append(f"{where}: " + ("has no reason" if needs_reason else "needs no reason"))
        if "only" in statement and (statement["binds"] != "both" or statement["only"] not in ("client", "server")):
            errors.append(f"{where}: only is for one side of both")
    return table


def strings(source):
    """The string literals of a C++ source with their lines; neighbours are one."""
    joined, begin, line = None, 0, 1
    for token in TOKEN.finditer(source):
        text = token[0]
        if token[1] is not None:
            if joined is None:
                joined, begin = "", line
            joined += token[1]
        elif joined is not None and not text.isspace() and not text.startswith(("//", "/*")):
            yield begin, joined
            joined = None
        line += text.count("\n")
    if joined is not None:
        yield begin, joined


def named(tables, errors):
    """(standard, id) -> {side: [where]}; a marker without a side has side None."""
    found = {}
    for path in sorted(TESTS.rglob("*.cc")) + sorted(TESTS.rglob("*.h")):
        for line, text in strings(path.read_text(encoding="utf-8")):
            where = f"{path.relative_to(TESTS.parent)}:{line}"
            if text.count("[MQTT-") != len(MARKER.findall(text)):
                errors.append(f"{where}: a marker is not of the form that check.py knows")
            for name, standard, side in MARKER.findall(text):
                having = [s for s in STANDARDS if name in tables[s]]
                if standard and standard not in having:
                    errors.append(f"{where}: there is no {name} in {standard}")
                    continue
                if not having:
                    errors.append(f"{where}: there is no {name} in any table")
                    continue
                if not standard and len({tables[s][name]["says"] for s in having}) > 1:
                    errors.append(f"{where}: {name} says different things, so name the standard")
                    continue
                for s in [standard] if standard else having:
                    sides = found.setdefault((s, name), {})
                    for one in {"both": ("client", "broker"), "": (None,)}.get(side, (side,)):
                        sides.setdefault(one, []).append(where)
    return found


def missing(statement, sides):
    """What tests lack for a statement; empty: nothing."""
    wanted = SIDES[statement["binds"]]
    if "only" in statement or len(wanted) == 1:
        return [] if sides else ["no test names it"]
    return [f"no test names it from {side}" for side in wanted if side not in sides]


def main():
    errors = []
    tables = {standard: statements(standard, errors) for standard in STANDARDS}
    found = named(tables, errors) if not errors else {}
    if sys.argv[1:2] == ["--list"]:
        for (standard, name), sides in sorted(found.items()):
            if name in sys.argv[2:]:
                for side, places in sides.items():
                    print(f"{name} ({standard}) {side or ''}: {', '.join(sorted(set(places)))}")
        return 0

    passed = failed = 0
    for standard, table in tables.items():
        for name, statement in table.items():
            if statement.get("class") == "passed" or errors and not found:
                continue
            lacking = missing(statement, found.get((standard, name), {}))
            passed, failed = passed + (not lacking), failed + bool(lacking)
            for what in lacking:
                print(f"[MQTT-{name} ({standard})] {statement['class']}: {what}")
        count = {c: sum(s.get("class") == c for s in table.values()) for c in CLASSES}
        print(f"MQTT {standard}: {len(table)} statements: " +
              ", ".join(f"{count[c]} {c}" for c in CLASSES))
    for error in errors:
        print(f"conformance: {error}")
    failed += len(errors)
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
