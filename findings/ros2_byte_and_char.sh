#!/bin/sh
# rosbags 0.11.9 and mcap-ros2-support 0.6.0: of the byte and the char of a ROS 2 message, both unsigned, one reader
# takes the byte as signed, the other the char.
#
# ROS 2 turns a byte of a .msg file into IDL's octet, and a char into uint8, so that neither can be below 0. rosbags
# reads a byte as int8, as in ROS 1, though its own type says uint8 of an array of them; mcap-ros2-support reads a
# char as int8, as many C compilers do. The same CDR gives opposite signs for both types, without a word: raw
# data in a std_msgs/ByteMultiArray is right in one reader only, and so is text in a char[].
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rosbags==0.11.9 mcap-ros2-support==0.6.0 mcap==1.6.0
"$folder/venv/bin/python" - >"$folder/seen" <<'P'
import io
from importlib.metadata import version

from mcap.reader import make_reader
from mcap.writer import Writer
from mcap_ros2.decoder import DecoderFactory
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

DEFINITION = "byte one_byte\nchar one_char\nuint8 one_uint8\nbyte[2] bytes\nchar[2] chars\nuint8[2] uint8s\n"
NAME = "lab_msgs/msg/Raw"
CDR = bytes([0, 1, 0, 0]) + 3 * bytes([200]) + 3 * bytes([128, 255])  # little-endian, no padding needed

store = get_typestore(Stores.ROS2_JAZZY)
store.register(get_types_from_msg(DEFINITION, NAME))
by_rosbags = store.deserialize_cdr(CDR, NAME)

file = io.BytesIO()
writer = Writer(file)
writer.start(profile="ros2")
schema = writer.register_schema(NAME, "ros2msg", DEFINITION.encode())
writer.add_message(writer.register_channel("/raw", "cdr", schema), log_time=0, data=CDR, publish_time=0)
writer.finish()
reader = make_reader(io.BytesIO(file.getvalue()), decoder_factories=[DecoderFactory()])
((_, _, _, by_mcap),) = reader.iter_decoded_messages()

print("rosbags", version("rosbags"), "and mcap-ros2-support", version("mcap-ros2-support"))
for field in ("one_byte", "one_char", "one_uint8", "bytes", "chars", "uint8s"):
    values = [getattr(message, field) for message in (by_rosbags, by_mcap)]
    shown = [value if isinstance(value, int) else [int(item) for item in value] for value in values]
    print(f"{field}: rosbags {shown[0]}, mcap-ros2-support {shown[1]}")
P
cat "$folder/seen"
grep -qF "one_byte: rosbags -56, mcap-ros2-support 200" "$folder/seen"
grep -qF "one_char: rosbags 200, mcap-ros2-support -56" "$folder/seen"
grep -qF "one_uint8: rosbags 200, mcap-ros2-support 200" "$folder/seen"
grep -qF "bytes: rosbags [-128, -1], mcap-ros2-support [128, 255]" "$folder/seen"
grep -qF "chars: rosbags [128, 255], mcap-ros2-support [-128, -1]" "$folder/seen"
grep -qF "uint8s: rosbags [128, 255], mcap-ros2-support [128, 255]" "$folder/seen"
