"""Every error of ours is a FedeleError with a stable code of its own."""

import inspect
import re

from contracts import errors

CLASSES = [kind for _, kind in inspect.getmembers(errors, inspect.isclass)]


def test_all_errors_are_expected_failures_with_a_docstring():
    assert all(issubclass(kind, errors.FedeleError) and kind.__doc__ for kind in CLASSES)


def test_codes_are_slugs_and_no_two_errors_share_one():
    codes = [kind.code for kind in CLASSES]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch("[a-z_]+", code) for code in codes)


def test_a_locked_or_newer_workspace_is_a_fault_of_the_workspace():
    assert issubclass(errors.LockHeld, errors.WorkspaceError)
    assert issubclass(errors.SchemaTooNew, errors.WorkspaceError)
