"""A plan that does not fit is refused with both numbers in human units."""

import os

import pytest

from t2c.flows.engine.memory import available_bytes, check_memory, human_bytes
from t2c.schemas.errors import PlanError


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (2**31, "2.0 GiB"), (2**51, "2048.0 TiB")],
)
def test_bytes_are_said_as_people_read_them(count: int, text: str) -> None:
    assert human_bytes(count) == text


def test_a_plan_that_does_not_fit_is_refused_with_both_numbers() -> None:
    with pytest.raises(PlanError, match=r"memory for align: expected 2.0 GiB free, but got 1.0 GiB. Use fewer folds."):
        check_memory("align", 2**31, available=2**30, todo="Use fewer folds.")
    check_memory("align", 2**30, available=2**30)


@pytest.mark.parametrize("system", ["macOS", "Windows"])
def test_a_system_that_does_not_count_free_memory_refuses_no_plan(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_table(*_: object, **__: object) -> None:
        raise FileNotFoundError

    def no_such_name(name: str) -> int:
        raise ValueError(name)

    monkeypatch.setattr("builtins.open", no_table)
    if system == "Windows":
        monkeypatch.delattr(os, "sysconf")
    else:
        monkeypatch.setattr(os, "sysconf", no_such_name)
    assert available_bytes() is None
    check_memory("align", 2**60)


def test_this_machine_says_what_it_has() -> None:
    there = available_bytes()
    assert there is not None
    assert there > 2**20
