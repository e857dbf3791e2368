"""What people may do at the desk, by their role; a role that is not here may do nothing."""

from typing import Literal, get_args

Role = Literal["viewer", "agent", "lead", "analyst", "admin"]
Permission = Literal["desk:read", "desk:act", "desk:export", "desk:analyse", "desk:admin"]
ROLES: tuple[Role, ...] = get_args(Role)

GRANTS: dict[Role, frozenset[Permission]] = {
    "viewer": frozenset({"desk:read"}),
    "agent": frozenset({"desk:read", "desk:act"}),
    "lead": frozenset({"desk:read", "desk:act", "desk:export"}),
    "analyst": frozenset({"desk:read", "desk:export", "desk:analyse"}),
    "admin": frozenset(get_args(Permission)),
}


def is_allowed(role: str, permission: Permission) -> bool:
    """Return whether people of ``role`` may do what ``permission`` names.

    Examples:
        >>> [is_allowed(role, "desk:export") for role in ("viewer", "agent", "lead", "nobody")]
        [False, False, True, False]
    """
    return any(name == role and permission in grants for name, grants in GRANTS.items())
