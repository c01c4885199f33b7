#!/usr/bin/python3
"""Makes a header of a page, so that the program carries it: embed.py PAGE.html HEADER.h

Beside the page stands its Content-Security-Policy, which lets the browser run the page's own script
and style, by their hashes, and nothing else.
"""

import base64
import hashlib
import re
import sys

PIECE = 8000  # characters of a literal; compilers need not take longer ones than 65,536
MARK = "page"


def hashes(page, tag):
    found = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    if not found:
        sys.exit(f"embed.py: the page has no <{tag}>")
    digest = (hashlib.sha256(text.encode()).digest() for text in found)
    return " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in digest)


def policy(page):
    return "; ".join([
        "default-src 'none'",
        f"script-src {hashes(page, 'script')}",
        f"style-src {hashes(page, 'style')}",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ])


def main():
    source, target = sys.argv[1:]
    with open(source, encoding="utf-8") as file:
        page = file.read()
    if f"){MARK}\"" in page:
        sys.exit("embed.py: the page holds the mark that ends a literal")
    pieces = [page[at:at + PIECE] for at in range(0, len(page), PIECE)]
    literal = "\n".join(f'    R"{MARK}({piece}){MARK}"' for piece in pieces)
    with open(target, "w", encoding="utf-8") as file:
        file.write(f"""// Made by src/observe/embed.py of status.html.
#pragma once

#include <string_view>

namespace sallyport::observe {{

inline constexpr std::string_view kStatusHtml =
{literal};
inline constexpr std::string_view kStatusSecurityPolicy = "{policy(page)}";

}}  // namespace sallyport::observe
""")


if __name__ == "__main__":
    main()
