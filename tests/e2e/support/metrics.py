"""Reads Prometheus' text exposition format."""

import re
import urllib.request

_SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$')
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)",?')


class Metrics:
    """One scrape."""

    def __init__(self, text):
        self.text = text
        self.samples = []    # (name, labels, value)
        self.types, self.helps = {}, {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ", 3)
                self.types[name] = kind
            elif line.startswith("# HELP "):
                _, _, name, text_of = line.split(" ", 3)
                self.helps[name] = text_of
            elif line and not line.startswith("#"):
                match = _SAMPLE.match(line)
                assert match, f"not a sample: {line!r}"
                self.samples.append((match[1], dict(_LABEL.findall(match[2] or "")),
                                     float(match[3])))

    def value(self, name, **labels):
        """Sum of the samples of this name that have these labels; 0 where there is none."""
        return sum(value for sample, has, value in self.samples
                   if sample == name and all(has.get(k) == v for k, v in labels.items()))

    def series(self, name):
        return [(labels, value) for sample, labels, value in self.samples if sample == name]


def get(url, bound=10):
    """(status, text) of an HTTP GET."""
    try:
        with urllib.request.urlopen(url, timeout=bound) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
