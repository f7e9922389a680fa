"""`t2c align --method`: every aligner from the command line, its options checked, what it needed shown."""

import json

import pytest

from t2c.flows.cli.app import run
from t2c.flows.engine.stop import EXIT_USAGE
from tests.planted.features import SOURCE, TARGET, Planted

SIDES = ["--source", SOURCE.name, "--target", TARGET.name]


@pytest.fixture
def t2c(planted: Planted, capsys: pytest.CaptureFixture[str]):
    """Return a function that runs `t2c align photos` and returns (exit code, standard output, error output)."""
    planted.dataset("photos", 300, label=[("red", "blue")[row % 2] for row in range(300)])
    planted.bank()

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["align", "photos", *SIDES, *arguments, "--store", planted.store.url])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.mark.parametrize(
    ("arguments", "aligner"),
    [
        ([], "ridge"),
        (["--ridge", "0"], "least-squares"),
        (["--method", "least-squares"], "least-squares"),
        (["--method", "procrustes"], "procrustes"),
        (["--method", "low-rank", "--rank", "2"], "low-rank"),
        (["--method", "sgd", "--preset", "authors", "--folds", "0", "--device", "cpu"], "sgd"),
        (["--method", "data-free", "--head", "probe", "--source-head", "probe"], "data-free"),
        (
            ["--method", "cross-entropy", "--head", "zeroshot:everyday", "--classes", "red, blue", "--device", "cpu"],
            "cross-entropy",
        ),
    ],
)
def test_every_method_is_a_word_away(t2c, arguments: list[str], aligner: str) -> None:
    code, out, err = t2c(*arguments, "--json")
    assert (code, err) == (0, "")
    said = json.loads(out)
    assert said["report"]["aligner"] == said["certificate"]["aligner"] == aligner
    assert said["certificate"]["held_out"]["n"] > 0
    assert said["wrote"]


def test_what_it_minimised_and_needed_is_readable_at_80_columns(t2c, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = t2c("--method", "sgd", "--device", "cpu", "--epochs", "1", "--folds", "0")
    assert code == 0
    assert "  minimised: mean squared error of scaled features by 1 epochs of SGD" in out
    assert "  needed: features of both encoders on the same images" in out
    assert "mean cosine" in out
    assert "next  t2c score photos --source timm:planted --concepts BANK --map " in out
    assert max(len(line) for line in out.splitlines() if not line.startswith(("wrote", "next"))) <= 80


@pytest.mark.parametrize("value", ["inf", "nan"])
@pytest.mark.parametrize(
    ("method", "option"),
    [
        ("ridge", "ridge"),
        ("sgd", "learning_rate"),
        ("sgd", "weight_decay"),
        ("cross-entropy", "temperature"),
    ],
)
def test_numbers_of_options_are_finite(t2c, method: str, option: str, value: str) -> None:
    code, _, err = t2c("--method", method, f"--{option.replace('_', '-')}", value)
    assert code == EXIT_USAGE
    assert f"align: {option}: expected a finite number, but got {value}" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--method", "sgd", "--rank", "3"],
            "--rank: expected a method that takes it (low-rank), but got --method sgd",
        ),
        (["--method", "low-rank"], "--rank: expected a number of dimensions for --method low-rank, but got none"),
        (["--folds", "0"], "--folds: expected 2 to 16, but got 0"),
        (["--method", "sgd", "--device", "tpu"], "device: expected auto or one that is here"),
    ],
)
def test_options_that_do_not_fit_are_usage_errors(t2c, arguments: list[str], message: str) -> None:
    code, _, err = t2c(*arguments)
    assert code == EXIT_USAGE
    assert message in err
