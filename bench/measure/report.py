"""Figures as people read them."""

UNITS = {"instructions": "instructions", "calls": "system calls", "cpu_us": "µs of CPU time",
         "bytes": "KiB"}


def number(figure, value):
    """Three digits that count."""
    if value is None:
        return "–"
    if figure == "instructions":
        if value >= 1e6:
            return f"{value / 1e6:.2f} M"
        return f"{value / 1e3:.1f} k" if value >= 1e3 else f"{value:.0f}"
    if figure == "bytes":
        return f"{value / 1024:.1f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def lines(name, found):
    """Of one work: what was found, as text for a terminal."""
    for figure, unit in UNITS.items():
        if figure not in found:
            continue
        values = ", ".join(f"{contender} {number(figure, value)}"
                           for contender, value in found[figure].items())
        yield f"{name:16} {unit:16} {values}"
        if figure == "calls":
            for contender, calls in found.get("calls_by_name", {}).items():
                yield f"{'':16} {contender:16} " + ", ".join(
                    f"{call} {count:.2f}" for call, count in calls.items() if count >= 0.01)
