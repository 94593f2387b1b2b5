"""The types of the public API: what must type-check, and what must not.

Each ``tests/typing/*_pass.py`` must be free of errors under mypy and pyright. In each
``tests/typing/*_fail.py`` a line that must be rejected ends with a marker::

    grad(f)("text")  # E: arg-type
    grad(f)(x=3)     # E: call-arg (mypy)
    grad(f)[0]       # E: reportIndexIssue (pyright)

A plain marker names mypy's error code (or several, with commas between them) and means that
pyright rejects the line too, whatever its reason. A marker for one tool names that tool's code,
and the other tool must accept the line. A line without a marker must be accepted by both.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal, NotRequired, TypeAlias, TypedDict, final

import pytest
from attrs import frozen

ROOT: Final = Path(__file__).resolve().parent.parent
FILES: Final = sorted((ROOT / "tests" / "typing").glob("*.py"))
MARKER: Final = re.compile(r"# E: ([\w-]+(?:, ?[\w-]+)*)(?: \((mypy|pyright)\))?$")

# Under xdist, one process runs each tool once for all of these tests.
pytestmark = pytest.mark.xdist_group("typing")

Tool: TypeAlias = Literal["mypy", "pyright"]


@final
@frozen
class Finding:
    """An error that a type checker reports, or that a marker expects."""

    path: Path
    line: int
    code: str
    message: str = ""

    def __str__(self) -> str:
        place = self.path.relative_to(ROOT)
        return f"{place}:{self.line}: [{self.code}] {self.message}".rstrip()


class MypyError(TypedDict):
    """One line of mypy's JSON output: the keys in use."""

    file: str
    line: int
    code: str | None
    message: str
    severity: str


class PyrightPosition(TypedDict):
    """A position in pyright's JSON output; lines count from 0."""

    line: int


class PyrightRange(TypedDict):
    """A range in pyright's JSON output: the keys in use."""

    start: PyrightPosition


class PyrightError(TypedDict):
    """A diagnostic in pyright's JSON output: the keys in use; a syntax error has no rule."""

    file: str
    severity: str
    message: str
    rule: NotRequired[str]
    range: PyrightRange


class PyrightReport(TypedDict):
    """Pyright's JSON output: the keys in use."""

    generalDiagnostics: list[PyrightError]


