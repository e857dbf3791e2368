"""A PostgreSQL for tests: the one named, else a throw-away cluster where the programs are installed."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from contracts.settings import read_variable

VARIABLE = "FEDELE_TEST_POSTGRES"
_PLACES = "/usr/lib/postgresql"


@contextmanager
def open_postgres() -> Iterator[str | None]:
    """Yield the address of a PostgreSQL, or None where there is none and none can be started."""
    named = read_variable(VARIABLE)
    programs = find_programs()
    if named is not None or programs is None or not _can_step_down():
        yield named
        return
    folder = Path(mkdtemp(prefix="fedele-postgres-"))
    try:
        with _running(programs, folder) as address:
            yield address
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_programs() -> Path | None:
    """Return the folder of the newest installed server, or None."""
    found = sorted(Path(_PLACES).glob("*/bin/initdb"), key=lambda each: int(each.parts[-3]))
    return found[-1].parent if found else None


@contextmanager
def _running(programs: Path, folder: Path) -> Iterator[str]:
    data, port = folder / "data", _find_port()
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    _call(programs / "initdb", "-D", str(data), "-U", "fedele", "-A", "trust", "-E", "UTF8", "--locale=C")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off -c max_connections=60"
    _call(programs / "pg_ctl", "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options, "start")
    try:
        yield f"postgresql://fedele@127.0.0.1:{port}/postgres"
    finally:
        _call(programs / "pg_ctl", "-D", str(data), "-m", "immediate", "stop")


def _call(program: Path, *arguments: str) -> None:
    # The server refuses to run as root, so root lends the account that Debian makes for it.
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run(
        [*prefix, str(program), *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        timeout=60,
    )


def _can_step_down() -> bool:
    if os.geteuid() != 0:
        return True
    known = any(entry.pw_name == "postgres" for entry in pwd.getpwall())
    return known and shutil.which("runuser") is not None


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
