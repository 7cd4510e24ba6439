"""Python of README and docs runs as it stands there.

Each block is a program of its own. It runs in a folder that has what the pages speak of: a robot's
file, images, a checkpoint. What else it needs is named by a comment before it, `<!-- given: … -->`,
and made here; one that cannot be run says why, `<!-- not run: … -->`, and is compiled and imports
what it names.
"""

import ast
import builtins
import dis
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from fixtures.doc_blocks import Block, blocks, blocks_of
from fixtures.robot_of_files import write_recordings, write_robot
from fixtures.scripted_chat import ScriptedChat, calls_once
from fixtures.served_robot import TOKENS, served_robot
from fixtures.waiting import PATIENCE
from langchain_core.tools import StructuredTool
from PIL import Image

from sensebind.agent import Assistant
from sensebind.agent.conditioning.awareness import Awareness
from sensebind.agent.robot.config_file import read_config
from sensebind.agent.robot.robot import Robot
from sensebind.checkpoints import default_checkpoint
from sensebind.tools.motion.simulation import Simulation
from sensebind.tools.risk import Risk, labelled

ROBOT = """
name: rover
streams: {camera: {source: "camera:0"}, lidar: {source: "velodyne:2368"}}
"""


@dataclass(frozen=True)
class Given:
    """What a block is given.

    Attributes:
        names: Defined before it.
        replaced: What stands in it, and what is to stand there instead: addresses and devices.
    """

    names: dict[str, Any] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)


@contextmanager
def nothing(_folder: Path) -> Iterator[Given]:
    yield Given()


@contextmanager
def waiting_assistant(_folder: Path) -> Iterator[Given]:
    def drive(metres: float) -> str:
        """Drives ahead."""
        return f"drove {metres} m"

    chat = ScriptedChat(script=calls_once("drive", metres=0.5))
    with Assistant(chat, [labelled(StructuredTool.from_function(drive), Risk.MOVE)]) as assistant:
        assistant.ask("go 0.5")
        yield Given({"assistant": assistant})
        assert not assistant.pending()  # the block has decided about it


@contextmanager
def simulated_base(_folder: Path) -> Iterator[Given]:
    with Simulation() as base:
        yield Given(
            replaced={
                "my_robot.base:SerialBase": "sensebind.tools.motion.simulation:SimulatedBase",
                '{"port": "/dev/ttyUSB0"}': f'{{"port": {base.port}}}',
                '"velodyne:2368"': f'{{"source": "simhome:{base.lidar}"}}',
            }
        )


@contextmanager
def server(folder: Path) -> Iterator[Given]:
    with served_robot(folder) as (_, address):
        yield Given(replaced={"http://127.0.0.1:8000": address, "…": TOKENS["api"]})


@contextmanager
def own_class(_folder: Path) -> Iterator[Given]:
    def make(*given: object, **options: object) -> Any:
        raise NotImplementedError(given, options)  # the block only says how it is tested

    yield Given({"ThermalCamera": make, "EvaEncoder": make})


@contextmanager
def robot_file(folder: Path) -> Iterator[Given]:
    write_recordings(folder / "files")
    write_robot(folder / "files", "rover").rename(folder / "files" / "rover.yaml")
    yield Given(replaced={"rover.yaml": "files/rover.yaml"})


@contextmanager
def running_robot(folder: Path) -> Iterator[Given]:
    with robot_file(folder) as given:
        config = read_config(folder / "files" / "rover.yaml")
        with Robot(config):
            with Awareness.connect(config) as awareness:
                assert awareness.wait(PATIENCE)
            yield given


GIVEN: dict[str, Callable[[Path], AbstractContextManager[Given]]] = {
    "": nothing,
    "an assistant with a call that waits": waiting_assistant,
    "a simulated base": simulated_base,
    "a served robot": server,
    "a class of one's own": own_class,
    "the file of a robot": robot_file,
    "a running robot": running_robot,
}
SLOW = ("the file of a robot", "a running robot")
PYTHON = [block for block in blocks() if block.language == "python"]
RUN = [block for block in PYTHON if not block.not_run]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with what the pages speak of."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "rover.yaml").write_text(ROBOT)
    for name in ("dog.jpg", "cup.jpg", "kitchen.jpg"):
        Image.new("RGB", (224, 224), "red").save(tmp_path / name)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "senses").symlink_to(default_checkpoint())
    return tmp_path


