"""The documentation's examples of robot.yaml are read as the commands read them."""

import re
from pathlib import Path

import pytest

from sensebind.agent.robot.config_file import parse_config

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FOUND = [
    (f"{page.name}:{text[: block.start()].count(chr(10)) + 1}", block[1])
    for page in (DOCS / "your_robot.md", DOCS / "hardware.md")
    for text in [page.read_text(encoding="utf-8")]
    for block in BLOCK.finditer(text)
]


@pytest.mark.parametrize("text", [text for _, text in FOUND], ids=[where for where, _ in FOUND])
def test_an_example_of_robot_yaml_is_valid(text: str) -> None:
    config = parse_config(text)
    assert config.streams


def test_the_page_of_ones_own_robot_has_examples() -> None:
    pages = [where.partition(":")[0] for where, _ in FOUND]
    assert pages.count("your_robot.md") >= 6 and pages.count("hardware.md") >= 3


def test_the_site_has_every_page() -> None:
    pages = {page.name for page in DOCS.glob("*.md")}
    named = re.findall(r": ([\w/]+\.md)$", (DOCS.parent / "mkdocs.yml").read_text(), re.MULTILINE)
    assert pages == {one for one in named if not one.startswith("reference/")}
    assert len(named) == len(set(named))
