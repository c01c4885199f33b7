#!/usr/bin/python3
"""Installs files that belong to the operator: install_config.py FOLDER SOURCE TARGET [SOURCE TARGET ...]

Called by `meson install`. A TARGET below FOLDER that is there already stays as it is: it may have been
changed. What is newer then lies in the documentation's folder.
"""

import os
import shutil
import sys


def main():
    folder, *names = sys.argv[1:]
    folder = os.environ.get("DESTDIR", "") + folder
    for source, target in zip(names[::2], names[1::2]):
        path = os.path.join(folder, target)
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        if os.path.lexists(path):
            print(f"Keeping {path}")
            continue
        print(f"Installing {source} to {os.path.dirname(path)}")
        shutil.copyfile(source, path)
        os.chmod(path, 0o644)


if __name__ == "__main__":
    main()
