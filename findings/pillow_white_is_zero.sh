#!/bin/sh
# Pillow 13.0.0: a TIFF whose 0 is white comes out right with 8 bits, as a negative with 16.
#
# TIFF 6.0: PhotometricInterpretation 0 (WhiteIsZero) says that 0 is imaged as white, whatever
# BitsPerSample is. Nothing in mode "I;16" says that its numbers are the other way round.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder" pillow==13.0.0
PYTHONPATH="$folder" python3 - <<'P'
import io, struct, sys

import PIL
from PIL import Image


def tiff(bits: int, samples: bytes) -> bytes:
    entries = [(256, 2), (257, 1), (258, bits), (259, 1), (262, 0), (273, 8), (277, 1), (278, 1), (279, len(samples))]
    rows = b"".join(struct.pack("<HHII", tag, 4 if tag == 273 else 3, 1, value) for tag, value in entries)
    return struct.pack("<2sHI", b"II", 42, 8 + len(samples)) + samples + struct.pack("<H", len(entries)) + rows + bytes(4)


print("Pillow", PIL.__version__)
eight = Image.open(io.BytesIO(tiff(8, bytes([0, 255]))))
sixteen = Image.open(io.BytesIO(tiff(16, struct.pack("<2H", 0, 65535))))
shown = [[image.getpixel((x, 0)) for x in (0, 1)] for image in (eight, sixteen)]
print("stored as white, black:   8 bits", eight.mode, shown[0], "  16 bits", sixteen.mode, shown[1])
if shown != [[255, 0], [0, 65535]]:
    sys.exit("changed")
P