def run(tool: Tool, *arguments: str) -> str:
    """Return what the tool prints about all the files; a tool that breaks down is a failure."""
    if importlib.util.find_spec(tool) is None:
        pytest.fail(f"{tool} is not installed: pip install -e '.[test]'", pytrace=False)
    command = [sys.executable, "-m", tool, *arguments, *map(str, FILES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):  # both mean that the tool did its work
        pytest.fail(f"{tool} broke down:\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout


def parse_mypy(output: str) -> list[Finding]:
    """Return the errors in mypy's JSON output, one to a line."""
    errors: list[MypyError] = [json.loads(line) for line in output.splitlines()]
    return [
        Finding((ROOT / e["file"]).resolve(), e["line"], e["code"] or "misc", e["message"])
        for e in errors
        if e["severity"] == "error"
    ]


def parse_pyright(output: str) -> list[Finding]:
    """Return the errors in pyright's JSON output."""
    report: PyrightReport = json.loads(output)
    return [
        Finding(
            Path(e["file"]).resolve(),
            e["range"]["start"]["line"] + 1,
            e.get("rule", "syntax"),
            e["message"],
        )
        for e in report["generalDiagnostics"]
        if e["severity"] == "error"
    ]


@pytest.fixture(scope="module")
def mypy_findings() -> list[Finding]:
    """What mypy reports about all the files."""
    return parse_mypy(run("mypy", "--strict", "--output", "json", "--no-error-summary"))


@pytest.fixture(scope="module")
def pyright_findings() -> list[Finding]:
    """What pyright reports about all the files."""
    return parse_pyright(run("pyright", "--outputjson", "--pythonpath", sys.executable))


def expectations(path: Path, source: str, tool: Tool) -> list[Finding]:
    """Return what the markers of a file expect of a tool.

    From pyright a plain marker expects an error of any kind, whose code is written ``*``.
    """
    expected = []
    for number, line in enumerate(source.splitlines(), start=1):
        if "# E:" not in line:
            continue
        marker = MARKER.search(line)
        if marker is None:
            message = f"{path}:{number}: the marker cannot be read: {line.strip()}"
            raise ValueError(message)
        codes, only = marker.groups()
        if only is None and tool == "pyright":
            codes = "*"
        if only in (None, tool):
            expected += [Finding(path, number, code.strip()) for code in codes.split(",")]
    return expected


def differences(expected: Sequence[Finding], reported: Iterable[Finding]) -> list[str]:
    """Say which errors were expected in vain, and which were not expected."""
    wanted = {(finding.line, finding.code) for finding in expected}
    unexpected, met = [], set()
    for finding in reported:
        matching = {(finding.line, finding.code), (finding.line, "*")} & wanted
        met |= matching
        if not matching:
            unexpected.append(f"not expected:     {finding}")
    missing = [f"not reported:     {f}" for f in expected if (f.line, f.code) not in met]
    return missing + unexpected


def check(path: Path, tool: Tool, findings: Iterable[Finding]) -> None:
    """Fail unless the tool's findings in one file are those that its markers expect."""
    expected = expectations(path, path.read_text(encoding="utf-8"), tool)
    wrong = differences(expected, (finding for finding in findings if finding.path == path))
    if wrong:
        pytest.fail(
            "\n".join([f"{tool} and the markers of {path.name} differ:", *wrong]), pytrace=False
        )


by_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def test_there_are_files_that_pass_and_files_that_fail() -> None:
    assert {path.stem.rpartition("_")[2] for path in FILES} == {"pass", "fail"}, (
        "each file of tests/typing is called *_pass.py or *_fail.py, and there is one of each kind"
    )


@by_file
def test_markers_stand_in_fail_files_and_only_there(path: Path) -> None:
    has_markers = "# E:" in path.read_text(encoding="utf-8")
    assert has_markers == path.stem.endswith("_fail")


@by_file
def test_mypy_reports_exactly_the_marked_lines(path: Path, mypy_findings: list[Finding]) -> None:
    check(path, "mypy", mypy_findings)


@by_file
def test_pyright_reports_exactly_the_marked_lines(
    path: Path, pyright_findings: list[Finding]
) -> None:
    check(path, "pyright", pyright_findings)


SAMPLE: Final = """\
plain  # E: arg-type
several  # E: arg-type, call-arg
one  # E: index (mypy)
other  # E: reportIndexIssue (pyright)
"""


def test_runner_reads_a_marker_for_each_tool() -> None:
    def read(tool: Tool) -> list[tuple[int, str]]:
        return [(f.line, f.code) for f in expectations(ROOT / "sample.py", SAMPLE, tool)]

    assert read("mypy") == [(1, "arg-type"), (2, "arg-type"), (2, "call-arg"), (3, "index")]
    assert read("pyright") == [(1, "*"), (2, "*"), (4, "reportIndexIssue")]


def test_runner_refuses_a_marker_that_it_cannot_read() -> None:
    with pytest.raises(ValueError, match=r"sample.py:1: the marker cannot be read: x  # E: a b"):
        expectations(Path("sample.py"), "x  # E: a b", "mypy")


def test_runner_notices_missing_and_unexpected_errors() -> None:
    path = ROOT / "sample.py"
    expected = [Finding(path, 1, "arg-type"), Finding(path, 2, "*")]
    met = [Finding(path, 1, "arg-type"), Finding(path, 2, "reportCallIssue")]
    assert differences(expected, met) == []
    assert differences(expected, met[:1]) == ["not reported:     sample.py:2: [*]"]
    assert differences(expected, [*met, Finding(path, 1, "index", "why")]) == [
        "not expected:     sample.py:1: [index] why"
    ]
