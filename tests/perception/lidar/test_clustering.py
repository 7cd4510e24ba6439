"""The nearest thing is cut out of a scan; floor, walls and furniture are not things."""

import math

import numpy as np
import pytest
from fixtures.vlp16 import ELEVATIONS, room
from scipy.spatial.transform import Rotation

from sensebind.errors import InputError
from sensebind.perception.lidar.clustering import clusters, level, nearest_cluster
from sensebind.perception.simhome.catalog import KINDS
from sensebind.perception.simhome.ground_truth import truth
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.sampling import sample_scene
from sensebind.perception.simhome.scene import Scene, Thing


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


def test_all_things_come_one_by_one_the_nearest_first():
    placed = [(1.0, 0.0), (0.0, 1.6), (-2.0, 0.4)]
    things = tuple(Thing("ball", "red", x, y) for x, y in placed)
    scan = SimHome(Scene(3, things)).lidar()
    found = clusters(scan)
    assert len(found) == 3
    for cluster, (x, y) in zip(found, placed, strict=True):
        assert math.hypot(cluster.center[0] - x, cluster.center[1] - y) < 0.3
    nearest = nearest_cluster(scan)
    assert nearest is not None
    np.testing.assert_array_equal(found[0].points, nearest.points)
    rows = np.concatenate([cluster.points for cluster in found])
    assert len(np.unique(rows, axis=0)) == len(rows), "a point belongs to two things"
    assert len(clusters(scan, limit=2)) == 2
    assert len(clusters(scan, min_range=1.3)) == 2
    assert len(clusters(scan, max_range=1.3)) == 1


def test_a_tilted_sensor_is_levelled():
    scan = SimHome(Scene(3, (Thing("ball", "red", 1.5, 0.5),))).lidar()
    tilted = Rotation.from_euler("xyz", [5, -6, 0], degrees=True).apply(scan)
    tilted = tilted.astype(np.float32) + np.array([0, 0, 0.1], np.float32)
    floor = level(tilted)
    assert np.mean(np.abs(floor[:, 2] + 0.6) < 0.03) == pytest.approx(
        np.mean(np.abs(scan[:, 2] + 0.6) < 0.03), abs=0.02
    )
    [straight], [levelled] = clusters(scan), clusters(tilted, uneven=True)
    np.testing.assert_allclose(levelled.center, straight.center, atol=0.15)


def test_a_vlp16_sees_the_post_in_the_room():
    ranges = room()  # [columns,16]
    azimuth = np.arange(len(ranges))[:, None] * 2 * np.pi / len(ranges)
    flat = ranges * np.cos(ELEVATIONS)
    sweep = np.stack(
        [flat * np.cos(azimuth), -flat * np.sin(azimuth), ranges * np.sin(ELEVATIONS)], axis=-1
    )
    [post] = clusters(sweep.reshape(-1, 3).astype(np.float32), uneven=True)
    assert post.center[:2] == pytest.approx((2.0, 0.0), abs=0.1)
    assert post.size[1] == pytest.approx(0.3, abs=0.05) and post.size[2] > 0.5


def test_without_a_floor_nothing_is_turned():
    rng = np.random.default_rng(0)
    for cloud in (np.zeros((0, 3)), rng.uniform(2, 3, (500, 3)), np.full((100, 3), -0.6)):
        np.testing.assert_array_equal(level(cloud.astype(np.float32)), cloud.astype(np.float32))


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
