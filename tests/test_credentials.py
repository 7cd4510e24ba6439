"""Logins in addresses: none is ever shown, whatever people write into them."""

import json
import logging
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensebind.credentials import clean_logs, without_credentials
from sensebind.errors import ConfigurationError, SenseBindError, SourceError, one_line
from sensebind.perception.sources.registry import open_source

ADDRESSES = {
    "plain": "rtsp://admin:sesame42@127.0.0.1:9/h264",
    "@ in the password": "rtsp://admin:se@sesame42@127.0.0.1:9/h264",
    "/ in the password": "rtsp://admin:a/sesame42@127.0.0.1:9/h264",
    "query of Foscam, Reolink, Dahua": "http://127.0.0.1:9/video.cgi?user=admin&pwd=sesame42",
    "query of short names": "http://127.0.0.1:9/video.cgi?u=admin&p=sesame42",
    "query of a short word": "http://127.0.0.1:9/video.cgi?un=a&user-pw=sesame42",
    "path of XM": "rtsp://127.0.0.1:9/user=admin&password=sesame42&channel=1&stream=0.sdp",
    "path of XM with underscores": "rtsp://127.0.0.1:9/user=admin_password=sesame42_channel=1.sdp",
    "no scheme": "admin:sesame42@127.0.0.1:9/h264",
    "no scheme, a name": "admin:sesame42@frontdoor",
    "white space": "rtsp://admin:open sesame42@127.0.0.1:9/h264",
}
WRITTEN = [
    # A text as a library or a person writes it, and what of it may be seen.
    ("no answer from admin:sesame42@cam.local", "no answer from …@cam.local"),
    ("camera admin:sesame42@cam: refused", "camera …@cam: refused"),
    ("admin:sesame42@[fe80::1]:554", "…@[fe80::1]:554"),
    ("admin:sesame42@localhost", "…@localhost"),
    ("root:open sesame42@192.168.1.10", "…@192.168.1.10"),
    ("rtsp://admin:open my sesame42@192.168.1.10/h264 fails", "rtsp://…@192.168.1.10/h264 fails"),
    ("cannot open rtsp://admin:a sesame42@cam.local/x?u=1", "cannot open rtsp://…@cam.local/x?u=…"),
    ("Authorization: Basic sesame42==", "Authorization: Basic …"),
    ("{'Authorization': 'Bearer sesame42', 'a': 1}", "{'Authorization': 'Bearer …', 'a': 1}"),
    (
        json.dumps({"authorization": 'Digest user="a", x="sesame42"'}),
        '{"authorization": "Digest …"}',
    ),
    ("[(b'Authorization', b'Basic sesame42'), (b'a', b'1')]", None),
    (
        "GET / HTTP/1.1\r\nCookie: sid=sesame42\r\nHost: cam",
        "GET / HTTP/1.1\r\nCookie: …\r\nHost: cam",
    ),
    ("proxy-authorization: basic sesame42", "proxy-authorization: basic …"),
    ("X-Api-Key: sesame42", "X-Api-Key: …"),
    # Settings, dictionaries, environments.
    ("password: sesame42", "password: …"),
    ("broker:\n  password: open sesame42\n  port: 1", "broker:\n  password: …\n  port: 1"),
    ("line 3, column 5: mqtt_password: sesame42 ^", "line 3, column 5: mqtt_password: … ^"),
    ("{'password': 'open sesame42', 'port': 1}", "{'password': '…', 'port': 1}"),
    ('{"api_key": "a,\\"sesame42", "port": 1}', '{"api_key": "…", "port": 1}'),
    (
        json.dumps(json.dumps({"secret": "sesame42", "a": 1})),
        '"{\\"secret\\": \\"…\\", \\"a\\": 1}"',
    ),
    ("Login(user='a', password='sesame42')", "Login(user='a', password='…')"),
    ("MQTT_PASSWORD=sesame42 rover", "MQTT_PASSWORD=… rover"),
    ("token: sesame42abcdefghij", "token: …"),
    # Command lines.
    ("curl -u admin:sesame42 http://cam/x", "curl -u … http://cam/x"),
    ("curl --user 'admin:open sesame42' http://cam", "curl --user '…' http://cam"),
    ("['curl', '-u', 'admin:sesame42', 'http://cam']", "['curl', '-u', '…', 'http://cam']"),
    ("server --http-password sesame42 --port 1", "server --http-password … --port 1"),
    ("['server', '--api-key', 'sesame42', '--port']", "['server', '--api-key', '…', '--port']"),
    ("server --token=sesame42", "server --token=…"),
]


