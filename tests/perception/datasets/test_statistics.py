"""Statistics against numpy over all values at once."""

import numpy as np
import pytest

from sensebind.perception.datasets.statistics import QUANTILES, PixelCounts, of_values, together


def test_those_of_values_are_numpys() -> None:
    values = np.random.default_rng(0).normal(size=(50, 130)).astype(np.float32)
    found = of_values(values)
    assert found["count"].tolist() == [50]
    for name, expected in {
        "min": values.min(0),
        "max": values.max(0),
        "mean": values.mean(0),
        "std": values.std(0),
        **{name: np.quantile(values, share, axis=0) for name, share in QUANTILES.items()},
    }.items():
        np.testing.assert_allclose(found[name], expected, atol=1e-6, err_msg=name)


def test_those_of_images_are_numpys() -> None:
    images = np.random.default_rng(1).integers(20, 200, (6, 10, 14, 3), dtype=np.uint8)
    counts = PixelCounts()
    for image in images:
        counts.add(image)
    found = counts.statistics()
    pixels = images.reshape(-1, 3) / 255
    assert found["count"].tolist() == [6]
    for name, expected in {
        "min": pixels.min(0),
        "max": pixels.max(0),
        "mean": pixels.mean(0),
        "std": pixels.std(0),
        **{
            name: np.quantile(pixels, share, axis=0, method="inverted_cdf")
            for name, share in QUANTILES.items()
        },
    }.items():
        assert found[name].shape == (3, 1, 1)
        np.testing.assert_allclose(found[name].ravel(), expected, atol=1e-9, err_msg=name)


def test_two_episodes_are_as_one() -> None:
    values = np.random.default_rng(2).normal(3, 2, size=(90, 5))
    found = together([of_values(values[:20]), of_values(values[20:])])
    whole = of_values(values)
    for name in ("min", "max", "mean", "std", "count"):
        np.testing.assert_allclose(found[name], whole[name], atol=1e-12, err_msg=name)
    assert found["q50"] == pytest.approx(
        (20 * of_values(values[:20])["q50"] + 70 * of_values(values[20:])["q50"]) / 90
    )
