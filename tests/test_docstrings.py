"""Docstrings as griffe reads them, which documentation is made from."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("griffe")
import griffe  # of the extra dev

SOURCE = Path(__file__).parents[1] / "src"


def described(item: griffe.Object, kind: str) -> dict[str, str]:
    """What the docstring says of each argument or attribute."""
    if item.docstring is None:
        return {}
    sections = item.docstring.parse("google", warnings=False)
    return {
        one.name.lstrip("*"): one.description.strip()
        for section in sections
        if section.kind.value == kind
        for one in section.value
    }


def public(owner: griffe.Module | griffe.Class) -> Iterator[griffe.Class | griffe.Function]:
    """Every public class, function and method."""
    for name, member in owner.members.items():
        if name.startswith("_") and name != "__init__":
            continue
        if isinstance(member, griffe.Class | griffe.Function):
            yield member
        if isinstance(member, griffe.Module | griffe.Class):
            yield from public(member)


def undescribed_attributes(one: griffe.Class) -> list[str]:
    """Attributes that neither the class nor a string below them describes."""
    if any("Enum" in str(base) for base in one.bases):
        return []  # its members are their own names
    known = described(one, "attributes")
    for base in one.mro():  # what overrides is described where it is first
        known |= described(base, "attributes")
    return [
        f"{one.path}.{name}"
        for name, member in one.members.items()
        if not member.is_alias and member.is_attribute and not name.startswith("_")
        if not member.docstring and not known.get(name)
        if name != "model_config"  # pydantic's
    ]


def wrong_arguments(one: griffe.Function) -> list[str]:
    """Arguments that a section `Args` leaves out, or names though there are none such."""
    known = described(one, "parameters")
    if not known:
        return []  # one line says it all
    taken = {each.name for each in one.parameters} - {"self", "cls"}
    return [
        *(f"{one.path}({name}) is not described" for name in taken if not known.get(name)),
        *(f"{one.path}({name}) does not exist" for name in known if name not in taken),
    ]


@pytest.fixture(scope="module")
def package() -> griffe.Module:
    logging.getLogger("griffe").setLevel(logging.CRITICAL)
    found = griffe.load("sensebind", search_paths=[SOURCE], allow_inspection=False)
    assert isinstance(found, griffe.Module)
    return found


def test_every_class_and_function_says_what_it_is(package: griffe.Module) -> None:
    silent = [
        one.path
        for one in public(package)
        if not one.docstring and one.name not in ("__init__", "forward")
    ]
    assert not silent


def test_a_section_of_arguments_names_all_of_them_and_no_others(package: griffe.Module) -> None:
    functions = [one for one in public(package) if isinstance(one, griffe.Function)]
    wrong = [line for one in functions for line in wrong_arguments(one)]
    assert sorted(wrong) == []


def test_attributes_are_described(package: griffe.Module) -> None:
    undescribed = [
        name
        for one in public(package)
        if isinstance(one, griffe.Class)
        for name in undescribed_attributes(one)
    ]
    assert undescribed == []


def test_what_lacks_a_description_is_found(tmp_path: Path) -> None:
    (tmp_path / "sample.py").write_text(
        '''
class Lamp:
    """A lamp.

    Attributes:
        colour: Of the light. `height`: metres.
    """

    colour: str
    height: float

    def dim(self, share: float, seconds: float) -> None:
        """Dim it.

        Args:
            share: Of the light that stays.
            speed: Metres a second.
        """
'''
    )
    sample = griffe.load("sample", search_paths=[tmp_path], allow_inspection=False)
    lamp = sample["Lamp"]
    assert undescribed_attributes(lamp) == ["sample.Lamp.height"]
    assert sorted(wrong_arguments(lamp["dim"])) == [
        "sample.Lamp.dim(seconds) is not described",
        "sample.Lamp.dim(speed) does not exist",
    ]
