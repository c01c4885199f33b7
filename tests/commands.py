#!/usr/bin/python3
"""Holds completions and manual pages of a build to the program itself: tests/commands.py BUILD

What `--help` lists, every shell completes and sallyport(1) explains; what the reference lists stands in the
manual of gateway.toml and of the policy language. The last line says "N passed, N failed".
"""

import functools
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PATHS = {"FILE", "PATH"}


def output(*command, **options):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100"}, **options)
    return done.stdout


@functools.cache
def listed(binary, command=()):
    """(subcommands, option -> what stands behind it) as `--help` lists them."""
    section, commands, options = "", [], {}
    for line in output(binary, *command, "--help").splitlines():
        if re.fullmatch(r"[A-Z]\w+:", line):
            section = line
        elif section == "Subcommands:" and (row := re.match(r"  (\w[\w-]*) ", line)):
            commands.append(row[1])
        elif section == "Options:" and (row := re.match(r"  (-\S+)(?: ([A-Z]+))?", line)):
            options |= {name: row[2] for name in row[1].split(",")}
    return commands, options


def bash_completes(script, words):
    """What bash offers behind these words; the last one may have begun."""
    program = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _sallyport; printf "%s\\n" "${COMPREPLY[@]}"'
    return output("bash", "--norc", "-c", program, script, *words).split()


def zsh_offers(script, words):
    """What the function for zsh hands to _describe and _arguments."""
    program = ('_describe() { print -rl -- "${(@P)4}" }; _arguments() { print -rl -- "$@" }; '
               'script=$1; shift; words=("$@"); CURRENT=$#; source $script')
    said = output("zsh", "-f", "-c", program, "zsh", script, *words)
    names = {name for line in said.splitlines() for name in re.findall(r"(?:^|\))(--?\w[\w-]*)\[", line)}
    return names | {line.split(":")[0] for line in said.splitlines() if re.match(r"\w[\w-]*:", line)}


def zsh_types(folder, typed, wanted):
    """Whether a zsh at a terminal makes `wanted` of what is typed, followed by the tabulator key."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.update(TERM="dumb", LC_ALL="C.UTF-8")
        os.execvp("zsh", ["zsh", "-f", "-i"])
    seen = ""
    try:
        setup = "PS1=; PS1='ready> '; fpath=($PWD $fpath); autoload -Uz compinit; compinit -u -D; print SET'UP'\n"
        os.write(terminal, setup.encode())
        end = time.monotonic() + 60
        while time.monotonic() < end and wanted not in seen:
            if select.select([terminal], [], [], 1)[0]:
                seen += os.read(terminal, 65536).decode(errors="replace")
                seen = re.sub(r"\x1b[^a-zA-Z]*[a-zA-Z]|\x07", "", seen)  # what moves the cursor
            if "SETUP\r" in seen and typed:
                os.write(terminal, typed.encode() + b"\t")
                typed = ""
    finally:
        os.write(terminal, b"\x03exit\n")
        os.close(terminal)
        os.waitpid(pid, 0)
    return wanted in seen, seen


def completions(binary, folder):
    commands, own = listed(binary)
    bash, zsh = os.path.join(folder, "sallyport"), os.path.join(folder, "_sallyport")
    yield "the program lists its commands", {"run", "check", "status", "kick"} <= set(commands), commands
    offered = bash_completes(bash, ["sallyport", ""])
    yield "bash completes every command", sorted(offered) == sorted([*commands, *own]), offered
    offered = zsh_offers(zsh, ["sallyport", ""])
    yield "so does zsh", offered == {*commands, *own}, offered
    values = {}
    for command in commands:
        options = listed(binary, (command,))[1]
        offered = {word for word in bash_completes(bash, ["sallyport", command, ""]) if word.startswith("-")}
        yield f"bash completes every option of {command}", offered == set(options), (offered, options)
        offered = {word for word in zsh_offers(zsh, ["sallyport", command, ""]) if word.startswith("-")}
        yield f"so does zsh for {command}", offered == set(options), (offered, options)
        values |= {name: value for name, value in options.items() if value}
    for name, value in values.items():
        offered = bash_completes(bash, ["sallyport", "kick", name, os.path.join(folder, "_sal")])
        wanted = [zsh] if value in PATHS else []
        yield f"bash completes files behind {name}, or nothing", offered == wanted, offered
    yield "bash takes a command that is being typed for no command", bash_completes(
        bash, ["sallyport", "kick"]) == ["kick"], bash_completes(bash, ["sallyport", "kick"])
    yield "bash completes the names of shells", set(bash_completes(
        bash, ["sallyport", "completion", ""])) > {"bash", "zsh"}, ""
    for typed, wanted in (("sallyport sessi", "sallyport sessions"), ("sallyport kick --cert_c", "--cert_cn"),
                          ("sallyport run -c _sal", "_sallyport"), ("sallyport completion b", "bash")):
        good, seen = zsh_types(folder, typed, wanted)
        yield f"zsh makes {wanted} of {typed}", good, repr(seen[-200:])


def manuals(binary, folder):
    commands, own = listed(binary)
    for name in ("sallyport.1", "gateway.toml.5", "sallyport-policy.5"):
        page = os.path.join(folder, name)
        said = output("sh", "-c", 'man --warnings -E UTF-8 -l -Tutf8 -Z "$0" 2>&1 >/dev/null', page)
        said += output("mandoc", "-Tlint", "-Wwarning", page)
        wrong = [line for line in said.splitlines() if "missing date" not in line]
        yield f"neither man nor mandoc has anything to say about {name}", not wrong, wrong
    text = output("man", "-l", os.path.join(folder, "sallyport.1"))
    text = re.sub(r".\x08", "", text)
    parts = dict(zip(["", *commands], re.split(r"^   (?:" + "|".join(commands) + r")$", text, flags=re.MULTILINE)))
    yield "sallyport(1) has every command", set(parts) == {"", *commands}, list(parts)
    for command in ["", *commands]:
        options = listed(binary, (command,))[1] if command else own
        missing = [name for name in options if not re.search(rf"^ +(-\w, )?{name}\b", parts[command], re.MULTILINE)]
        yield f"sallyport(1) has every option of {command or 'the program'}", not missing, missing

    with open(os.path.join(ROOT, "policies/README.md"), encoding="utf-8") as file:
        reference = file.read()
    language, gateway = reference.split("\n# gateway.toml\n", 1)
    for name, part in (("gateway.toml.5", gateway), ("sallyport-policy.5", language.split("\n# The policy language\n")[1])):
        keys = {key for cell in re.findall(r"^\| (`.*?) \|", part, re.MULTILINE) for key in re.findall(r"`([a-z_.]+)`", cell)}
        page = re.sub(r".\x08", "", output("man", "-l", os.path.join(folder, name)))
        missing = [key for key in keys if not re.search(rf"(?<![\w.]){re.escape(key)}(?!\w)", page)]
        yield f"{name} has all of the reference's {len(keys)} keys", len(keys) > 15 and not missing, missing


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    build = os.path.abspath(sys.argv[1])
    binary = os.path.join(build, "src/cli/sallyport")
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="sallyport-commands-") as folder:
        for name in ("sallyport", "_sallyport", "sallyport.1", "gateway.toml.5", "sallyport-policy.5"):
            shutil.copy(os.path.join(build, "deploy", name), folder)
        for look in (completions, manuals):
            for what, good, seen in look(binary, folder):
                passed, failed = passed + bool(good), failed + (not good)
                if not good:
                    print(f"FAILED: {what}: {seen}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
