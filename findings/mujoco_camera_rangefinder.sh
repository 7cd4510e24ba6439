#!/bin/sh
# mujoco 4.0.0: for one and the same camera with a focal length, the rangefinder counts the principal point from
# the image's corner, the renderer from its centre, and camprojection does not count it at all.
#
# The XML reference calls it an offset from the centre of the image. Left at its default of 0, it lies in the middle
# of the picture (mjv_updateScene makes a symmetric frustum of it), and in a corner of the depth image: all rays go
# to the right and down, and one of four meets what the picture shows. Set to half the resolution, the depth is
# symmetric, and the picture is not; camprojection gives the middle of the image for a point straight ahead, which
# the picture has in its corner. With fovy in place of a focal length, all agree. It takes no OpenGL to see it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mujoco==4.0.0
cd "$folder"
"$folder/venv/bin/python" - >"$folder/seen" <<'P'
import mujoco
import numpy as np

MODEL = """<mujoco><worldbody>
  <body><geom size=".05" mass="1"/><camera name="eye" resolution="4 2" xyaxes="0 -1 0 0 0 1" {lens}/></body>
  <geom name="wall" type="box" size=".1 50 50" pos="3.1 0 0"/><site name="ahead" pos="3 0 0"/>
</worldbody><sensor>
  <rangefinder camera="eye" data="point"/><camprojection camera="eye" site="ahead"/>
</sensor></mujoco>"""
AHEAD = 3.0  # metres from the camera to the wall

print("mujoco", mujoco.__version__, "- metres to the right and up on a wall 3 m ahead, a picture of 4 x 2 pixels")
for name, lens in {
    "fovy": 'fovy="53.130102"',
    "focal": 'sensorsize="4 2" focalpixel="2 2"',
    "focal, principal 2 1": 'sensorsize="4 2" focalpixel="2 2" principalpixel="2 1"',
}.items():
    model = mujoco.MjModel.from_xml_string(MODEL.format(lens=lens))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    points, pixel = data.sensordata[:-2].reshape(-1, 3), data.sensordata[-2:]
    depth = [-points[:, 1].max(), -points[:, 1].min(), points[:, 2].min(), points[:, 2].max()]

    camera = mujoco.MjvCamera()
    camera.type, camera.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, 0
    scene = mujoco.MjvScene(model, 100)
    everything = mujoco.mjtCatBit.mjCAT_ALL
    mujoco.mjv_updateScene(model, data, mujoco.MjvOption(), None, camera, everything, scene)
    seen = scene.camera[0]
    # a width of 0 leaves it to the viewport, which is twice as wide as high here
    half = seen.frustum_width or seen.frustum_top - seen.frustum_bottom
    edges = [seen.frustum_center - half, seen.frustum_center + half, seen.frustum_bottom, seen.frustum_top]
    picture = np.array(edges) / seen.frustum_near * AHEAD
    for what, box in (("picture's edges", picture), ("centres of depth", depth)):
        left, right, bottom, top = (float(round(side, 2)) + 0.0 for side in box)
        print(f"{name}: {what} {left} to {right}, {bottom} to {top}")
    print(f"{name}: straight ahead is pixel {pixel[0]:.1f} {pixel[1]:.1f} by camprojection")
P
cat "$folder/seen"
grep -q "^fovy: picture's edges -3.0 to 3.0, -1.5 to 1.5$" "$folder/seen"
grep -q "^fovy: centres of depth -2.25 to 2.25, -0.75 to 0.75$" "$folder/seen"
grep -q "^focal: picture's edges -3.0 to 3.0, -1.5 to 1.5$" "$folder/seen"
grep -q "^focal: centres of depth 0.75 to 5.25, -2.25 to -0.75$" "$folder/seen"
grep -q "^focal, principal 2 1: picture's edges 0.0 to 6.0, -3.0 to 0.0$" "$folder/seen"
grep -q "^focal, principal 2 1: centres of depth -2.25 to 2.25, -0.75 to 0.75$" "$folder/seen"
test "$(grep -c "straight ahead is pixel 2.0 1.0 by camprojection$" "$folder/seen")" = 3
