"""Run the command with `python -m flows.cli`."""

from flows.cli import main

main()
