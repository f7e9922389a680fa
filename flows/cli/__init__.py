"""The `t2c` command."""

from flows.cli.app import main

__all__ = ["main"]
