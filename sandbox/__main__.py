"""`python -m sandbox` plays the demo, or stays to be played with; `make demo` and `make sandbox` call it."""

from __future__ import annotations

import argparse
import sys

from .demo import run
from .playground import stay


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description="Plays the main job on this machine.")
    parser.add_argument("--store", metavar="API_PATH", help="play the reading steps against this real store")
    parser.add_argument("--stay", action="store_true", help="start the store and AWS, and play nothing")
    given = parser.parse_args()
    return stay() if given.stay else run(given.store)


if __name__ == "__main__":
    sys.exit(main())
