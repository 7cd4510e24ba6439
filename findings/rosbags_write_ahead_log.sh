#!/usr/bin/env bash
# rosbags 0.11.9: a .db3 is opened as immutable, so messages in SQLite's write-ahead log are left out.
#
# rosbag2's "resilient" preset records with journal_mode=WAL. When its recorder is killed, the newest
# messages are in FILE.db3-wal, next to the file. SQLite itself reads both; rosbags reads the .db3
# alone, counts the messages in it as all there are, and gives no warning.
#
# Seen: "sqlite 6 messages, rosbags 3 messages". Exit code 1 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "rosbags==0.11.9"
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import shutil
import sqlite3
import sys
from importlib.metadata import version
from pathlib import Path

from rosbags.rosbag2 import Reader, Writer
from rosbags.typesys import Stores, get_typestore

store = get_typestore(Stores.ROS2_HUMBLE)
name = "std_msgs/msg/Int32"
with Writer("bag", version=9) as writer:
    topic = writer.add_connection("/count", name, typestore=store)
    for number in range(3):
        writer.write(topic, number, store.serialize_cdr(store.types[name](number), name))
recorder = sqlite3.connect("bag/bag.db3")
recorder.execute("PRAGMA journal_mode=WAL")
recorder.execute("PRAGMA wal_autocheckpoint=0")
rows = recorder.execute("SELECT topic_id, timestamp, data FROM messages").fetchall()
recorder.executemany("INSERT INTO messages (topic_id, timestamp, data) VALUES (?, ?, ?)", rows)
recorder.commit()
Path("killed").mkdir()  # what lies on the disk when the recorder is killed now
for ending in ("", "-wal"):
    shutil.copy(f"bag/bag.db3{ending}", f"killed/bag.db3{ending}")

with Reader(Path("killed/bag.db3")) as reader:
    read = len(list(reader.messages()))
(stored,) = sqlite3.connect("killed/bag.db3").execute("SELECT count(*) FROM messages").fetchone()
print(f"rosbags {version('rosbags')}: sqlite {stored} messages, rosbags {read} messages")
sys.exit((stored, read) != (6, 3))
PYTHON
