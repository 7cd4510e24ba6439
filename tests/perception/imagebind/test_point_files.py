"""Every point cloud format, written here by hand."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sensebind.errors import InputError
from sensebind.perception.imagebind.preprocess.point_files import read_points
from sensebind.perception.imagebind.preprocess.points import cloud as checked

CLOUD = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)


def ply(path: Path, encoding: str, order: str) -> None:
    header = (
        f"ply\nformat {encoding} 1.0\ncomment by hand\nelement vertex {len(CLOUD)}\n"
        "property uchar red\nproperty float x\nproperty double y\nproperty float z\n"
        "element face 0\nproperty list uchar int vertex_indices\nend_header\n"
    )
    if encoding == "ascii":
        body = "\n".join(f"7 {x} {y} {z}" for x, y, z in CLOUD.tolist()).encode() + b"\n"
    else:
        layout = [("red", "u1"), ("x", order + "f4"), ("y", order + "f8"), ("z", order + "f4")]
        records = np.zeros(len(CLOUD), layout)
        records["x"], records["y"], records["z"] = CLOUD.T
        body = records.tobytes()
    path.write_bytes(header.encode() + body)


def lzf_literals(data: bytes) -> bytes:
    """LZF without a single reference: runs of up to 32 literals."""
    runs = [data[i : i + 32] for i in range(0, len(data), 32)]
    return b"".join(bytes([len(run) - 1]) + run for run in runs)


def pcd(path: Path, encoding: str, cloud: np.ndarray = CLOUD) -> None:
    header = (
        "# .PCD v0.7\nVERSION 0.7\nFIELDS x y z _ intensity\nSIZE 4 4 4 1 4\nTYPE F F F U F\n"
        f"COUNT 1 1 1 4 1\nWIDTH {len(cloud)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\n"
        f"POINTS {len(cloud)}\nDATA {encoding}\n"
    )
    if encoding == "ascii":
        body = "\n".join(f"{x} {y} {z} 0 0 0 0 0.5" for x, y, z in cloud.tolist()).encode()
    elif encoding == "binary":
        records = np.zeros(len(cloud), "<f4,<f4,<f4,(4,)u1,<f4")
        for i in range(3):
            records[f"f{i}"] = cloud[:, i]
        body = records.tobytes()
    else:
        raw = cloud.T.astype("<f4").tobytes() + bytes(8 * len(cloud))
        packed = lzf_literals(raw)
        body = np.array([len(packed), len(raw)], "<u4").tobytes() + packed
    path.write_bytes(header.encode() + body)


@pytest.mark.parametrize(
    ("encoding", "order"),
    [("ascii", ""), ("binary_little_endian", "<"), ("binary_big_endian", ">")],
)
def test_ply(tmp_path: Path, encoding: str, order: str) -> None:
    ply(tmp_path / "c.ply", encoding, order)
    np.testing.assert_allclose(read_points(tmp_path / "c.ply"), CLOUD, rtol=1e-6)


@pytest.mark.parametrize("encoding", ["ascii", "binary", "binary_compressed"])
def test_pcd(tmp_path: Path, encoding: str) -> None:
    pcd(tmp_path / "c.pcd", encoding)
    np.testing.assert_allclose(read_points(tmp_path / "c.pcd"), CLOUD, rtol=1e-6)


@pytest.mark.parametrize("encoding", ["ascii", "binary", "binary_compressed"])
def test_pcd_points_without_return_are_left_out(tmp_path: Path, encoding: str) -> None:
    cloud = CLOUD.copy()
    cloud[::2, 1] = np.nan
    pcd(tmp_path / "c.pcd", encoding, cloud)
    np.testing.assert_allclose(read_points(tmp_path / "c.pcd"), CLOUD[1::2], rtol=1e-6)
    pcd(tmp_path / "c.pcd", encoding, cloud * np.nan)
    with pytest.raises(InputError, match="no point"):
        read_points(tmp_path / "c.pcd")


def test_pcd_by_another_library(tmp_path: Path) -> None:
    pypcd4 = pytest.importorskip("pypcd4")
    repeated = np.repeat(CLOUD, 50, axis=0)  # so that the packer finds references
    cloud = pypcd4.PointCloud.from_xyz_points(repeated)
    for name in ("ASCII", "BINARY", "BINARY_COMPRESSED"):
        cloud.save(tmp_path / "c.pcd", encoding=pypcd4.Encoding[name])
        np.testing.assert_allclose(read_points(tmp_path / "c.pcd"), repeated, rtol=1e-5, atol=1e-6)


def test_numbers_in_rows_and_arrays(tmp_path: Path) -> None:
    rows = "\n".join(f"{x} {y} {z} 9" for x, y, z in CLOUD.tolist())
    (tmp_path / "c.xyz").write_text("# x y z\n" + rows)
    (tmp_path / "c.pts").write_text(f"{len(CLOUD)}\n{rows}\n")
    (tmp_path / "c.txt").write_text(rows.replace(" ", ","))
    lines = "\n".join(f"v {x} {y} {z}" for x, y, z in CLOUD.tolist())
    (tmp_path / "c.obj").write_text(f"o thing\n{lines}\nvn 0 0 1\nf 1 2 3\n")
    np.save(tmp_path / "c.npy", CLOUD)
    torch.save(torch.from_numpy(CLOUD), tmp_path / "c.pt")
    np.hstack([CLOUD, np.ones((40, 1), np.float32)]).tofile(tmp_path / "c.bin")
    for suffix in ("xyz", "pts", "txt", "obj", "npy", "pt", "bin"):
        points = read_points(tmp_path / f"c.{suffix}")
        np.testing.assert_allclose(points[:, :3], CLOUD, rtol=1e-6, err_msg=suffix)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.ply", b"ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nend_header\n1\n2\n"),
        (
            "c.ply",
            b"ply\nformat binary_little_endian 1.0\nelement vertex 99\nproperty float x\n"
            b"property float y\nproperty float z\nend_header\nabc",
        ),
        (
            "c.ply",
            b"ply\nformat ascii 1.0\nelement vertex 1\nproperty list uchar int x\nend_header\n",
        ),
        (
            "c.ply",
            b"ply\nformat runes 1.0\nelement vertex 1\nproperty float x\nproperty float y\n"
            b"property float z\nend_header\n1 2 3\n",
        ),
        ("c.pcd", b"FIELDS x y\nSIZE 4 4\nTYPE F F\nPOINTS 1\nDATA ascii\n1 2\n"),
        ("c.pcd", b"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nPOINTS 9\nDATA binary\nxx"),
        (
            "c.pcd",
            b"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nPOINTS 1\nDATA binary_compressed\n"
            b"\x03\0\0\0\x0c\0\0\0\x20\x05\x00",
        ),
        ("c.bin", b"seventeen bytes.."),
        ("c.xyz", b"one two three\n"),
        ("c.xyz", b"1 2\n3 4\n"),
        ("c.xyz", b"# nothing\n"),
        ("c.obj", b"o empty\n"),
        ("c.npy", b"\x93NUMPY nonsense"),
        ("c.pt", b"no tensor"),
        ("c.las", b"LASF"),
    ],
)
def test_damage_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_points(tmp_path / name)
    assert "\n" not in str(caught.value)


POINTS = [[1.0, 2.0, 3.0], [4.5, 5.5, 6.5], [-7.0, -8.0, -9.0]]
ROWS = b"1 2 3\n4.5 5.5 6.5\n-7 -8 -9\n"
FLOATS = np.array(POINTS, "<f4").tobytes()


def pcd_head(shape: str, encoding: str, fields: str = "x y z") -> bytes:
    return (
        f"VERSION 0.7\nFIELDS {fields}\nSIZE 4 4 4\nTYPE F F F\nCOUNT 1 1 1\n{shape}"
        f"DATA {encoding}\n"
    ).encode()


def ply_head(encoding: str, properties: str, before: str = "", after: str = "") -> bytes:
    listed = "".join(f"property {one}\n" for one in properties.split(", "))
    return (
        f"ply\nformat {encoding} 1.0\n{before}element vertex 3\n{listed}{after}end_header\n"
    ).encode()


XYZ = "float x, float y, float z"
LISTS = b"".join(
    struct.pack("<fB", x, n) + bytes(2 * n) + struct.pack("<ff", y, z)
    for n, (x, y, z) in enumerate(POINTS)
)
FACES = "element face 2\nproperty list uchar int vertex_indices\n"
LONG, SHORT = struct.pack("<B5i", 5, 0, 1, 2, 0, 1), struct.pack("<B3i", 3, 0, 1, 2)
CAMERA = "element camera 1\nproperty float x\nproperty list uchar short kind\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.pcd", pcd_head("WIDTH 1\nHEIGHT 3\n", "binary") + FLOATS),
        ("c.pcd", pcd_head("WIDTH 1\nHEIGHT 3\n", "ascii") + ROWS),
        ("c.pcd", pcd_head("WIDTH 3\nHEIGHT 1\n", "ascii", "X Y Z") + ROWS),
        ("c.pcd", "# für die Werkstatt\n".encode() + pcd_head("POINTS 3\n", "binary") + FLOATS),
        ("c.pcd", b"\xef\xbb\xbf#\xfc\n" + pcd_head("POINTS 3\n", "ascii") + ROWS),
        ("c.ply", ply_head("ascii", XYZ, before="comment Küche.png\n") + ROWS),
        ("c.ply", ply_head("ascii", XYZ.upper().replace("FLOAT", "float")) + ROWS),
        ("c.ply", ply_head("ascii", XYZ).replace(b"\n", b"\r\n") + ROWS),
        ("c.ply", ply_head("binary_little_endian", XYZ).replace(b"\n", b"\r") + FLOATS),
        (
            "c.ply",
            ply_head("ascii", "list uchar int of, " + XYZ)
            + b"0 1 2 3\n2 9 9 4.5 5.5 6.5\n\n1 8 -7 -8 -9\n",
        ),
        (
            "c.ply",
            ply_head("binary_little_endian", "float x, list uchar short of, float y, float z")
            + LISTS,
        ),
        ("c.ply", ply_head("ascii", XYZ, before=CAMERA) + b"0 2 1 1\n" + ROWS),
        (
            "c.ply",
            ply_head("binary_little_endian", XYZ, before=CAMERA) + b"\0\0\0\0\2\1\1\1\1" + FLOATS,
        ),
        (
            "c.ply",
            ply_head(
                "binary_little_endian",
                XYZ,
                after="element face 1\nproperty list uchar int vertex_indices\n",
            )
            + FLOATS
            + bytes(13),
        ),
        ("c.ply", ply_head("binary_little_endian", XYZ, before=FACES) + LONG + SHORT + FLOATS),
        ("c.ply", ply_head("binary_little_endian", XYZ, before=FACES) + SHORT + LONG + FLOATS),
        ("c.pcd", pcd_head("POINTS 3\n", "binary").replace(b"FIELDS", b"COLUMNS") + FLOATS),
        ("c.txt", b"1;2;3\n4.5;5.5;6.5\n-7;-8;-9\n"),
        ("c.txt", b"1, 2, 3\n4.5, 5.5, 6.5\n-7, -8, -9,\n"),
        ("c.txt", b"//X Y Z\n" + ROWS),
        ("c.txt", "%% Größe in Metern\n".encode("latin-1") + ROWS),
        ("c.txt", b"intensity,Z,Y,X\n9,3,2,1\n9,6.5,5.5,4.5\n9,-9,-8,-7 # the last\n"),
        ("c.xyz", b"\xef\xbb\xbf" + ROWS),
        ("c.xyz", ROWS.decode().encode("utf-16")),
        ("c.pts", b"3\r\n" + ROWS.replace(b"\n", b"\r\n")),
        ("c.obj", "# Größe\nv\t1 2 3\nv 4.5 5.5 6.5 1 0 0\nv -7 \\\n-8 -9 1\n".encode("latin-1")),
        (
            "c.ply",
            ply_head("binary_big_endian", XYZ + ", uchar red")
            + b"".join(struct.pack(">3fB", *point, 9) for point in POINTS),
        ),
    ],
)
def test_odd_but_valid_files(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    np.testing.assert_allclose(read_points(tmp_path / name)[:, :3], POINTS)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("c.xyz", b"1,0 2,0 3,0\n4,5 5,5 6,5\n", "decimal commas as in '1,0 2,0 3,0'"),
        ("c.txt", b"1,0;2,0;3,0\n", "decimal commas"),
        ("c.txt", b"1,5\t2,5\t3,5\n", "decimal commas"),
        ("c.pcd", pcd_head("WIDTH 2\nHEIGHT 2\n", "ascii") + ROWS, "cut off after 3 of 4"),
        ("c.pcd", pcd_head("WIDTH 2\nHEIGHT 2\nPOINTS 3\n", "ascii") + ROWS, "POINTS is 3"),
        ("c.pcd", pcd_head("", "ascii") + ROWS, "neither POINTS nor WIDTH"),
        ("c.ply", ply_head("ascii", XYZ) + b"1 2 3\n", "cut off after 1 of 3"),
        ("c.ply", ply_head("ascii", "list uchar float x, float y, float z") + ROWS, "are lists"),
        (
            "c.ply",
            ply_head("binary_little_endian", XYZ + ", list uint char of") + FLOATS,
            "cannot be read",
        ),
        ("c.obj", b"v 1 2\n", "a vertex of 2 numbers"),
        ("c.pcd", pcd_head("POINTS 3\n", "binary").replace(b"FIELDS", b"F") + FLOATS, "no FIELDS"),
        ("c.pts", b"1 2 3\n4 5 6\n1\n", "changed from 3 to 1 at row 3$"),
        ("c.bin", b"seventeen bytes..", "fit no known layout"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=why):
        read_points(tmp_path / name)


def test_beams_without_a_return_are_left_out_and_a_vertex_at_the_origin_stays(
    tmp_path: Path,
) -> None:
    def saved(*points: list[float]) -> Path:
        np.save(tmp_path / "c.npy", np.array(points))
        return tmp_path / "c.npy"

    nothing, vertex = [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]
    assert len(read_points(saved(nothing, vertex))) == 2
    assert len(read_points(saved(nothing, vertex, nothing))) == 1
    assert len(read_points(saved(vertex, [np.nan] * 3))) == 1
    assert len(read_points(saved(vertex, [np.nan] * 3), keep_nan=True)) == 2
    with pytest.raises(InputError, match="holds no point"):
        read_points(saved(nothing, nothing))


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(["c.pcd", "c.ply", "c.obj", "c.txt", "c.bin"]),
    start=st.sampled_from([0, 1, 2]),
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=8),
    cut=st.floats(0, 1),
)
def test_any_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    start: int,
    changes: list[tuple[float, int]],
    cut: float,
) -> None:
    starts = {
        "c.pcd": [pcd_head("WIDTH 1\nHEIGHT 3\n", kind) for kind in ("ascii", "binary")],
        "c.ply": [
            ply_head("ascii", XYZ),
            ply_head("binary_little_endian", XYZ),
            ply_head("binary_little_endian", "list uchar short of, " + XYZ),
        ],
        "c.txt": [b"//X Y Z\n", b"3\n"],
        "c.obj": [b"v 1 2 3\nv "],
        "c.bin": [b"", FLOATS * 9],
    }[name]
    data = bytearray(starts[start % len(starts)] + (FLOATS if start else ROWS))
    for where, value in changes:
        data[min(int(where * len(data)), len(data) - 1)] = value
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data[: max(1, int(cut * len(data)))])
    try:
        points = read_points(path)
    except InputError as error:
        assert "\n" not in str(error)
        return
    assert points.ndim == 2 and points.shape[1] >= 3 and np.isfinite(points[:, :3]).all()


def test_arrays_that_are_not_rows_of_plain_numbers(tmp_path: Path) -> None:
    points = np.array(POINTS)
    fields = np.array([(9, *point[::-1]) for point in POINTS], "u1,>f4,<f8,<i4")
    fields.dtype.names = ("ring", "Z", "y", "X")
    np.save(tmp_path / "c.npy", fields)
    expected = [[np.trunc(x), y, z] for x, y, z in POINTS]
    np.testing.assert_allclose(read_points(tmp_path / "c.npy"), expected)
    np.save(tmp_path / "c.npy", np.asfortranarray(points.astype(">f4")))
    np.testing.assert_allclose(read_points(tmp_path / "c.npy"), points)
    for tensor in (torch.tensor(points, requires_grad=True), torch.tensor(points).bfloat16()):
        torch.save(tensor, tmp_path / "c.pt")
        np.testing.assert_allclose(read_points(tmp_path / "c.pt"), points)
    np.save(tmp_path / "c.npy", np.zeros((4, 500)))  # as the nuScenes devkit has its clouds
    with pytest.raises(InputError, match=r"holds \[4, 500\]: a row is a point; transpose it"):
        read_points(tmp_path / "c.npy")


NOTHING = np.full(3, np.nan, "<f4").tobytes()
"""A beam without a return, as PCL's drivers write it."""


