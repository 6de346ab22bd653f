"""What the short form leaves out: faults that know nothing of the database are tried on SQLite alone."""

import pytest

ONE_DATABASE_WILL_DO = ("test_replies.py", "test_simulated_year.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.name in ONE_DATABASE_WILL_DO and item.get_closest_marker("postgres"):
            item.add_marker("long")
