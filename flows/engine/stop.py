"""Ctrl-C and SIGTERM as a polite request: the step finishes what is quick, keeps it, and then ends as asked; and the exit codes of every command."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

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

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Set by the first signal; a second Ctrl-C interrupts at once."""

    def __init__(self) -> None:
        self.signal: int | None = None
        """Number of the signal that came, None while none did."""

    def __call__(self) -> bool:
        """Tell whether to stop."""
        return self.signal is not None

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Note the first signal; raise KeyboardInterrupt on the next."""
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number

    def leave(self) -> None:
        """End as the signal asks: KeyboardInterrupt for Ctrl-C (exit code 130), SystemExit(143) for SIGTERM."""
        if self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        if self.signal is not None:
            raise SystemExit(128 + self.signal)


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Yield a Stop that catches SIGINT and SIGTERM during the block; in another thread than the main one it never stops."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.handle) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
