"""The `t2c` command."""

from t2c.flows.cli.app import main

__all__ = ["main"]