@pytest.mark.parametrize(("text", "shown"), WRITTEN)
def test_no_text_shows_a_login_however_it_is_written(text: str, shown: str | None) -> None:
    cleaned = without_credentials(text)
    assert "sesame42" not in cleaned
    assert shown is None or cleaned == shown


@pytest.mark.parametrize("name", ADDRESSES)
def test_no_error_of_a_camera_shows_its_login(name: str) -> None:
    with (
        pytest.raises(SenseBindError) as caught,
        open_source({"source": f"camera:{ADDRESSES[name]}", "timeout": 0.2}, stream="cam"),
    ):
        raise AssertionError("there is no camera")
    message = str(caught.value)
    assert "sesame42" not in message and "admin" not in message
    assert "127.0.0.1" in message or "frontdoor" in message


def test_what_is_no_login_stays() -> None:
    for text in (
        "frame:camera@1700000000",
        "no frame frame:lidar.front@17 is kept",
        "a@b.c wrote: hello",
        "tcp://rover@10.0.0.5:7000 is not a bus endpoint",
        "http://10.0.0.7/stream?channel=1&sub=2",
        "sorted(names, key=len)",
        "rtsp://10.0.0.7/h264",
        "git@github.com:org/repo",
        "mailto:bob@example.com",
        "50 % of 3 = 2, at 10:30 @ home",
        "at 10:30 write to bob@10.0.0.1",
        "no answer from admin@192.168.1.10:554",
        "rtsp://cam:554 is silent; ask admin@example.org",
        "tcp://10.0.0.5:7000 and tcp://rover@10.0.0.6:7000",
        "headers.Authorization: must be a text",
        "motion.password: must be a text",
        "robot.yaml, line 3, bus.secret: Field required",
        "own.key_secret: Permission denied",
        "the secret /home/a/own.key_secret cannot be read: no such file",
        "metrics: token: env:METRICS_TOKEN",
        "docker run -u 1000:1000 rover",
        "python -u -m sensebind",
        "passed: 3, token: 5",
    ):
        assert without_credentials(text) == text
    assert without_credentials("rtsp://me:p@ss/word@h:554/x?token=1f&sub=2") == (
        "rtsp://…@h:554/x?token=…&sub=2"
    )
    assert without_credentials("admin:a://b@10.0.0.7:554/x") == "…@10.0.0.7:554/x"
    assert without_credentials("http://10.0.0.7/a?user=me@home.org&sub=2") == (
        "http://10.0.0.7/a?user=…&sub=2"
    )


MARK = "s3sam3"
SCHEMES = ["rtsp", "rtsps", "http", "https", "rtmp", "udp", "tcp", "srt", "ftp", "mqtt", "RTSP"]
special = st.text(st.sampled_from("@/:%?#'\"&=;,!$*()[]{}<>|~^`+-_.\\ü€"), max_size=3)
passwords = st.lists(special, min_size=1, max_size=4).map(
    lambda between: MARK + MARK.join(between) + MARK
)
hosts = st.sampled_from(["10.0.0.7", "cam.local", "[fe80::1]", "frontdoor", "example.com"])
bare_hosts = st.sampled_from(["10.0.0.7:554", "10.0.0.7", "cam.local", "frontdoor", "example.com"])
ports = st.sampled_from(["", ":554", ":8080"])
paths = st.sampled_from(["", "/", "/h264", "/Streaming/Channels/101", "/live.sdp?channel=1"])
NAMES = """
user usr username loginuse pwd pass passwd password psw loginpas token access_token key api_key
apikey auth authorization secret X-Amz-Signature sig session sid credential USER PWD
"""
names = st.sampled_from(NAMES.split())
encodable = st.text(string.ascii_letters + string.digits + "@/:%?#'\"=;,!$*", max_size=4)
values = encodable.map(lambda text: f"{MARK}{text}{MARK}")


