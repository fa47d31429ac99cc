"""`python -m bench [NAME]`: one benchmark, or all of them, each in turn."""

import importlib
import sys

from bench.figures import publish

BENCHMARKS = {
    "availability": "bench.availability.run",
    "file-loads": "bench.file_loads",
    "receiver": "bench.receiver",
    "mailroom": "bench.mailroom",
    "reports": "bench.reports",
    "incidents": "bench.incidents",
    "console": "bench.console",
    "operate": "bench.operate",
}


def main(names: list[str]) -> int:
    """Run what is asked for; exit code 1 when a figure misses its target, 2 for a name that is none."""
    if unknown := [name for name in names if name not in BENCHMARKS]:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    held = True
    for name in names or list(BENCHMARKS):
        figures = importlib.import_module(BENCHMARKS[name]).run()
        print(f"written: {publish(name, figures)}", file=sys.stderr)
        held = held and all(figure.holds is not False for figure in figures)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
