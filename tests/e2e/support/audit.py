"""Holds audit logs against their published schemas, line by line."""

import copy
import functools
import glob
import json
import os
import re

import jsonschema

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

_SCHEMAS = {"native": "audit.schema.json", "ecs": "audit-ecs.schema.json",
            "ocsf": "audit-ocsf.schema.json"}
# Texts that clients choose: any text will do, so lines that differ in nothing else are one.
_FREE = {"topic", "client_id", "username", "will", "id", "uid"}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@functools.cache
def validator(audit_format):
    with open(os.path.join(ROOT, "deploy", _SCHEMAS[audit_format]), encoding="utf-8") as file:
        schema = json.load(file)
    kind = jsonschema.Draft202012Validator
    kind.check_schema(schema)
    return kind(schema, format_checker=jsonschema.FormatChecker(("ipv4", "ipv6")))


def _shape(value, key=""):
    """What of a line the schema may have something to say about."""
    if isinstance(value, dict):
        return tuple((name, _shape(one, name)) for name, one in value.items())
    if isinstance(value, list):
        return tuple(_shape(one, key) for one in value)
    if isinstance(value, str):
        if key in _FREE:
            return len(value) // 128
        return "time" if _TIME.fullmatch(value) else value
    if isinstance(value, int) and not isinstance(value, bool) and value > 99:
        return "large" if value < 2**53 else value
    return (type(value).__name__, value)


def check_text(text, audit_format="native"):
    """Every line is whole, is JSON without a key twice, and is as the schema says; the lines."""
    assert not text or text.endswith("\n"), f"the last line is not whole: {text[-200:]!r}"
    seen, lines = set(), []
    # Not splitlines(): U+2028 and the like would have to be escaped, and this is how one finds out.
    for line in text.split("\n")[:-1]:
        parsed = json.loads(line, object_pairs_hook=_no_key_twice)
        lines.append(parsed)
        shape = _shape(parsed)
        if shape in seen:
            continue
        seen.add(shape)
        error = jsonschema.exceptions.best_match(validator(audit_format).iter_errors(parsed))
        assert error is None, f"not as deploy/{_SCHEMAS[audit_format]} says: {error.message} " \
                              f"(at {list(error.absolute_path)}) in {line}"
    return lines


def _no_key_twice(pairs):
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"a key stands twice: {keys}"
    return dict(pairs)


def check_files(path, audit_format):
    """The log and what it was renamed to."""
    for name in sorted(glob.glob(glob.escape(path) + "*")):
        if os.path.isfile(name):
            with open(name, encoding="utf-8", newline="") as file:
                check_text(file.read(), audit_format)


def mutations(line):
    """Lines that are wrong, each for one reason, so that the check can be seen to fail."""
    for key in line:
        without = copy.deepcopy(line)
        del without[key]
        yield f"without {key}", without
    yield "with an unknown key", {**line, "unknown": 1}
