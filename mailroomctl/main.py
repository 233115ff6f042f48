"""``mailroomctl``: the operator's command line."""

import typer

from mailroomctl import mailbox
from mailroomctl.local.cli import app as local_app

app = typer.Typer(
    name="mailroomctl",
    help="Operate Mailroom: who receives mail, and what became of it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(mailbox.app, name="mailbox")
app.add_typer(local_app, name="local")
