"""From a fresh checkout to a ranked, explained list of real customers that people and programs can reach."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from cli.demo import AS_OF as DEMO_AS_OF
from contracts.scores import LANGUAGES
from contracts.workspace import Workspace, open_workspace
from serving.desk.entry import create_link
from serving.keys import create_key
from serving.store.work import open_work
from testkit.claims.figure import Figure, Scale
from testkit.commands import build_environment, call_fedele
from testkit.desk import serve_desk
from testkit.running import serve_workspace
from testkit.tenth import NOW, find_trained
from testkit.tree import ROOT

MOST_SECONDS = 240
SCORED, NEVER_BOUGHT = 23_502, 68


def measure(scale: Scale) -> list[Figure]:
    """Return what the demo gave; the small scale serves the tenth sample and neither clones nor installs."""
    with tempfile.TemporaryDirectory() as folder:
        if scale.thorough:
            return _from_checkout(Path(folder))
        shop = Path(folder) / "shop"
        shutil.copytree(find_trained().root, shop)
        with serve_desk([open_workspace(shop)], NOW) as url:
            return _look_around(url, *_let_in(open_workspace(shop)))


def _let_in(workspace: Workspace) -> tuple[str, str]:
    """Return a key for a program and a code for a person."""
    work = open_work(workspace)
    try:
        _, key = create_key(work, ["score:read"], "crm", NOW)
    finally:
        work.close()
    return key, create_link(workspace, NOW).address.partition("#")[2]


def _from_checkout(folder: Path) -> list[Figure]:
    """Check the repository out, install, run ``make demo SERVE=0`` and serve what it made."""
    checkout = folder / "fedele"
    _check_out(checkout)
    _make(checkout, folder, "ground")
    started = time.perf_counter()
    status = _make(checkout, folder, "demo", "SERVE=0")
    seconds = round(time.perf_counter() - started)
    shop = checkout / "demo-workspace"
    found: dict[str, Any] = call_fedele(shop, "status")["generation"]
    return [
        Figure("exit status of make demo SERVE=0", status, 0, "equals"),
        Figure("its seconds, installation apart", seconds, MOST_SECONDS, "at most"),
        Figure("customers scored", found["scored"], SCORED, "equals"),
        Figure(
            "customers without a first order, and said so",
            found["not_scored"]["no_first_order"],
            NEVER_BOUGHT,
            "equals",
        ),
        Figure(f"scored as of {DEMO_AS_OF}", int(found["as_of"].startswith(DEMO_AS_OF)), 1, "equals"),
        *_serve(shop),
    ]


def _check_out(target: Path) -> None:
    """Clone the last commit where the working tree is committed, else copy what git would keep of it."""
    changed = _git("status", "--porcelain")
    if not changed:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(target)], check=True)
        return
    for name in _git("ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(ROOT), *arguments], check=True, capture_output=True, text=True
    ).stdout


def _make(checkout: Path, home: Path, *arguments: str) -> int:
    """Run make with the environment of a newcomer: no path of ours, installed packages neither."""
    environment = build_environment(home)
    kept = {name: value for name, value in environment.items() if name in ("PATH", "HOME")}
    return subprocess.run(["make", *arguments], cwd=checkout, env=kept, check=False).returncode


def _serve(shop: Path) -> list[Figure]:
    """Serve the workspace by the command itself."""
    key = call_fedele(shop, "keys", "create", "--scope", "score:read", "--name", "crm")["key"]
    with serve_workspace(shop) as running:
        return _look_around(running.url, key, call_fedele(shop, "desk", "link")["link"].partition("#")[2])


def _look_around(url: str, key: str, code: str) -> list[Figure]:
    """Follow a person's way (link, list, customer page) and a program's (key, list, single record)."""
    program = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, timeout=30) as stranger, httpx.Client(base_url=url, timeout=30) as person:
        outside = stranger.get("/desk").status_code
        first = stranger.get("/v1/at-risk", headers=program, params={"limit": 1}).json()["data"][0]
        customer = first["customer_id"]
        single = stranger.get(f"/v1/customers/{customer}/score", headers=program)
        person.post("/desk/enter", data={"code": code})
        shown = {language: _count_pages(person, customer, language) for language in LANGUAGES}
    return [
        *(
            Figure(f"pages of the desk ({language}) that show the API's first customer", count, 2, "equals")
            for language, count in shown.items()
        ),
        Figure("reasons of the first customer of /v1/at-risk", len(first["reasons"]), 1, "at least"),
        Figure("its record and the single GET are equal", int(single.json() == first), 1, "equals"),
        Figure("status of the desk without a link", outside, 401, "equals"),
    ]


def _count_pages(person: httpx.Client, customer: str, language: str) -> int:
    """Return how many of the list and the customer's page are there and name the customer."""
    paths = ("/desk", f"/desk/customers/{customer}")
    pages = [person.get(path, params={"lang": language}) for path in paths]
    return sum(page.status_code == 200 and customer in page.text for page in pages)
