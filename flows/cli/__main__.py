"""Run the command with `python -m t2c.flows.cli`."""

from t2c.flows.cli import main

main()
