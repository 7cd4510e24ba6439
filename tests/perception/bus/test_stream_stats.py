"""The rate of a stream, as every reader of the bus reports it."""

import pytest

from sensebind.perception.bus.stream_stats import WINDOW, Arrivals


@pytest.mark.parametrize("rate", [0.8, 5.0, 60.0, 1000.0])
def test_a_steady_stream_has_its_rate(rate: float) -> None:
    arrivals = Arrivals()
    for number in range(int(10 * rate)):
        arrivals.add(100 + number / rate)
    assert arrivals.rate(110.0) == pytest.approx(rate, rel=1e-6)


def test_a_stream_that_ends_has_none() -> None:
    arrivals = Arrivals()
    assert arrivals.rate(0.0) == 0.0
    arrivals.add(10.0)
    assert arrivals.rate(10.0) == 0.0
    arrivals.add(10.5)
    assert arrivals.rate(10.6) == 2.0
    assert arrivals.rate(10.5 + WINDOW) == 0.0
    arrivals.clear()
    assert arrivals.rate(10.6) == 0.0
