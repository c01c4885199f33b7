#!/usr/bin/python3
"""Prints a manual page made of sections of a page in Markdown: manual.py PAGE NAME VERSION

    NAME "gateway.toml": gateway.toml(5), every key of that file
    NAME "sallyport-policy": sallyport-policy(5), the policy language

PAGE is policies/README.md, which the unit tests hold to the tables of keys in the program. Called by the
build, so that the manual cannot say something else than the reference.
"""

import re
import sys

# Name -> what stands behind the name, and the chapters ("# ...") of which the page consists. The first
# chapter is what stands before all others.
PAGES = {
    "gateway.toml": ("configuration of the MQTT gateway sallyport",
                     ["## Values", "# gateway.toml"]),
    "sallyport-policy": ("policy language of the MQTT gateway sallyport",
                         ["## Values", "# The policy language"]),
}


def escaped(text):
    return text.replace("\\", "\\e").replace("-", "\\-")


def guarded(line):
    """A line of text, which roff must not take for a request."""
    return "\\&" + line if line[:1] in (".", "'") else line


def inline(text):
    """Code and strong text are bold; of links the text stays."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    parts = re.split(r"(`[^`]*`)", text)
    done = []
    for part in parts:
        if part.startswith("`"):
            done.append(f"\\fB{escaped(part[1:-1])}\\fR")
        else:
            part = re.sub(r"\*\*(.+?)\*\*", "\1\\1\2", escaped(part))
            part = re.sub(r"(?<!\w)\*(\S.*?)\*(?!\w)", "\3\\1\2", part)
            done.append(part.replace("\1", "\\fB").replace("\3", "\\fI").replace("\2", "\\fR"))
    return guarded("".join(done))


def chapters(text):
    """Title -> lines, for titles of the first level, and "## Values"."""
    found, title, fenced = {}, "", False
    for line in text.splitlines():
        fenced ^= line.startswith("```")
        if not fenced and (re.match(r"# ", line) or line == "## Values"):
            title = line
        found.setdefault(title, []).append(line)
    return found


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").replace("\\|", "\0").split("|")]


def table(lines):
    """The first cell is what a row is about; the others say something about it, under their title."""
    titles = cells(lines[0])
    for line in lines[2:]:
        first, *rest = (cell.replace("\0", "|") for cell in cells(line))
        yield ".TP"
        yield inline(first)
        said = [f"{title[0].upper()}{title[1:]}: {cell}" if title else cell for title, cell in zip(titles[1:], rest) if cell]
        yield inline(". ".join(part.rstrip(".") for part in said) + ".")


def body(lines):
    at = 0
    while at < len(lines):
        line = lines[at]
        if line.startswith("```"):
            end = lines.index("```", at + 1)
            yield from [".PP", ".RS 4", ".nf"]
            yield from (guarded(escaped(code)) for code in lines[at + 1:end])
            yield from [".fi", ".RE"]
            at = end
        elif heading := re.match(r"(#+) (.*)", line):
            text = re.sub(r"`", "", heading[2])
            yield f'.SH "{escaped(text.upper())}"' if len(heading[1]) < 3 else f'.SS "{escaped(text)}"'
        elif line.startswith("|"):
            end = at
            while end < len(lines) and lines[end].startswith("|"):
                end += 1
            yield from table(lines[at:end])
            at = end - 1
        elif item := re.match(r"(-|\d+\.) +(.*)", line):
            mark = "\\(bu" if item[1] == "-" else item[1]
            yield f".IP {mark} 4"
            yield inline(item[2])
        elif line.strip():
            if at > 0 and not lines[at - 1].strip():
                yield ".PP"
            yield inline(line.strip())
        at += 1


def main():
    path, name, version = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        found = chapters(file.read())
    about, wanted = PAGES[name]
    print(f'.\\" Made of {path.rsplit("/", 1)[-1]} by manual.py.')
    print(f'.TH "{escaped(name.upper() if "." not in name else name)}" 5 "" "sallyport {version}" "File Formats"')
    print(f".SH NAME\n{escaped(name)} \\- {about}")
    before = ""
    for line in (line for title in wanted for line in body(found[title])):
        if line != ".PP" or not before.startswith(".S"):  # a heading begins a paragraph
            print(line)
        before = line
    print(".SH SEE ALSO\n.BR sallyport (1),")
    others = [other for other in PAGES if other != name]
    print(f".BR {escaped(others[0])} (5)")


if __name__ == "__main__":
    main()
