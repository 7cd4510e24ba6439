#!/bin/sh
# Pillow 13.0.0: signed samples of a TIFF keep their sign with 16 and 32 bits, and lose it with 8.
#
# TIFF 6.0: SampleFormat 2 says that samples are two's complement, whatever BitsPerSample is. Mode
# "L" has no sign, and nothing in the image says that there was one: -1 is as bright as can be.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder" pillow==13.0.0
PYTHONPATH="$folder" python3 - <<'P'
import io, struct, sys

import PIL
from PIL import Image


def tiff(bits: int, samples: bytes) -> bytes:
    tags = [(256, 2), (257, 1), (258, bits), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, len(samples)), (339, 2)]
    rows = b"".join(struct.pack("<HHII", tag, 4 if tag == 273 else 3, 1, value) for tag, value in tags)
    return struct.pack("<2sHI", b"II", 42, 8 + len(samples)) + samples + struct.pack("<H", len(tags)) + rows + bytes(4)


print("Pillow", PIL.__version__)
shown = {}
for bits, kind in ((8, "b"), (16, "h"), (32, "i")):
    image = Image.open(io.BytesIO(tiff(bits, struct.pack(f"<2{kind}", 5, -1))))
    shown[bits] = [image.getpixel((x, 0)) for x in (0, 1)]
    print(f"stored as 5, -1 in {bits} bits: mode {image.mode}, {shown[bits]}")
if shown != {8: [5, 255], 16: [5, -1], 32: [5, -1]}:
    sys.exit("changed")
P
