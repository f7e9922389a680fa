"""Cores are those a process may run on, or all of them where the system does not bind processes."""

import os

import pytest

from t2c.flows.engine.machine import cores


def test_a_process_bound_to_some_cores_counts_those(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5, 7}, raising=False)
    assert cores() == 3


@pytest.mark.parametrize(("all_cores", "usable"), [(12, 12), (None, 1)])
def test_without_affinity_all_cores_count(all_cores: int | None, usable: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: all_cores)
    assert cores() == usable
