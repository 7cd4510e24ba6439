"""SQLite files that lie about their schema: a view that never ends under the name of a table."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sensebind.agent.threads import Dialogs
from sensebind.errors import SenseBindError
from sensebind.memory.episode_store import EpisodeStore
from sensebind.perception.frames.store import FrameStore
from sensebind.perception.sources.rosbag_files import BagFiles

NEVER = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT"


def with_view(file: Path, name: str, columns: str) -> None:
    """Put such a view in the place of a table, and leave the rest of the file as it is."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"DROP TABLE {name}")
        connection.execute(f"CREATE VIEW {name} AS {NEVER} {columns} FROM c")
        connection.commit()


def memory(file: Path) -> None:
    EpisodeStore(file).close()
    with_view(file, "watches", "x AS name")


def dialogs(file: Path) -> None:
    Dialogs(file).close()
    with_view(file, "turns", "x AS id, x AS thread, x AS at")


def bag(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            f"CREATE VIEW topics AS {NEVER} x AS id, 'a' AS name, 'b' AS type FROM c"
        )
        connection.commit()


def read_bag(file: Path) -> None:
    with BagFiles(file) as opened:
        opened.topics()


READERS: dict[str, tuple[str, Callable[[Path], object], Callable[[Path], object]]] = {
    "memory": ("memory.sqlite", memory, EpisodeStore),
    "dialogs": ("dialogs.sqlite", dialogs, Dialogs),
    "bags": ("bag.db3", bag, read_bag),
}


@pytest.mark.parametrize("name", READERS)
def test_a_view_in_the_place_of_a_table_is_refused(name: str, tmp_path: Path) -> None:
    file, make, read = READERS[name]
    make(tmp_path / file)
    with pytest.raises(SenseBindError, match=r"is a view|is not a table"):
        read(tmp_path / file)


def test_a_message_of_gigabytes_that_a_bag_makes_up_is_refused(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "bag.db3")) as connection:
        connection.executescript(
            "CREATE TABLE topics(id, name, type, serialization_format);"
            "INSERT INTO topics VALUES (1, '/points', 'sensor_msgs/msg/PointCloud2', 'cdr');"
            "CREATE TABLE messages(id, topic_id, timestamp, data AS (zeroblob(1000000000)));"
            "INSERT INTO messages VALUES (1, 1, 5);"
        )
    with BagFiles(tmp_path / "bag.db3") as bags:
        found = list(bags.messages("/points"))
    assert len(found) == 1 and isinstance(found[0].content, SenseBindError)


def test_frames_of_such_a_file_are_put_aside_by_their_writer(tmp_path: Path) -> None:
    from fixtures.fault_stores import observation

    with FrameStore(tmp_path) as store:
        store.put(observation(1))
    file = next(tmp_path.glob("*.frames"))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"CREATE VIEW more AS {NEVER} x FROM c")
        connection.commit()
    with FrameStore(tmp_path) as store:
        assert store.get(store.put(observation(2))).payload
    assert list(tmp_path.glob("*.damaged"))
