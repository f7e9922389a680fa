"""The exit codes of every command: one meaning each, the same from the terminal, an audit and a deployment."""

EXIT_ERROR = 1
"""Something went wrong; the message says what to type next."""
EXIT_USAGE = 2
"""What was typed, or written in a file, is not valid."""
EXIT_DRIFT = 3
"""Drift was found where the user asked to fail on it."""
EXIT_INTERRUPTED = 130
"""Ctrl-C; the same command goes on."""
EXIT_TERMINATED = 143
"""SIGTERM; the same command goes on."""
