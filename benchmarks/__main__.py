"""Run every benchmark, or those named: `python -m benchmarks [extraction closed_form logic ks] [--write]`."""

import argparse
import importlib
import os
import platform
import sys
from datetime import UTC, datetime

from benchmarks.harness import Row, results_file, table

GROUPS = (
    "closed_form",
    "sgd",
    "pairs",
    "curves",
    "ks",
    "logic",
    "facade",
    "extraction",
    "decode",
    "prominence",
    "proposals",
    "suite",
    "trust",
    "bottleneck",
    "language",
)


def measure(groups: list[str]) -> dict[str, list[Row]]:
    """Run the groups in turn, printing each table as it comes."""
    results: dict[str, list[Row]] = {}
    for group in groups:
        print(f"\n## {group}\n", flush=True)
        results[group] = importlib.import_module(f"benchmarks.{group}").rows()
        print(table(results[group]), flush=True)
    return results


def write(results: dict[str, list[Row]]) -> None:
    """Write RESULTS.md: the machine, the command behind each table, the tables."""
    day = datetime.now(UTC).date().isoformat()
    parts = [
        "# Benchmark results",
        f"Written by `make bench` on {day}: Python {platform.python_version()}, {platform.machine()}, "
        f"{os.cpu_count()} cores. Ratios are medians over pairs run in turn (smallest to largest in brackets); "
        "single times are medians of warm calls. The machine is noisy: quote ratios, not times.",
    ]
    for group, rows in results.items():
        parts += [f"## {group}", f"`python -m benchmarks {group}`", table(rows)]
    results_file().write_text("\n\n".join(parts) + "\n")
    print(f"\nwrote {results_file()}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], help="which groups; all when none is named")
    parser.add_argument("--write", action="store_true", help="keep the tables in benchmarks/RESULTS.md")
    options = parser.parse_args()
    results = measure(options.groups or list(GROUPS))
    if options.write or not options.groups:
        write(results)
    return 0 if all(row.held for rows in results.values() for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
