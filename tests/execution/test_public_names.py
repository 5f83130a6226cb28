"""What `import hereditary_kg` offers."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import hereditary_kg


def module_names():
    found = pkgutil.walk_packages(hereditary_kg.__path__, "hereditary_kg.")
    return sorted(module.name for module in found)


def test_public_names_are_sorted_and_there():
    assert list(hereditary_kg.__all__) == sorted(hereditary_kg.__all__)
    assert dir(hereditary_kg) == list(hereditary_kg.__all__)
    for name in hereditary_kg.__all__:
        assert getattr(hereditary_kg, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'Federatoin'"):
        _ = hereditary_kg.Federatoin


@pytest.mark.parametrize("name", module_names())
def test_every_module_lists_its_public_names_in_order(name):
    module = importlib.import_module(name)
    names = getattr(module, "__all__", [])
    # Constants, then classes, then the rest, each in alphabetical order: as Ruff sorts them.
    constants = [each for each in names if each.isupper() and len(each) > 1]
    classes = [each for each in names if each[0].isupper() and each not in constants]
    others = [each for each in names if each not in {*constants, *classes}]
    for group in (constants, classes, others):
        assert group == sorted(group)
    for each in names:
        assert hasattr(module, each), f"{name} does not have {each}"


def test_the_package_itself_is_light():
    code = "import hereditary_kg, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "hereditary_kg" in loaded
    assert not loaded & {"polars", "pyoxigraph", "aiohttp", "rdflib"}
