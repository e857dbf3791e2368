"""``fedele rollback``: the champion before the present one serves again."""

from cli.output import Json, open_here, show
from cli.promote import Reason, Who


def rollback(reason: Reason = "", who: Who = "unknown", as_json: Json = False) -> None:
    """Bring back the champion before the present one."""
    from contracts.time import read_clock
    from features.store.lock import hold_lock
    from serving.ledger.promotions import take_over_promotions
    from training import promotion

    workspace = open_here()
    with hold_lock(workspace.lock, "fedele rollback"):
        now = read_clock()
        done = promotion.rollback(workspace, who=who, now=now, reason=reason)
        take_over_promotions(workspace, now)
    show(
        {**done.to_dict(), "warnings": list(done.warnings)},
        as_json,
        [
            f"Version {done.version} is the champion again, instead of version {done.previous}.",
            *done.warnings,
            "Next: `fedele score` to score everyone with it.",
        ],
    )
