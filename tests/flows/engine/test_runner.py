"""The in-process runner: in order, lazily, errors where they are due."""

import pytest

from t2c.flows.engine.runner import SerialRunner, runner_for


def reciprocal(value: int) -> float:
    return 1 / value


def test_results_come_in_the_order_of_the_items() -> None:
    assert list(SerialRunner().map(reciprocal, [4, 2, 1])) == [0.25, 0.5, 1.0]


def test_an_error_comes_after_the_results_before_it() -> None:
    results = SerialRunner().map(reciprocal, [2, 0, 1])
    assert next(results) == 0.5
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_an_item_is_taken_only_when_its_result_is_asked_for() -> None:
    items = iter([1, 2])
    next(SerialRunner().map(reciprocal, items))
    assert next(items) == 2


def test_no_address_runs_in_this_process() -> None:
    with runner_for(None) as runner:
        assert isinstance(runner, SerialRunner)
        assert runner.parallel == 1
