"""`python -m sandbox` plays the demo; `make demo` calls it."""

from __future__ import annotations

import argparse
import sys

from .demo import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description="Plays the main job on this machine.")
    parser.add_argument("--store", metavar="API_PATH", help="play the reading steps against this real store")
    return run(parser.parse_args().store)


if __name__ == "__main__":
    sys.exit(main())
