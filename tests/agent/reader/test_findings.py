"""What a step has found, and whether a later one is to be done for it."""

import pytest

from sensebind.agent.reader.findings import Expected, Finding, Way, satisfied, stands

LAMP = Expected(Way.STATE, state="on", about="lamp")
STATUS = '{"lamp": "off", "door": "open", "thermostat": 20}'


@pytest.mark.parametrize(
    ("test", "finding", "met"),
    [
        (LAMP, Finding("house_status", STATUS), False),
        (LAMP.opposite(), Finding("house_status", STATUS), True),
        (Expected(Way.STATE, state="open", about="door"), Finding("house_status", STATUS), True),
        (LAMP, Finding("house_status", '{"lamp": "unknown"}'), None),
        (LAMP, Finding("house_status", '{"door": "open"}'), None),
        (LAMP.opposite(), Finding("house_status", "error: no answer", failed=True), None),
        (LAMP, Finding(), None),
        (Expected(Way.NUMBER, number=2, op=">"), Finding("detect", "3 chair: left near"), True),
        (Expected(Way.NUMBER, number=2, op=">"), Finding("detect", "2 chair: left near"), False),
        (Expected(Way.NUMBER, number=20, op="<"), Finding("thermostat_get", "19"), True),
        (Expected(Way.NUMBER, number=20, op="<"), Finding("thermostat_get", "none"), None),
        (Expected(Way.THERE, about="ball"), Finding("detect", "1 ball: left near"), True),
        (Expected(Way.THERE, about="ball"), Finding("detect", "0 ball"), False),
        (Expected(Way.THERE, about="dog"), Finding(said="I hear a dog."), True),
        (Expected(Way.THERE, about="dog"), Finding(said="I hear a drum."), False),
        (Expected(Way.THERE, about="dog", negated=True), Finding(said="I hear nothing."), True),
        (Expected(Way.THERE, about="dog"), Finding(said="I did not understand that."), None),
        (Expected(Way.DONE, negated=True), Finding("approach", "error: none", failed=True), True),
        (Expected(Way.DONE, negated=True), Finding("approach", "at the ball"), False),
        (Expected(Way.DONE, negated=True), Finding(said="Which one do you mean?"), None),
    ],
)
def test_only_what_was_found_is_concluded_from(
    test: Expected, finding: Finding, met: bool | None
) -> None:
    assert satisfied(test, finding) is met
    assert satisfied(test, Finding.of_json(finding.as_json())) is met


@pytest.mark.parametrize("kept", [None, [], "on", {"tool": "detect"}])
def test_what_was_not_kept_says_nothing(kept: object) -> None:
    assert satisfied(LAMP, Finding.of_json(kept)) is None


def test_a_state_has_the_word_of_its_device() -> None:
    assert stands("lamp", "open") == "on"  # 灯开着
    assert stands("door", "on") == "open"
    assert stands("door", "closed") == "closed"