def run(block: Block, given: Given) -> None:
    """Run a block; a traceback names page and line."""
    text = block.text
    for old, new in given.replaced.items():
        text = text.replace(old, new)
    code = compile("\n" * (block.line - 1) + text, block.page, "exec")
    check_names(block.where, code, given.names)
    exec(code, {"__name__": "block", **given.names})


def check_names(where: str, code: CodeType, known: Iterable[str] = ()) -> None:
    """Check that a program defines or imports what it names, in functions that nobody calls, too.

    Raises:
        AssertionError: It does not.
    """
    stored = names_of(code, "STORE_NAME")
    used = names_of(code, "LOAD_NAME") | names_of(code, "LOAD_GLOBAL", deep=True)
    missing = sorted(used - stored - {*known, *dir(builtins), "__name__"})
    assert not missing, f"{where}: {', '.join(missing)}: not imported, nor defined"


def names_of(code: CodeType, operation: str, *, deep: bool = False) -> set[str]:
    """Return the names on which a program does something.

    Args:
        code: The program.
        operation: Of CPython.
        deep: Whether functions and classes in it count, too.
    """
    found = {one.argval for one in dis.get_instructions(code) if one.opname == operation}
    for inner in code.co_consts if deep else ():
        if isinstance(inner, CodeType):
            found |= names_of(inner, operation, deep=True)
    return found


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(one, id=one.where, marks=[pytest.mark.extended] * (one.given in SLOW))
        for one in RUN
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_block_runs(block: Block, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert block.given in GIVEN, f"{block.where}: nobody can give {block.given}"
    with GIVEN[block.given](folder) as given:
        capsys.readouterr()
        run(block, given)
        assert capsys.readouterr().out or "print(" not in block.text


@pytest.mark.parametrize(
    "block", [pytest.param(one, id=one.where) for one in PYTHON if one.not_run]
)
def test_a_block_that_is_not_run_names_what_there_is(block: Block) -> None:
    tree = ast.parse(block.text, block.where)
    imports = [one for one in ast.walk(tree) if isinstance(one, ast.Import | ast.ImportFrom)]
    assert imports
    exec(compile(ast.Module(list(imports), []), block.where, "exec"), {})
    check_names(block.where, compile(tree, block.where, "exec"))


def test_pages_have_blocks_and_few_are_not_run() -> None:
    assert len(RUN) >= 12 and "README.md" in {one.page for one in RUN}
    assert len(PYTHON) - len(RUN) <= 3
    assert {one.given for one in RUN} == set(GIVEN)


def test_a_comment_must_stand_before_a_block() -> None:
    block = "```python\nx = 1\n```\n"
    [found] = blocks_of("a.md", f"words\n\n<!-- not run: needs a moon -->\n{block}")
    assert found == Block("a.md", 5, "python", "x = 1\n", not_run="needs a moon")
    with pytest.raises(AssertionError, match=r"a\.md: a comment stands before no block"):
        blocks_of("a.md", f"<!-- given: a moon -->\n\nwords\n\n{block}")


def test_a_block_that_fails_would_be_found(folder: Path) -> None:
    with pytest.raises(AssertionError, match="spaceship: not imported"):
        run(Block("a.md", 1, "python", "spaceship.start()\n"), Given())
    with pytest.raises(ZeroDivisionError):
        run(Block("a.md", 1, "python", "1 / 0\n"), Given())
    text = "class A:\n    def f(self):\n        return len(spaceship)\n"
    with pytest.raises(AssertionError, match="spaceship: not imported"):
        run(Block("a.md", 1, "python", text), Given())
