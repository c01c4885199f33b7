"""Figures as people read them: lines for a terminal, and the table of bench/README.md."""

from measure.targets import BEST, TARGETS, value

UNITS = {"instructions": "instructions", "calls": "system calls", "cpu_us": "µs of CPU time",
         "bytes": "KiB", "gb_per_s": "GB/s"}
BEGIN, END = "<!-- compare: begin -->", "<!-- compare: end -->"


def number(figure, value):
    """Three digits that count."""
    if figure == "instructions":
        if value >= 1e6:
            return f"{value / 1e6:.2f} M"
        return f"{value / 1e3:.1f} k" if value >= 1e4 else f"{value:,.0f}"
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


def limit_text(target):
    sign = "≥" if target.at_least else "≤"
    if target.to == BEST:
        return f"{sign} {target.limit:g} × the best"
    if target.to:
        return f"{sign} {target.limit:g}"
    return f"{sign} {number(target.figure, target.limit)}"


def reached_text(target, works, titles):
    got, best = value(target, works)
    if got is None:
        return "not measured"
    fine = got >= target.limit if target.at_least else got <= target.limit
    word = "yes" if fine else "**no**"
    if target.to == BEST:
        return f"{word}: {got:.2f} × {titles[best]}'s"
    return word


def table(result):
    """Markdown."""
    works = result["works"]
    titles = {name: contender["title"] for name, contender in result["contenders"].items()}
    rows = [["work"] + list(titles.values()) + ["target", "reached"],
            ["---"] + ["---:"] * len(titles) + ["---", "---"]]
    for target in TARGETS:
        found = works.get(target.work, {}).get(target.figure, {})
        cells = [target.label]
        for name in titles:
            if target.of == "gateway":
                cells.append(number(target.figure, found[name]) if name in found else "–")
            elif name == "gateway" and target.to and target.of in found:
                cells.append(f"{found[target.of] / found[target.to]:.3f}")
            elif name == "gateway" and target.of in found:
                cells.append(number(target.figure, found[target.of]))
            else:
                cells.append("")
        rows.append(cells + [limit_text(target), reached_text(target, works, titles)])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows) + "\n"


def beside(result):
    """Markdown: what is of interest and has no target: CPU time and system calls of other rows."""
    titles = {name: contender["title"] for name, contender in result["contenders"].items()}
    known = {(target.work, target.figure) for target in TARGETS}
    rows = [["work", "figure"] + list(titles.values()), ["---", "---"] + ["---:"] * len(titles)]
    for name, work in result["works"].items():
        for figure, unit in UNITS.items():
            if figure in work and (name, figure) not in known:
                rows.append([f"`{name}`", unit] + [
                    number(figure, work[figure][contender]) if contender in work[figure] else "–"
                    for contender in titles])
    return "\n".join("| " + " | ".join(cells) + " |" for cells in rows) + "\n"


def conditions(result):
    """Markdown: where and with what it was measured."""
    machine = result["machine"]
    versions = ", ".join(f"{one['title']} {one['version']}" for one in result["contenders"].values())
    text = (f"Measured {result['date']} on {machine['cores']} cores of an {machine['cpu']}, "
            f"{machine['system']}, with {versions}; compiler {result['compiler']}, "
            f"{result['tools']}.\n")
    for warning in result["warnings"]:
        text += f"\nNot quite as it should be: {warning}.\n"
    return text


def page(result):
    return (f"{conditions(result)}\n{table(result)}\nWithout targets:\n\n{beside(result)}")


def put_between_marks(path, text):
    """Replaces what stands between the two marks in a file; True where they are there."""
    with open(path, encoding="utf-8") as file:
        before = file.read()
    begin, end = before.find(BEGIN), before.find(END)
    if begin < 0 or end < begin:
        return False
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"{before[:begin + len(BEGIN)]}\n{text}{before[end:]}")
    return True
