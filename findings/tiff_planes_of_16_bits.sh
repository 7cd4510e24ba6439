#!/bin/sh
# Pillow 13.0.0 and opencv-python-headless 5.0.0.93: a TIFF of 16-bit colours whose planes lie one after the
# other is read as other colours by both, without an error.
#
# TIFF 6.0, PlanarConfiguration 2: each component is stored in a plane of its own. Pillow reads each plane as
# 8 bits, so that low and high bytes become neighbouring pixels. OpenCV takes the first plane for
# interleaved pixels.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m pip install --quiet --target "$folder" opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6
PYTHONPATH="$folder" python3 - <<'P'
import io, struct, sys

import cv2
import numpy as np
import PIL
from PIL import Image

stored = np.array([[[0x1100, 0x4400, 0x7700], [0x2200, 0x5500, 0x8800], [0x3300, 0x6600, 0x9900]]], "<u2")
height, width = stored.shape[:2]
size, at = 2 * height * width, 8 + 2 + 10 * 12 + 4
entries = [
    (256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, at), (259, 3, 1, 1), (262, 3, 1, 2),
    (273, 4, 3, at + 6), (277, 3, 1, 3), (278, 3, 1, height), (279, 4, 3, at + 18), (284, 3, 1, 2),
]
file = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
file += b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
planes = [at + 30 + plane * size for plane in range(3)]
file += struct.pack("<3H3I3I", 16, 16, 16, *planes, size, size, size) + np.moveaxis(stored, 2, 0).tobytes()

pillow = np.asarray(Image.open(io.BytesIO(file)))
opencv = cv2.imdecode(np.frombuffer(file, np.uint8), cv2.IMREAD_UNCHANGED)
print("stored, RGB:        ", [[f"{v:04x}" for v in pixel] for pixel in stored[0]])
print("Pillow", PIL.__version__, "RGB: ", [[f"{v:02x}" for v in pixel] for pixel in pillow[0]])
print("OpenCV", cv2.__version__, "BGR:", [[f"{v:04x}" for v in pixel] for pixel in opencv[0]])
# Were they right, these would be the high bytes and the samples themselves.
halves = stored.astype("<u2").view(np.uint8).reshape(1, 3, 3, 2)
as_bytes = np.stack([halves[0, :, plane].reshape(-1)[:3] for plane in range(3)], -1)[None]
if not np.array_equal(pillow, as_bytes) or opencv[0, 0].tolist()[::-1] != stored[0, :, 0].tolist():
    sys.exit("changed")
P
