#!/usr/bin/python3
"""Sees to it that the tests, checks and sentences that tables name exist.

    tests/conformance/named.py

Four tables name tests: broker-bugs.toml and client-bugs.toml beside this file, and "Traps" and "Promises"
in tests/README.md. A test is named by its file below tests/, a colon, and the whole title of a TEST_CASE, or
a test method, or a row of e2e/broker_bugs_test.py or e2e/client_bugs_test.py, or what install.py says. In
the README a name stands in `backquotes`. Every bug has a check, by the name that it has in checks.h, and a
row of the same name in the end-to-end test of its table. Every promise stands on its page as it is quoted,
and every sentence of those pages that promises by one of the words below has a row. One result is counted
for every row of every table, and for every such sentence. The last line says "N passed, N failed".
"""

import ast
import functools
import pathlib
import re
import sys
import tomllib

from check import HERE, strings

TESTS = HERE.parent
CHECKS = TESTS.parent / "include" / "sallyport" / "checks.h"
BUGS = {"broker-bugs.toml": "e2e/broker_bugs_test.py", "client-bugs.toml": "e2e/client_bugs_test.py"}
TRAPS = 10
PAGES = ("README.md", "policies/README.md")
# Who writes one of these promises something.
STRONG = re.compile(r"\b(every|everything|never|nothing|nobody|always|exactly|no other|at once)\b", re.I)


@functools.cache
def names(path):
    """What tests a file has; None: there is no such file."""
    file = TESTS / path
    if not file.is_file():
        return None
    text = file.read_text(encoding="utf-8")
    if path.endswith(".cc"):
        return {title for title in titles(text)}
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            found.add(node.name)
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "TRIGGERS":
            found.update(key.value for key in node.value.keys)
        if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):  # install.py
            found.add(getattr(node.value.elts[0], "value", ""))
    return found


def titles(source):
    """The first string behind each TEST_CASE( of a source."""
    cases = [source.count("\n", 0, m.end()) + 1 for m in re.finditer(r"TEST_CASE(?:_TEMPLATE)?\(\s*(?=\")", source)]
    first = dict(reversed(list(strings(source))))
    return [first[line] for line in cases if line in first]


def missing_test(reference):
    """Why there is no test of this name; empty: there is."""
    path, _, name = reference.partition(": ")
    known = names(path)
    if known is None:
        return f"{reference}: there is no {path}"
    return "" if name in known else f"{reference}: there is no such test"


def check_bug(bug, checks, rows):
    wrong = []
    if set(bug) != {"name", "trigger", "check", "tests"} or not all(bug.values()):
        return [f"it has the keys {sorted(bug)}, and none may be empty"]
    if bug["check"] not in checks:
        wrong.append(f"checks.h has no {bug['check']}")
    if f"{rows}: {bug['name']}" not in bug["tests"]:
        wrong.append(f"{rows} does not stand among its tests")
    return wrong + list(filter(None, map(missing_test, bug["tests"])))


def bugs(name_of_table, rows):
    with open(HERE / name_of_table, "rb") as file:
        table = tomllib.load(file)["bug"]
    checks = re.findall(r'X\(\w+, "([a-z0-9.-]+)"', CHECKS.read_text(encoding="utf-8"))
    seen = set()
    for bug in table:
        name = bug.get("name", "?")
        yield f"{name_of_table}: {name}", check_bug(bug, checks, rows) + ["it stands twice"] * (name in seen)
        seen.add(name)
    for row in sorted(names(rows) - seen):
        if not row.startswith("test_"):
            yield f"{rows}: {row}", [f"it does not stand in {name_of_table}"]


def rows_of(title):
    """The rows of three cells in a section of tests/README.md."""
    page = (TESTS / "README.md").read_text(encoding="utf-8")
    section = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    return re.findall(r"^\| (\S+) \| (.*?) \| (.*) \|$", section[1] if section else "", re.MULTILINE)


def wrong_tests(cell):
    wrong = list(filter(None, map(missing_test, re.findall(r"`([^`]+)`", cell))))
    if "`" not in cell and not cell.startswith("none: "):
        wrong.append("it names no test, and does not say why")
    return wrong


def sentences(text):
    """What a page says outside of its examples: sentences, items and cells of tables, in one line each."""
    text = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^\s*(#+|-|\d+\.)\s+", "\n", text, flags=re.MULTILINE)
    text = re.sub(r"^\|(.*)\|$", lambda row: "\n\n" + row[1].replace(" | ", "\n\n") + "\n", text, flags=re.MULTILINE)
    for block in re.split(r"\n\s*\n", text):
        for sentence in re.split(r"(?<=[.:;])\s+", " ".join(block.split())):
            if sentence:
                yield sentence


def is_quoted(sentence, quotes):
    """A row quotes a part of the sentence, or more than it."""
    return any(quote in sentence or (len(sentence) > 7 and sentence in quote) for quote in quotes)


def promises():
    rows = rows_of("Promises")
    for name in PAGES:
        text = (TESTS.parent / name).read_text(encoding="utf-8")
        flat = " ".join(re.sub(r"^ *(?:-|\d+\.) +", "", text, flags=re.MULTILINE).split())
        quotes = [(quote, cell) for page, quote, cell in rows if page == name]
        for quote, cell in quotes:
            gone = [] if quote in flat else [f"{name} does not say so"]
            yield f"promise: {quote[:60]}", gone + wrong_tests(cell)
        for sentence in sentences(text):
            if STRONG.search(sentence):
                known = is_quoted(sentence, [quote for quote, _ in quotes])
                yield f"{name}: {sentence}", [] if known else ["a promise without a row in Promises"]


def traps():
    rows = [row for row in rows_of("Traps") if row[0].isdigit()]
    for number in range(1, TRAPS + 1):
        of_it = [tests for n, _, tests in rows if int(n) == number]
        if len(of_it) != 1:
            yield f"trap {number}", [f"it has {len(of_it)} rows in README.md"]
            continue
        yield f"trap {number}", wrong_tests(of_it[0])


def main():
    passed = failed = 0
    of_bugs = [result for table in BUGS.items() for result in bugs(*table)]
    for where, wrong in [*of_bugs, *traps(), *promises()]:
        passed, failed = passed + (not wrong), failed + bool(wrong)
        for what in wrong:
            print(f"{where}: {what}")
    print(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
