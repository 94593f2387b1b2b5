"""The command line: what the tutorial prints, and how it answers bad values."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from pullback.cli import main

EXAMPLE = Path(__file__).parent.parent / "examples" / "tutorial_scalar.py"
NUMBER = r"-?\d+\.\d{6}"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main(words) == 0
    return capsys.readouterr().out.splitlines()


def test_the_tutorial_prints_predictions_losses_predictions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = run(capsys, "tutorial")
    samples = [rf"Sample {i}: Prediction = {NUMBER}" for i in range(4)]
    losses = [rf"Epoch {n}: Loss = {NUMBER}" for n in range(0, 101, 10)]
    expected = ["First predictions:", *samples, *losses, "Final predictions:", *samples]
    assert len(lines) == len(expected)
    for line, pattern in zip(lines, expected, strict=True):
        assert re.fullmatch(pattern, line), line


def loss(lines: list[str], epoch: int) -> float:
    (line,) = [line for line in lines if line.startswith(f"Epoch {epoch}:")]
    return float(line.split("=")[1])


@pytest.mark.parametrize("seed", range(10))
def test_the_loss_falls_below_two_hundredths(capsys: pytest.CaptureFixture[str], seed: int) -> None:
    lines = run(capsys, "tutorial", "--seed", str(seed))
    assert loss(lines, 100) < 0.02 < loss(lines, 0)


def test_the_final_predictions_are_near_the_targets(capsys: pytest.CaptureFixture[str]) -> None:
    final = [float(line.split("=")[1]) for line in run(capsys, "tutorial")[-4:]]
    assert final == pytest.approx([1, -1, -1, 1], abs=0.15)


def test_the_scalar_edition_prints_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    lines = run(capsys, "tutorial")
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    assert capsys.readouterr().out.splitlines() == lines


def test_without_a_command_it_runs_the_tutorial(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys) == run(capsys, "tutorial")


def test_options_are_heeded(capsys: pytest.CaptureFixture[str]) -> None:
    default = run(capsys, "tutorial")
    assert run(capsys, "tutorial", "--seed", "1") != default
    assert run(capsys, "tutorial", "--learning-rate", "0.01") != default
    assert run(capsys, "tutorial", "--sizes", "8") != default
    assert run(capsys, "tutorial", "--sizes", "4", "4") == default
    assert len(run(capsys, "tutorial", "--epochs", "0")) == 11
    assert len(run(capsys, "tutorial", "--epochs", "25")) == 13


@pytest.mark.parametrize(
    "words",
    [
        ["tutorial", "--learning-rate", "0"],
        ["tutorial", "--learning-rate", "nan"],
        ["tutorial", "--learning-rate", "-1"],
        ["tutorial", "--learning-rate", "fast"],
        ["tutorial", "--epochs", "-1"],
        ["tutorial", "--epochs", "1.5"],
        ["tutorial", "--seed", "x"],
        ["tutorial", "--sizes", "0"],
        ["tutorial", "--unknown"],
        ["lesson"],
    ],
)
def test_a_bad_value_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "error: " in captured.err


def test_the_module_runs_as_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pullback", "tutorial", "--epochs", "0"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("First predictions:\n")
    assert done.stderr == ""
