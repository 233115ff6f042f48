"""``mailroomctl init``: from an account and a domain to the first deployment. It changes nothing in AWS."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from mailroomctl.console import Console
from mailroomctl.errors import CommandError
from mailroomctl.setup import samconfig
from mailroomctl.setup.file_system import Given
from mailroomctl.setup.names import checked_stack_name, mail_domain
from mailroomctl.setup.page import page
from mailroomctl.setup.plan import Answers, make
from mailroomctl.setup.questions import Questions
from mailroomctl.setup.steps import with_config
from mailroomctl.stack import Stack

_USUAL = Path("samconfig.toml")


def init(
    stack: Stack,
    console: Console,
    domain: Annotated[
        list[str] | None, typer.Option(help="Domain whose mail is received; repeatable.", show_default=False)
    ] = None,
    file_system: Annotated[
        str, typer.Option(help="EFS file system of the mailboxes, or new.", show_default=False)
    ] = "",
    access_point: Annotated[str, typer.Option(help="Its access point.", show_default=False)] = "",
    subnet: Annotated[
        list[str] | None,
        typer.Option(help="Subnet of the functions, if not all with a mount target; repeatable.", show_default=False),
    ] = None,
    security_group: Annotated[
        list[str] | None,
        typer.Option(
            help="Security group of the functions, if not one that EFS lets in; repeatable.", show_default=False
        ),
    ] = None,
    alarms: Annotated[
        str, typer.Option(help="Who is told of alarms: a mail address, or the ARN of an SNS topic.", show_default=False)
    ] = "",
    rule_set: Annotated[
        str, typer.Option(help="SES receipt rule set. The active one, unless given.", show_default=False)
    ] = "",
    kms_key: Annotated[
        str, typer.Option(help="ARN of a KMS key of your own for what the stack stores.", show_default=False)
    ] = "",
    config: Annotated[Path, typer.Option(help="File that sam reads.")] = _USUAL,
    write: Annotated[bool, typer.Option("--write", help="Write that file, without asking.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace other values in it, without asking.")] = False,
    no_input: Annotated[bool, typer.Option("--no-input", help="Ask nothing, as with --json.")] = False,
) -> None:
    """Look at an AWS account, and print how to deploy Mailroom there: DNS records, and every command in order.

    It asks for what is not given, writes samconfig.toml if you like, and changes nothing in AWS.
    """
    questions = Questions(silent=no_input or console.as_json)
    domains = domain or questions.need("Domain whose mail is received", "--domain").replace(",", " ").split()
    names = tuple(dict.fromkeys(map(mail_domain, domains)))
    stack.name = checked_stack_name(questions.ask("Name of the stack", stack.name))
    given = Given(file_system, access_point, tuple(subnet or ()), tuple(security_group or ()))
    plan = make(stack, Answers(names, alarms, rule_set, given, kms_key), questions)
    if config != _USUAL:
        plan = replace(plan, steps=with_config(plan.steps, str(config.resolve())))
    change = samconfig.change(config, samconfig.Settings(stack.name, plan.account.region, plan.parameters))
    if not console.as_json:
        console.done(page(plan, str(config), change.after), None)
    written = _write(console, questions, change, wanted=write, overwrite=overwrite)
    if console.as_json:
        file = {"path": str(config), "content": change.after, "replaces": change.lost, "written": written}
        console.done("", asdict(plan) | {"file": file})
    if write and not written and change.after != change.before:
        raise CommandError(f"{config} was left as it is: give --overwrite to replace what is there.")


def _write(console: Console, questions: Questions, change: samconfig.Change, *, wanted: bool, overwrite: bool) -> bool:
    """Write the file where that is wanted, and replace nothing that nobody has agreed to."""
    if change.after == change.before or not (wanted or questions.confirm(f"Write {change.path}?")):
        return False
    for one in change.lost:
        console.warn(f"{change.path}: {one}")
    if change.lost and not (overwrite or questions.confirm("Replace what is there?")):
        return False
    change.write()
    console.note(f"{change.path} was written")
    return True
