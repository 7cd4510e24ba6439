"""Every point cloud format, written here by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sensebind.errors import InputError
from sensebind.perception.imagebind.preprocess.point_files import read_points

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
        ("c.ply", b"ply\nformat binary_little_endian 1.0\nelement vertex 99\nproperty float x\n"
                  b"property float y\nproperty float z\nend_header\nabc"),
        ("c.ply", b"ply\nformat ascii 1.0\nelement vertex 1\nproperty list uchar int x\n"
                  b"end_header\n"),
        ("c.ply", b"ply\nformat runes 1.0\nelement vertex 1\nproperty float x\nproperty float y\n"
                  b"property float z\nend_header\n1 2 3\n"),
        ("c.pcd", b"FIELDS x y\nSIZE 4 4\nTYPE F F\nPOINTS 1\nDATA ascii\n1 2\n"),
        ("c.pcd", b"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nPOINTS 9\nDATA binary\nxx"),
        ("c.pcd", b"FIELDS x y z\nSIZE 4 4 4\nTYPE F F F\nPOINTS 1\nDATA binary_compressed\n"
                  b"\x03\0\0\0\x0c\0\0\0\x20\x05\x00"),
        ("c.bin", b"seventeen bytes.."),
        ("c.xyz", b"one two three\n"),
        ("c.xyz", b"1 2\n3 4\n"),
        ("c.xyz", b"# nothing\n"),
        ("c.obj", b"o empty\n"),
        ("c.npy", b"\x93NUMPY nonsense"),
        ("c.pt", b"no tensor"),
        ("c.las", b"LASF"),
    ],
)  # fmt: skip
def test_damage_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_points(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_pickled_arrays_are_not_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", np.array([{"x": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError):
        read_points(tmp_path / "c.npy")
