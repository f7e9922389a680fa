"""Beam search keeps the best texts of each vector; texts that have ended compete as they are."""

import torch

from t2c.core.words.language.beams import grow, starts

ENDS = torch.tensor([False, False, False, True])


def log_p(*rows: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(rows).log()


def test_each_vector_keeps_its_own_best_tokens() -> None:
    beams = grow(starts(2), log_p((0.5, 0.3, 0.2, 0), (0.1, 0.2, 0.7, 0)), ends=ENDS, width=2)
    assert [(beam.vector, beam.tokens, beam.row) for beam in beams] == [
        (0, (0,), 0),
        (0, (1,), 0),
        (1, (2,), 1),
        (1, (1,), 1),
    ]


def test_a_text_that_ends_keeps_its_tokens_and_takes_no_row() -> None:
    first = grow(starts(1), log_p((0.6, 0.4, 0, 0)), ends=ENDS, width=2)
    second = grow(first, log_p((0.05, 0.05, 0, 0.9), (0.1, 0.9, 0, 0)), ends=ENDS, width=2)
    assert [(beam.tokens, beam.ended) for beam in second] == [((0,), True), ((1, 1), False)]
    third = grow(second, log_p((0.1, 0.1, 0.8, 0)), ends=ENDS, width=2)
    assert [(beam.tokens, beam.ended, beam.steps) for beam in third] == [((0,), True, 2), ((1, 1, 2), False, 3)]


def test_texts_of_different_lengths_compare_by_the_mean() -> None:
    first = grow(starts(1), log_p((0.6, 0.4, 0, 0)), ends=ENDS, width=2)
    second = grow(first, log_p((0, 0, 0.1, 0.3), (0.0, 0.9, 0, 0)), ends=ENDS, width=1)
    assert second[0].tokens == (1, 1)
    assert second[0].score == log_p((0.4, 0.9)).mean()


def test_a_token_of_no_probability_is_never_taken() -> None:
    assert len(grow(starts(1), log_p((1.0, 0, 0, 0)), ends=ENDS, width=4)) == 1


def test_ties_go_to_the_earlier_beam() -> None:
    first = grow(starts(1), log_p((0.5, 0.5, 0, 0)), ends=ENDS, width=2)
    second = grow(first, log_p((1.0, 0, 0, 0), (1.0, 0, 0, 0)), ends=ENDS, width=1)
    assert second[0].row == 0
    assert second[0].tokens[0] == first[0].tokens[0]
