"""`python -m bench [NAME]`: one benchmark, or all of them, each in turn."""

import importlib
import pkgutil
import sys

import bench
from bench.figures import publish


def main() -> int:
    """Run what is asked for; exit code 2 for a name that is none."""
    known = sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(bench.__path__) if module.ispkg)
    asked = sys.argv[1:] or known
    if unknown := [name for name in asked if name not in known]:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    for name in asked:
        figures = importlib.import_module(f"bench.{name.replace('-', '_')}.run").run()
        print(f"written: {publish(name, figures)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