@st.composite
def addresses(draw: st.DrawFn) -> str:
    """An address that holds a login in one or more of the ways in which cameras take it."""
    scheme, host, path = draw(st.sampled_from(SCHEMES)), draw(hosts) + draw(ports), draw(paths)
    form = draw(
        st.sampled_from(["userinfo", "password", "query", "path", "both", "nested", "bare"])
    )
    if form == "userinfo":
        return f"{scheme}://{MARK}:{draw(passwords)}@{host}{path}"
    if form == "password":
        return f"{scheme}://:{draw(passwords)}@{host}{path}"
    if form == "bare":
        return f"admin:{draw(passwords)}@{draw(bare_hosts)}{path}"
    fields = "&".join(f"{name}={draw(values)}" for name in draw(st.lists(names, min_size=1)))
    if form == "path":
        return f"{scheme}://{host}/{fields}&channel=1"
    if form == "nested":
        return f"http://proxy/?url={scheme}%3A%2F%2Fadmin%3A{MARK}%40{draw(hosts)}%2Fx&{fields}"
    login = f"{MARK}:{draw(passwords)}@" if form == "both" else ""
    return f"{scheme}://{login}{host}/video.cgi?channel=1&{fields}"


around = st.text("ab:/@=.'\"({ \n", max_size=12)


@settings(max_examples=150, deadline=None)
@given(addresses(), around, around, st.sampled_from(["", " ", "'", '"', "(", "camera:", "=", "["]))
def test_no_secret_of_any_address_is_shown(
    address: str, before: str, after: str, quote: str
) -> None:
    text = f"{before} {quote}{address}{quote} {after}"
    for shown in (
        without_credentials(text),
        str(SourceError(text)),
        one_line(ValueError(text)),
        without_credentials(repr(text)),
    ):
        assert MARK not in shown


@settings(max_examples=40, deadline=None)
@given(addresses())
def test_a_camera_shows_no_secret_of_its_address(address: str) -> None:
    try:
        source = open_source(f"camera:{address}", stream="cam")
    except ConfigurationError as error:
        assert MARK not in str(error)
    else:
        assert MARK not in str(source._device) and MARK not in source._mailbox._name  # type: ignore[attr-defined]


def test_a_secret_up_to_the_end_of_its_line_is_not_in_one_line_either() -> None:
    error = ValueError("not YAML\n  password: correct horse battery\n  ^ here")
    assert one_line(error) == "not YAML password: … ^ here"


def test_no_log_shows_a_login(caplog: pytest.LogCaptureFixture) -> None:
    before = logging.getLogRecordFactory()
    try:
        clean_logs()
        clean_logs()
        log = logging.getLogger("a.library")
        log.warning("cannot open %s: %d", ADDRESSES["plain"], 401)
        try:
            raise OSError(f"no answer from {ADDRESSES['@ in the password']}")
        except OSError:
            log.exception("it failed")
    finally:
        logging.setLogRecordFactory(before)
    assert "sesame42" not in caplog.text
    assert "127.0.0.1:9/h264: 401" in caplog.text and "OSError: no answer" in caplog.text


class Unprintable:
    def __str__(self) -> str:
        raise LookupError("nobody knows")


def test_a_line_that_cannot_be_made_ends_nobody(caplog: pytest.LogCaptureFixture) -> None:
    before = logging.getLogRecordFactory()
    try:
        clean_logs()
        log = logging.getLogger("a.library")
        log.warning("%d dogs", "some")
        log.warning("pwd=sesame42 %s %s", "one")
        log.warning(Unprintable())
        log.warning("it is %s", Unprintable())
    finally:
        logging.setLogRecordFactory(before)
    assert caplog.messages == [
        "%d dogs [its values do not fit it: TypeError]",
        "pwd=… %s %s [its values do not fit it: TypeError]",
        "a Unprintable [its values do not fit it: LookupError]",
        "it is %s [its values do not fit it: LookupError]",
    ]
