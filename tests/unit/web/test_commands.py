"""A command run for a page: what it says is kept, and what it cannot do is explained."""

from typing import Annotated, Any

import pytest
import typer
from botocore.exceptions import ClientError, EndpointConnectionError
from mailroom.errors import InvalidAddress

from mailroomctl.command import command, fail
from mailroomctl.console import Console
from mailroomctl.errors import CommandError
from mailroomctl.stack import Stack
from mailroomctl.web.commands import Result, run
from mailroomctl.web.jobs import Job, Jobs

STACK = Stack()


def run_it(function: Any, **given: Any) -> Result:
    return run(command(function), STACK, **given)


def test_what_a_command_says() -> None:
    def says(stack: Stack, console: Console, name: str, often: Annotated[int, typer.Option()] = 2) -> None:
        assert stack is STACK
        console.warn("careful")
        console.note("by the way")
        console.table(("a", "b_c"), [{"a": name, "b_c": ["x", "y"]}] * often, empty="nothing")
        console.done("did it", {"name": name})

    result = run_it(says, name="eve")
    assert (result.text, result.data, result.warnings) == ("did it", {"name": "eve"}, ["careful", "by the way"])
    assert result.cells == [["eve", "x, y"]] * 2
    assert result.ended_well


def test_an_empty_table_says_so() -> None:
    def lists(stack: Stack, console: Console) -> None:
        console.table(("a",), [], empty="there is nothing")

    assert run_it(lists).text == "there is nothing"


def test_a_summary_has_rows_and_failures() -> None:
    def sums(stack: Stack, console: Console) -> None:
        console.record({"groups": [{"entry": "x", "replayed": 3}], "failures": [{"message_id": "m", "reason": "gone"}]})

    result = run_it(sums)
    assert (result.columns, result.cells, result.warnings) == (("entry", "replayed"), [["x", "3"]], ["m: gone"])


REFUSAL = ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "Scan")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (CommandError("do this first"), "do this first"),
        (InvalidAddress("no address"), "no address"),
        (typer.BadParameter("no number"), "no number"),
        (REFUSAL, "AWS refused Scan: not you"),
        (
            EndpointConnectionError(endpoint_url="http://x"),
            'AWS could not be asked: Could not connect to the endpoint URL: "http://x"',
        ),
    ],
)
def test_what_a_command_cannot_do(error: Exception, said: str) -> None:
    def fails(stack: Stack, console: Console) -> None:
        raise error

    result = run_it(fails)
    assert (result.error, result.ended_well) == (said, False)


def test_an_exit_code_counts(capsys: pytest.CaptureFixture[str]) -> None:
    def leaves(stack: Stack, console: Console, code: int) -> None:
        raise typer.Exit(code)

    def gives_up(stack: Stack, console: Console) -> None:
        fail("3 of 4 failed", 130)

    assert run_it(leaves, code=0).ended_well
    assert not run_it(leaves, code=1).ended_well
    assert run_it(gives_up).error == "3 of 4 failed"
    assert capsys.readouterr().err == "mailroomctl: 3 of 4 failed\n"


def test_progress_is_the_jobs() -> None:
    def works(stack: Stack, console: Console) -> None:
        with console.progress("counting", 3) as progress:
            progress.advance(2)

    job = Job("Count", "/")
    run(command(works), STACK, job)
    assert (job.doing, job.done, job.total) == ("counting", 2, 3)
    assert run_it(works).ended_well


def test_old_jobs_are_forgotten() -> None:
    jobs = Jobs()
    all_of_them = [jobs.start("x", "/", lambda job: 1) for _ in range(60)]
    assert jobs.get(all_of_them[0].id) is None
    assert jobs.get(all_of_them[-1].id) is all_of_them[-1]
