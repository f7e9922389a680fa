"""The first signal is a request, the second an order; handlers are put back."""

import os
import signal
import threading

import pytest

from t2c.flows.engine.stop import Stop, stop_on_signals


def test_the_first_signal_is_noted_and_the_second_interrupts() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_on_signals() as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGINT)
        assert stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_leaving_ends_as_the_signal_asks() -> None:
    stop = Stop()
    stop.leave()
    stop.handle(signal.SIGTERM, None)
    with pytest.raises(SystemExit) as raised:
        stop.leave()
    assert raised.value.code == 143
    stop.signal = signal.SIGINT
    with pytest.raises(KeyboardInterrupt):
        stop.leave()


def test_another_thread_leaves_signals_alone() -> None:
    seen: list[bool] = []

    def work() -> None:
        with stop_on_signals() as stop:
            seen.append(stop())

    thread = threading.Thread(target=work)
    before = signal.getsignal(signal.SIGTERM)
    thread.start()
    thread.join()
    assert seen == [False]
    assert signal.getsignal(signal.SIGTERM) is before
