"""The picture of the README, by gnuplot: what everybody costs, the gateway's cost being 1."""

import subprocess

from measure.process import Failure, need

BARS = (("exchange", "instructions", "QoS 1\\nexchange\\ninstructions"),
        ("exchange", "calls", "QoS 1\\nexchange\\nsystem calls"),
        ("publish", "instructions", "QoS 0 64 B\\nat full speed\\ninstructions"),
        ("publish-x64", "cpu_us", "64 messages\\na TLS record\\nCPU time"),
        ("publish-4k", "cpu_us", "QoS 0 4 KiB\\nat full speed\\nCPU time"),
        ("delivery-64", "cpu_us", "delivery\\n64 B\\nCPU time"),
        ("delivery-64-full", "cpu_us", "delivery 64 B\\nat full speed\\nCPU time"),
        ("delivery-4k", "cpu_us", "delivery 4 KiB\\nat full speed\\nCPU time"),
        ("handshake", "instructions", "TLS\\nhandshake\\ninstructions"),
        ("memory", "bytes", "idle\\nconnection\\nmemory"))
COLOURS = {"gateway": "#1f6f8b", "haproxy": "#e07a3f", "nginx": "#6aa84f", "stunnel": "#9a8fb8",
           "mosquitto": "#b0b0b0"}
TOP = 4.0   # a bar that is longer is cut, and says how long it would be


def script(result, path):
    works = result["works"]
    names = [name for name in result["contenders"]
             if any(name in works.get(work, {}).get(figure, {}) for work, figure, _ in BARS)]
    data, labels = [], []
    for column, (work, figure, label) in enumerate(BARS):
        found = works.get(work, {}).get(figure, {})
        cells = [f'"{label}"']
        for place, name in enumerate(names):
            if name not in found or "gateway" not in found:
                cells.append("NaN")
                continue
            ratio = found[name] / found["gateway"]
            cells.append(f"{min(ratio, TOP):.4f}")
            if ratio > TOP:
                at = column + (place - (len(names) - 1) / 2) / (len(names) + 1)
                labels.append(f'set label "{ratio:.0f}" at {at:.3f},{TOP + 0.12} center '
                              'font ",9" textcolor rgb "#444444"')
        data.append(" ".join(cells))
    plots = ", ".join(
        f"$figures using {place + 2}{':xtic(1)' if place == 0 else ''} "
        f"title \"{result['contenders'][name]['title']}\" linecolor rgb \"{COLOURS[name]}\""
        for place, name in enumerate(names))
    return "\n".join([
        'set terminal svg size 960,400 font "sans-serif,10" background "#ffffff"',
        f'set output "{path}"',
        "$figures << END", *data, "END",
        "set style data histogram",
        "set style histogram clustered gap 1",
        "set style fill solid 1.0 noborder",
        f"set yrange [0:{TOP + 0.3}]",
        "set ytics 1 nomirror textcolor rgb '#444444'",
        "set grid ytics linetype 1 linecolor rgb '#dddddd'",
        "set xtics scale 0 nomirror textcolor rgb '#222222'",
        "set border 1 linecolor rgb '#888888'",
        'set title "Cost per message, handshake and connection; Sallyport = 1, less is better" '
        'font ",13"',
        "set key tmargin center horizontal samplen 1 width 2",
        "set bmargin 4.5",
        *labels, f"plot {plots}", ""])


def draw(result, path):
    done = subprocess.run([need("gnuplot", "gnuplot-nox")], input=script(result, path),
                          capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise Failure(f"gnuplot: {done.stderr[-1000:]}")
