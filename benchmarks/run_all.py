"""Every benchmark, one after the other; `make bench` runs it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = ("judging.py", "rerun.py", "planning.py", "readers.py", "store.py", "database.py")


def main() -> None:
    """Run each in a process of its own."""
    for name in SCRIPTS:
        print(f"== {name}", flush=True)
        subprocess.run([sys.executable, str(Path(__file__).with_name(name))], check=True)


if __name__ == "__main__":
    main()
