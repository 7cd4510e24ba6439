#!/bin/sh
# opencv-python-headless 5.0.0.93: of a PLY in which another element comes before the points, loadPointCloud gives
# that element's numbers as coordinates, without an error.
#
# A PLY header declares its elements in the order in which their data follows, with names of its author's choice; a
# reader skips those that it does not know. plyfile does. OpenCV skips unknown elements only where they come after
# the points: before them, their properties count as properties of a vertex, and their rows as the first points.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 plyfile==1.1.5 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - >seen <<'P'
import struct
from pathlib import Path

import cv2
from plyfile import PlyData

CAMERA = "element camera 1\nproperty float focal\n"
POINTS = "element vertex 2\nproperty float x\nproperty float y\nproperty float z\n"
CAMERA_ROW, POINT_ROWS = struct.pack("<f", 525.0), struct.pack("<6f", 1, 2, 3, 4, 5, 6)

print("OpenCV", cv2.__version__)
for name, elements, rows in (
    ("points alone", POINTS, POINT_ROWS),
    ("camera behind the points", POINTS + CAMERA, POINT_ROWS + CAMERA_ROW),
    ("camera before the points", CAMERA + POINTS, CAMERA_ROW + POINT_ROWS),
):
    head = f"ply\nformat binary_little_endian 1.0\n{elements}end_header\n"
    Path("cloud.ply").write_bytes(head.encode() + rows)
    vertices, _, _ = cv2.loadPointCloud("cloud.ply")
    expected = [list(point) for point in PlyData.read("cloud.ply")["vertex"].data.tolist()]
    print(f"{name}: plyfile {expected} OpenCV {vertices.reshape(-1, 3).tolist()}")
P
cat seen
points="[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]"
grep -qF "points alone: plyfile $points OpenCV $points" seen
grep -qF "camera behind the points: plyfile $points OpenCV $points" seen
grep -qF "camera before the points: plyfile $points OpenCV [[525.0, 1.0, 2.0], [3.0, 4.0, 5.0]]" seen
