from importlib.metadata import version

from docsort.versions import ABSENT, versions_of


def test_versions_are_those_installed_in_the_order_asked_for_and_a_missing_package_is_named() -> None:
    found = versions_of(["pandas", "no-such-package-at-all", "numpy"])
    assert list(found.items()) == [
        ("pandas", version("pandas")),
        ("no-such-package-at-all", ABSENT),
        ("numpy", version("numpy")),
    ]
