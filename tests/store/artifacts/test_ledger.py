"""A ledger entry survives as JSON, names its missing rows as ranges, and counts for nothing when damaged."""

import pytest

from t2c.store.artifacts.ledger import LedgerEntry, parse, render, row_ranges

ENTRY = LedgerEntry(1, 4, 8, "ab", ((4, 5), (6, 8)))


def test_render_and_parse_are_inverse() -> None:
    assert parse(render(ENTRY)) == ENTRY


@pytest.mark.parametrize("data", [None, b"", b"{", b"[]", b"null", b"{}", b'{"missing": [[1]]}'])
def test_damage_counts_as_not_there(data: bytes | None) -> None:
    assert parse(data) is None


def test_clip_keeps_missing_rows_before_a_row() -> None:
    assert [ENTRY.clip(stop) for stop in (4, 5, 7, 8)] == [(), ((4, 5),), ((4, 5), (6, 7)), ((4, 5), (6, 8))]


def test_rows_become_ranges() -> None:
    assert row_ranges([]) == ()
    assert row_ranges([7]) == ((7, 8),)
    assert row_ranges([0, 1, 2, 4, 6, 7]) == ((0, 3), (4, 5), (6, 8))
