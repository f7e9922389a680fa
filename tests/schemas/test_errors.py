"""One tree of errors, each also a builtin; one grammar; unknown names come with their neighbours."""

import inspect

import pytest

from t2c.schemas import errors
from t2c.schemas.errors import LogicError, StoreError, T2CError, UnknownName, expected, nearest, unknown

BUILTINS = {
    "SpecError": ValueError,
    "LogicError": ValueError,
    "InputError": ValueError,
    "UnknownName": LookupError,
    "MismatchError": ValueError,
    "WeightsMissing": FileNotFoundError,
    "MissingExtra": ImportError,
    "PlanError": MemoryError,
    "StoreError": OSError,
    "CorruptError": OSError,
    "BusyError": BlockingIOError,
    "ConflictError": OSError,
    "StoreWriteError": OSError,
}


def classes() -> dict[str, type[Exception]]:
    found = {name: value for name, value in vars(errors).items() if inspect.isclass(value)}
    return {name: value for name, value in found.items() if issubclass(value, T2CError) and value is not T2CError}


def test_every_class_is_ours_and_a_builtin() -> None:
    assert set(classes()) == set(BUILTINS)
    for name, found in classes().items():
        assert issubclass(found, T2CError)
        assert issubclass(found, BUILTINS[name])
        assert found.__doc__


def test_the_tree_drawn_in_the_module_is_the_tree() -> None:
    drawn = [line.strip("│├└─ ") for line in (errors.__doc__ or "").splitlines() if "──" in line]
    assert [line.split()[0] for line in drawn] == list(classes())


def test_bytes_on_disk_share_a_branch() -> None:
    for name in ("CorruptError", "BusyError", "ConflictError", "StoreWriteError"):
        assert issubclass(classes()[name], StoreError)


def test_messages_survive_whatever_builtin_they_mix_with() -> None:
    for name, found in classes().items():
        error = found("what: expected a, but got b", position=3) if name == "LogicError" else found("what: a, b")
        assert str(error).startswith("what: ")


def test_a_logic_error_carries_its_position() -> None:
    assert LogicError("x", position=7).position == 7


def test_the_grammar() -> None:
    assert expected("alpha", "a rate", "7") == "alpha: expected a rate, but got 7"
    assert expected("alpha", "a rate", "7", "Try 0.05.") == "alpha: expected a rate, but got 7. Try 0.05."


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("dgo", "Did you mean 'dog'?"),
        ("DOG", "Did you mean 'dog'?"),
        ("in a treee", "Did you mean 'In a Tree'?"),
        ("zzzz", ""),
    ],
)
def test_nearest_names_ignore_case(name: str, wanted: str) -> None:
    assert nearest(name, ["dog", "cat", "In a Tree"]) == wanted


def test_nearest_names_are_at_most_three() -> None:
    assert nearest("red1", ["red2", "red3", "red4", "red5"]).count("red") == 3


def test_unknown_says_what_there_is() -> None:
    error = unknown("concept", "dgo", ["dog", "cat", "dog"], todo="Add it with: t2c concepts add")
    assert isinstance(error, UnknownName)
    assert str(error) == (
        "concept: expected one of 'cat', 'dog', but got 'dgo'. Did you mean 'dog'? Add it with: t2c concepts add"
    )


def test_unknown_lists_eight_at_most_and_says_when_there_is_none() -> None:
    assert "'n7', ..., but got 'x'" in str(unknown("name", "x", [f"n{i}" for i in range(9)]))
    assert str(unknown("name", "x", [])) == "name: expected a name that exists (there is none yet), but got 'x'"
