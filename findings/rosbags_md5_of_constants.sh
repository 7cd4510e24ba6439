#!/bin/sh
# rosbags 0.11.9: for a ROS 1 message with a constant of 0.50, 1e-3 or "m" in quotes, the MD5 sum that it writes into
# a bag is not the one of ROS.
#
# ROS 1 takes the sum over the text of the definition, constants as they are written there, and nodes connect only
# where the sums are equal. rosbags reads the constants as values and takes the sum over what it prints of them:
# 0.5, 0.001, m. That is also the definition that the bag gets; the quotes, which belong to a string constant in
# ROS 1, are lost with it. Constants that Python prints as they were written come out right, so that most types do.
# ROS 1's own genmsg, which mcap-ros1-support carries, gives the sum to compare with.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rosbags==0.11.9 mcap-ros1-support==0.9.0
cd "$folder"
"$folder/venv/bin/python" - >seen <<'P'
from importlib.metadata import version
from pathlib import Path

from mcap_ros1._vendor.genmsg import MsgContext, gentools, msg_loader
from rosbags.rosbag1 import Reader, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

print("rosbags", version("rosbags"), "and genmsg of mcap-ros1-support", version("mcap-ros1-support"))
for constant in ("float32 MOST=0.5", "float32 MOST=0.50", "float32 MOST=1e-3", "string UNIT=m", 'string UNIT="m"'):
    definition = f"{constant}\nfloat32 distance\n"
    context = MsgContext.create_default()
    ros = gentools.compute_md5(context, msg_loader.load_msg_from_string(context, definition, "lab_msgs/Range"))

    store = get_typestore(Stores.ROS1_NOETIC)
    store.register(get_types_from_msg(definition, "lab_msgs/msg/Range"))
    bag = Path("range.bag")
    bag.unlink(missing_ok=True)
    with Writer(bag) as writer:
        topic = writer.add_connection("/range", "lab_msgs/msg/Range", typestore=store)
        message = store.types["lab_msgs/msg/Range"](distance=1.0)
        writer.write(topic, 0, store.serialize_ros1(message, "lab_msgs/msg/Range"))
    with Reader(bag) as reader:
        written = reader.connections[0]
    verdict = "as ROS" if written.digest == ros else "not as ROS"
    print(f"{constant}: stored as {written.msgdef.data.splitlines()[0]}, {verdict} ({written.digest[:8]}, {ros[:8]})")
P
cat seen
grep -q '^float32 MOST=0.5: stored as float32 MOST=0.5, as ROS' seen
grep -q '^float32 MOST=0.50: stored as float32 MOST=0.5, not as ROS' seen
grep -q '^float32 MOST=1e-3: stored as float32 MOST=0.001, not as ROS' seen
grep -q '^string UNIT=m: stored as string UNIT=m, as ROS' seen
grep -q '^string UNIT="m": stored as string UNIT=m, not as ROS' seen
