"""SQLite files are opened in one way: with their table, and without trust in what is in them."""

import sqlite3
import threading
from pathlib import Path

import pytest

from sensebind.perception.storage.database import open_database

TABLE = "CREATE TABLE IF NOT EXISTS calls (at INTEGER NOT NULL) STRICT"


def test_a_file_has_its_table_and_serves_all_threads(tmp_path: Path) -> None:
    file = open_database(tmp_path / "a.db", TABLE)

    def write() -> None:
        with file:
            file.execute("INSERT INTO calls VALUES (7)")

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    again = open_database(tmp_path / "a.db", TABLE, autocommit=True)
    assert again.execute("SELECT at FROM calls").fetchall() == [(7,)]
    again.execute("INSERT INTO calls VALUES (8)")
    assert not again.in_transaction
    assert file.execute("SELECT count(*) FROM calls").fetchone() == (2,)
    file.close()
    again.close()


@pytest.mark.parametrize(
    "odd",
    [
        "CREATE VIEW odd AS SELECT 1 AS at",
        "CREATE TRIGGER odd AFTER INSERT ON calls BEGIN DELETE FROM calls; END",
        "CREATE VIRTUAL TABLE odd USING fts5(way)",
    ],
)
def test_what_is_in_a_file_calls_nothing(tmp_path: Path, odd: str) -> None:
    path = tmp_path / "a.db"
    hostile = sqlite3.connect(path)
    hostile.execute("CREATE TABLE calls (at INTEGER)")
    hostile.commit()
    file = open_database(path)
    assert file.execute("PRAGMA trusted_schema").fetchone() == (0,)
    file.close()
    hostile.execute(odd)
    hostile.close()
    with pytest.raises(sqlite3.DatabaseError, match="odd is a view or trigger"):
        open_database(path)


def test_what_is_not_a_database_is_refused_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"not a database, but longer than the head of one" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        open_database(path, TABLE)
