"""The ``fedele`` command: each sub-command parses, calls one function and prints."""

import sys

import typer

from cli.audit import audit
from cli.backup import backup
from cli.bento import bento
from cli.check import check
from cli.compare import compare
from cli.demo import demo
from cli.desk import desk
from cli.drivers import drivers
from cli.evaluate import evaluate
from cli.features import features
from cli.forget import forget
from cli.ingest import ingest
from cli.init import init
from cli.keys import keys
from cli.promote import promote
from cli.replay import replay
from cli.report import report
from cli.restore import restore
from cli.rollback import rollback
from cli.score import score
from cli.serve import serve
from cli.status import status
from cli.train import train
from cli.users import users
from cli.voice import voice

app = typer.Typer(
    name="fedele",
    help="Who is about to leave, what it costs, why, and whom to call.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    init,
    ingest,
    check,
    features,
    train,
    evaluate,
    report,
    compare,
    drivers,
    promote,
    rollback,
    score,
    replay,
    forget,
    backup,
    restore,
    serve,
    status,
    bento,
    voice,
    demo,
):
    app.command()(command)
app.add_typer(audit, name="audit")
app.add_typer(keys, name="keys")
app.add_typer(desk, name="desk")
app.add_typer(users, name="users")


def main() -> None:
    """Run the command line; an expected failure is one line on stderr and exit status 1."""
    try:
        app(prog_name="fedele")
    except Exception as error:
        from contracts.errors import FedeleError

        if not isinstance(error, FedeleError):
            raise
        print(f"fedele: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
