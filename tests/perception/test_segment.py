"""The nearest thing is cut out of a scan; floor, walls and furniture are not things."""

import math

import numpy as np
import pytest

from sensebind.errors import InputError
from sensebind.perception.segment import nearest_cluster
from sensebind.perception.simhome.catalog import KINDS
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.scene import Scene, Thing, sample_scene
from sensebind.perception.simhome.truth import truth


@pytest.mark.parametrize("kind", KINDS)
def test_it_finds_every_kind_in_one_piece(kind: str):
    thing = Thing(kind, "red", 1.2, 0.9, math.pi + 0.6)
    cluster = nearest_cluster(SimHome(Scene(3, (thing,))).lidar())
    assert cluster is not None
    assert math.hypot(cluster.center[0] - thing.x, cluster.center[1] - thing.y) < 0.45
    assert cluster.bearing == pytest.approx(math.atan2(thing.y, thing.x), abs=0.3)
    assert len(cluster.points) > 150 and cluster.points.dtype == np.float32
    assert cluster.points[:, 2].min() > 0 and 0.35 < cluster.size[2] < 1.3
    assert cluster.distance < 1.5


def test_it_finds_the_same_thing_as_the_truth():
    found, count = 0, 40
    for seed in range(count):
        home = SimHome(5_100_000 + seed)
        near, cluster = truth(home).nearest, nearest_cluster(home.lidar())
        if near is None or cluster is None:
            found += near is None and cluster is None
            continue
        x, y = near.distance * math.cos(near.bearing), near.distance * math.sin(near.bearing)
        found += math.hypot(cluster.center[0] - x, cluster.center[1] - y) < 0.5
    assert found >= 0.95 * count


@pytest.mark.parametrize("seed", range(8))
def test_a_home_without_things_has_none(seed: int):
    assert nearest_cluster(SimHome(sample_scene(seed, things=0, sounding=False)).lidar()) is None


def test_what_is_too_far_is_not_near():
    scan = SimHome(Scene(0, (Thing("ball", "red", 2.0, 0.0),))).lidar()
    assert nearest_cluster(scan) is not None
    assert nearest_cluster(scan, max_range=1.0) is None


def test_odd_clouds():
    scan = SimHome(Scene(0, (Thing("ball", "red", 1.5, 0.0),))).lidar()
    holes = scan.copy()
    holes[::50] = np.nan
    cluster = nearest_cluster(holes)
    assert cluster is not None and np.isfinite(cluster.points).all()
    assert nearest_cluster(np.zeros((0, 3), np.float32)) is None
    assert nearest_cluster(np.ones((3, 3), np.float32)) is None
    with pytest.raises(InputError, match="finite"):
        nearest_cluster(np.full((10, 3), np.nan, np.float32))
    with pytest.raises(InputError, match=r"\[N, 3\]"):
        nearest_cluster(np.zeros((10, 2), np.float32))