@pytest.mark.parametrize("encoding", ["ascii", "binary"])
def test_beams_without_a_return_of_an_organized_cloud_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, encoding: str
) -> None:
    body = FLOATS + NOTHING if encoding == "binary" else ROWS + b"nan nan nan\n"
    (tmp_path / "c.pcd").write_bytes(pcd_head("WIDTH 2\nHEIGHT 2\n", encoding) + body)
    assert len(read_points(tmp_path / "c.pcd")) == 3 and not caplog.text
    np.testing.assert_allclose(read_points(tmp_path / "c.pcd", keep_nan=True), POINTS)
    assert "c.pcd: 1 of 4 points left out" in caplog.text


def test_points_at_the_origin_that_a_model_loses_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    np.save(tmp_path / "c.npy", np.array([[0, 0, 0], [1, 2, 3], [0, 0, 0]], np.float32))
    assert len(read_points(tmp_path / "c.npy")) == 1 and not caplog.text
    assert len(read_points(tmp_path / "c.npy", keep_nan=True)) == 1
    assert "c.npy: 2 of 3 points left out" in caplog.text


@pytest.mark.parametrize(
    ("name", "head", "point"),
    [
        ("c.pcd", pcd_head("WIDTH 4\nHEIGHT 1\n", "binary"), NOTHING),
        ("c.pcd", pcd_head("POINTS 4\n", "binary"), NOTHING),
        ("c.pcd", pcd_head("WIDTH 2\nHEIGHT 2\n", "binary"), struct.pack("<3f", 1, np.nan, 3)),
        ("c.ply", ply_head("binary_little_endian", XYZ).replace(b"vertex 3", b"vertex 4"), NOTHING),
    ],
)
def test_nan_in_a_model_is_refused(tmp_path: Path, name: str, head: bytes, point: bytes) -> None:
    """As `--points` reads it: a list of points has no place to keep, and half a point is damage."""
    (tmp_path / name).write_bytes(head + FLOATS + point)
    with pytest.raises(InputError, match="1 of 4 points are NaN or infinite; remove them first"):
        checked(read_points(tmp_path / name, keep_nan=True))
    np.testing.assert_allclose(read_points(tmp_path / name), POINTS)  # a lidar's: no return


def test_a_cloud_without_any_return_says_so(tmp_path: Path) -> None:
    (tmp_path / "c.pcd").write_bytes(pcd_head("WIDTH 2\nHEIGHT 2\n", "binary") + 4 * NOTHING)
    for keep_nan in (False, True):
        with pytest.raises(InputError, match="no point: none of its 4 points is a return"):
            read_points(tmp_path / "c.pcd", keep_nan=keep_nan)


def test_pickled_arrays_are_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", np.array([{"x": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError):
        read_points(tmp_path / "c.npy")
