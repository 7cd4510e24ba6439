#!/bin/sh
# zstandard 0.25.0: of a file of several frames, read_to_iter gives the first and stops, without an error.
#
# RFC 8878, section 3: the content of a file is that of all its frames, one after the other. pzstd writes such
# files, and so does `cat` of packed ones; the zstd tool unpacks them whole. A first frame that is skippable
# (section 3.1.2) leaves nothing at all. stream_reader reads on if it is asked to.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder" zstandard==0.25.0
PYTHONPATH="$folder" python3 - <<'P'
import io, struct, sys
import zstandard

print("zstandard", zstandard.__version__)
two = zstandard.compress(b"a" * 1000) + zstandard.compress(b"b" * 1000)
skippable = struct.pack("<II", 0x184D2A50, 4) + b"note" + two
unpacker = zstandard.ZstdDecompressor()
seen = []
for name, packed in (("two frames of 1000 bytes", two), ("a skippable one before them", skippable)):
    first = sum(map(len, unpacker.read_to_iter(io.BytesIO(packed))))
    whole = len(unpacker.stream_reader(io.BytesIO(packed), read_across_frames=True).read())
    print(f"{name:28} read_to_iter {first} bytes, stream_reader(read_across_frames=True) {whole}")
    seen.append((first, whole))
if seen != [(1000, 2000), (0, 2000)]:
    sys.exit("changed")
P
