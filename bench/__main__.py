"""Runs the benchmarks named on the command line, or all of them."""

import importlib
import sys

BENCHMARKS = {"receiver": "bench.receiver"}


def main(names: list[str]) -> int:
    """Run these; returns 1 when a figure misses its target, 2 for an unknown name."""
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    held = [importlib.import_module(BENCHMARKS[name]).run() for name in names or BENCHMARKS]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
