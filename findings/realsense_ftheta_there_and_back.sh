#!/bin/sh
# pyrealsense2 2.59.1.11053: for a fisheye of the F-Theta model, rs2_deproject_pixel_to_point does not undo
# rs2_project_point_to_pixel. With a coefficient of 0.9 each point comes back 26 % farther from the optical axis.
#
# The model draws a radius r at rd = atan(2 r tan(w/2)) / w, so that r = tan(w rd) / (2 tan(w/2)). Projecting follows
# it; what deprojecting gives is r times 2 tan(w/2) / atan(2 tan(w/2)). That is a wrong scale, the same next to the
# axis and far from it. For lenses without distortion, of both Brown-Conrady models and of Kannala-Brandt, the two
# functions undo each other.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyrealsense2==2.59.1.11053
"$folder/venv/bin/python" - >"$folder/seen" <<'P'
from importlib.metadata import version
from math import atan, hypot, tan

import pyrealsense2 as rs

print("pyrealsense2", version("pyrealsense2"), "- a point 1 m ahead, projected and deprojected: how far off the axis")
BROWN = [0.1, -0.2, 0.001, 0.002, 0.05]
lens = rs.intrinsics()
lens.width, lens.height, lens.fx, lens.fy, lens.ppx, lens.ppy = 640, 480, 300.0, 300.0, 320.0, 240.0
for name, coefficients in (
    ("none", [0.0] * 5),
    ("brown_conrady", BROWN),
    ("inverse_brown_conrady", BROWN),
    ("kannala_brandt4", [0.02, -0.003, 0.001, 0.0005, 0.0]),
    ("ftheta", [0.9, 0.0, 0.0, 0.0, 0.0]),
):
    lens.model, lens.coeffs = getattr(rs.distortion, name), coefficients
    for point in ([0.03, 0.04, 1.0], [0.24, 0.32, 1.0]):
        pixel = rs.rs2_project_point_to_pixel(lens, point)
        back = rs.rs2_deproject_pixel_to_point(lens, pixel, 1.0)
        print(f"{name}: {hypot(*point[:2]):.2f} comes back as {hypot(*back[:2]):.3f}")
w = 0.9
rd = atan(2 * 0.4 * tan(w / 2)) / w
print(f"by the formula: 0.40 is drawn at {300 * rd:.1f} pixels, and back from there it is "
      f"{tan(w * rd) / (2 * tan(w / 2)):.3f}")
pixel = rs.rs2_project_point_to_pixel(lens, [0.24, 0.32, 1.0])
print(f"by the library: 0.40 is drawn at {hypot(pixel[0] - 320, pixel[1] - 240):.1f} pixels")
P
cat "$folder/seen"
for name in none brown_conrady inverse_brown_conrady kannala_brandt4; do
    grep -q "^$name: 0.05 comes back as 0.050$" "$folder/seen"
    grep -q "^$name: 0.40 comes back as 0.400$" "$folder/seen"
done
grep -q "^ftheta: 0.05 comes back as 0.063$" "$folder/seen"
grep -q "^ftheta: 0.40 comes back as 0.503$" "$folder/seen"
grep -q "^by the formula: 0.40 is drawn at 122.9 pixels, and back from there it is 0.400$" "$folder/seen"
grep -q "^by the library: 0.40 is drawn at 122.9 pixels$" "$folder/seen"
