"""Precision, recall and base rate are the shares they are called."""

from t2c.flows.demo.retrieval import retrieval


def test_shares_follow_from_the_counts():
    result = retrieval([1, 2, 3, 4], [3, 4, 5], searched=30)
    assert (result.precision, result.recall, result.base_rate) == (0.5, 2 / 3, 0.1)


def test_nothing_found_and_nothing_to_find_give_0():
    assert retrieval([], [1], searched=10).precision == 0.0
    assert retrieval([1], [], searched=10).recall == 0.0
    assert retrieval([], [], searched=0).base_rate == 0.0
