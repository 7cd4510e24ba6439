"""CURVE keys of the bus: who may listen to this robot, and which robots this agent believes.

A directory holds one key pair, `own.key` and `own.key_secret`, and in `allowed/` the public keys of
those it deals with, in ZeroMQ's certificate format. Both sides of a connection prove that they
hold the secret half of their key; everything on the wire is encrypted.
"""

from __future__ import annotations

import logging
import re
import stat
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import zmq
from zmq.utils import z85

from sensebind.errors import BusError, ConfigurationError
from sensebind.perception.bus.key_directory import default_directory as default_directory
from sensebind.perception.storage.private_files import write_private

log = logging.getLogger(__name__)

KEY_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
_PUBLIC, _SECRET, _ALLOWED = "own.key", "own.key_secret", "allowed"
_Z85 = re.compile(rb"[0-9A-Za-z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")
_LOOK_AGAIN = 1.0  # seconds after which keys may have been allowed or removed meanwhile
_FAILED = zmq.Event.HANDSHAKE_FAILED_NO_DETAIL | zmq.Event.HANDSHAKE_FAILED_PROTOCOL
_DOMAIN = b"sensebind"


@dataclass(frozen=True)
class KeyRing:
    """A key pair and the public keys that are trusted.

    Attributes:
        directory: Where they were read.
        public: Own public key, Z85.
        secret: Its secret half, Z85.
        allowed: Names by public key.
    """

    directory: Path
    public: bytes
    secret: bytes
    allowed: dict[bytes, str]

    def __repr__(self) -> str:
        return f"KeyRing({str(self.directory)!r}, {len(self.allowed)} allowed)"

    @classmethod
    def load(cls, directory: Path | str) -> KeyRing:
        """Read a key directory.

        Raises:
            BusError: There are no keys, a file is damaged, or others can read the secret one.
        """
        directory = Path(directory).expanduser()
        secret_file = directory / _SECRET
        if not secret_file.is_file():
            raise BusError(f"no keys in {directory}: make them with `sensebind keys new`")
        mode = stat.S_IMODE(secret_file.stat().st_mode)
        if mode & 0o077:
            raise BusError(
                f"{secret_file} can be read by others (mode {mode:03o}): chmod 600 it, or make "
                "new keys if others have had access"
            )
        public, secret = _read(secret_file)
        if secret is None:
            raise BusError(f"{secret_file} holds no secret key: make new ones")
        return cls(directory, public, secret, read_allowed(directory))

    def server(self, name: str) -> bytes:
        """Return the public key that a publisher must prove to hold.

        Args:
            name: As it was allowed under; "" where only one key is allowed.

        Raises:
            BusError: It is not allowed, or several are allowed and none is named.
        """
        names = {known: key for key, known in self.allowed.items()}
        if name in names:
            return names[name]
        if not name and len(names) == 1:
            return next(iter(self.allowed))
        known = ", ".join(sorted(names)) or "none"
        asked = f"no key {name!r} is allowed" if name else "say whose key is meant, tcp://NAME@…"
        raise BusError(f"{asked} in {self.directory} (there: {known}); see `sensebind keys allow`")

    def guard_client(self, socket: zmq.Socket, name: str) -> bytes:
        """Make a connecting socket prove itself, and believe only the holder of a key.

        Returns:
            That key.
        """
        key = self.server(name)
        socket.setsockopt(zmq.CURVE_SERVERKEY, key)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, self.public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self.secret)
        return key


class Gate:
    """Lets in at a bound socket who holds an allowed key, and counts who was turned away.

    Answers ZeroMQ's authentication protocol (ZAP, RFC 27) without a thread of its own: who uses the
    guarded socket polls `sockets` with it and calls `serve` at least every second. Keys that are
    allowed while it runs are noticed, and who was turned away tries again by itself. Keys that are
    removed are not let in any more. libzmq knows no way to end one connection: whoever uses the
    socket closes all of them, by `BoundSocket.renew`, when `must_cut` says so; those whose
    keys are still allowed come back by themselves.

    Attributes:
        ring: The key pair of the socket, and where allowed keys are read.
        sockets: What to poll together with the guarded socket; empty before `open`.
    """

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self._allowed = AllowedKeys(ring)
        self._let_in: set[bytes] = set()
        self.must_cut = False
        """Whether somebody whose key has been removed may still be connected."""
        self.turned_away = 0
        """Connection attempts so far without a key or with one that is not allowed."""
        self.sockets: tuple[zmq.Socket, ...] = ()

    def open(self, context: zmq.Context, socket: zmq.Socket) -> None:
        """Guard a socket that is not bound yet."""
        self._allowed.look()
        questions = context.socket(zmq.REP)
        questions.setsockopt(zmq.LINGER, 0)
        questions.bind("inproc://zeromq.zap.01")
        socket.setsockopt(zmq.CURVE_SERVER, 1)
        socket.setsockopt(zmq.CURVE_PUBLICKEY, self.ring.public)
        socket.setsockopt(zmq.CURVE_SECRETKEY, self.ring.secret)
        socket.setsockopt(zmq.ZAP_DOMAIN, _DOMAIN)
        self.sockets = (questions, socket.get_monitor_socket(_FAILED))

    def serve(self) -> None:
        """Answer who asks to come in, and count those who did not even ask properly."""
        if not self.sockets:
            return
        questions, monitor = self.sockets
        self._allowed.look_again()
        gone = self._let_in - self._allowed.keys
        self.must_cut = self.must_cut or bool(gone)
        while questions.poll(0):
            frames = questions.recv_multipart()
            good = len(frames) == 7 and frames[5] == b"CURVE" and self._knows(frames[6])
            self.turned_away += not good
            # 300 is "not now": the other side tries again, and is let in once its key is allowed.
            status, text = (b"200", b"OK") if good else (b"300", b"key is not allowed")
            number = frames[1] if len(frames) > 1 else b""
            questions.send_multipart([b"1.0", number, status, text, b"", b""])
        while monitor.poll(0):
            from zmq.utils.monitor import recv_monitor_message  # with asyncio: slow to import

            recv_monitor_message(monitor)
            self.turned_away += 1

    def close(self) -> None:
        """Close its sockets; may be called again."""
        for socket in self.sockets:
            socket.close(linger=0)
        self.sockets = ()

    def _knows(self, raw: bytes) -> bool:
        key = z85.encode(raw)
        self._allowed.look_again(asked=True)
        if key in self._allowed.keys:
            self._let_in.add(key)
            return True
        return False


class AllowedKeys:
    """The keys that are allowed now, which people change while robots run.

    Attributes:
        keys: Public keys, Z85.
    """

    def __init__(self, ring: KeyRing) -> None:
        self._directory = ring.directory / _ALLOWED
        self.keys = frozenset(ring.allowed)
        self._changed = 0  # when the directory was changed last, ns
        self._looked = time.monotonic()

    def look_again(self, asked: bool = False) -> None:
        """Read them again, if it is time to.

        Args:
            asked: Whether somebody is waiting for what they say: then a key that was added or
                removed is noticed at once.
        """
        late = time.monotonic() - self._looked > _LOOK_AGAIN
        if late or (asked and self._changed != _changed(self._directory)):
            self.look()

    def look(self) -> None:
        """Read them again now. A damaged file allows nobody, and concerns no other key."""
        self._looked, self._changed = time.monotonic(), _changed(self._directory)
        found: set[bytes] = set()
        for file in self._directory.glob("*.key"):
            try:
                found.add(_read(file)[0])
            except BusError as error:
                log.warning("%s", error)
        self.keys = frozenset(found)


def _changed(directory: Path) -> int:
    try:
        return directory.stat().st_mtime_ns
    except OSError:
        return 0


def new_keys(directory: Path) -> Path:
    """Make a key pair; return the file with the public half, which others are given.

    Raises:
        ConfigurationError: There are keys already.
        BusError: The directory cannot be written.
    """
    from zmq.auth import create_certificates  # with asyncio: slow to import

    if (directory / _SECRET).exists():
        raise ConfigurationError(f"{directory} has keys already: remove {_SECRET} to replace them")
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        directory.mkdir(exist_ok=True, mode=0o700)
        (directory / _ALLOWED).mkdir(exist_ok=True, mode=0o700)
        # Written in a directory that nobody else can enter, so that the secret never lies open.
        with tempfile.TemporaryDirectory(dir=directory) as private:
            public, secret = map(Path, create_certificates(private, "own"))
            secret.chmod(0o600)
            write_private(directory / _PUBLIC, public.read_bytes())
            write_private(directory / _SECRET, secret.read_bytes())  # last: with it they are there
    except OSError as error:
        raise BusError(f"keys cannot be written to {directory}: {error.strerror}") from error
    return directory / _PUBLIC


def allow_key(directory: Path, file: Path, name: str = "") -> str:
    """Trust the public key in a file; return the name it is known by from now on.

    Args:
        directory: Of the keys of this machine.
        file: `own.key` of another machine.
        name: What to call it; the file's name by default.

    Raises:
        BusError: The file holds no key, or cannot be copied.
        ConfigurationError: The name cannot be used or is taken by another key.
    """
    name = name or file.stem
    if not re.fullmatch(KEY_NAME, name) or name == "own":
        raise ConfigurationError(f"{name!r} cannot name a key: give another one with --name")
    public, secret = _read(file)
    if secret is not None:
        raise BusError(f"{file} holds a secret key: only {_PUBLIC} is meant to be given away")
    target = directory / _ALLOWED / f"{name}.key"
    if target.exists() and _read(target)[0] != public:
        raise ConfigurationError(f"{name!r} is another key already: remove {target} to replace it")
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(target, file.read_bytes())
    except OSError as error:
        raise BusError(f"{target} cannot be written: {error.strerror}") from error
    return name


def revoke_key(directory: Path, name: str) -> None:
    """Trust a public key no longer.

    Robots and agents that run with these keys notice within two seconds: they end the connections
    of its owner, and let it in no more.

    Args:
        directory: Of the keys of this machine.
        name: As it was allowed under.

    Raises:
        ConfigurationError: No key of this name is allowed.
        BusError: It cannot be removed.
    """
    known = sorted(file.stem for file in (directory / _ALLOWED).glob("*.key"))
    if name not in known:
        raise ConfigurationError(
            f"no key {name!r} is allowed in {directory} (there: {', '.join(known) or 'none'})"
        )
    try:
        (directory / _ALLOWED / f"{name}.key").unlink()
    except OSError as error:
        raise BusError(f"the key {name!r} cannot be removed: {error.strerror}") from error


def read_allowed(directory: Path) -> dict[bytes, str]:
    """Return the names of the trusted public keys, by key.

    Raises:
        BusError: A file is damaged.
    """
    files = sorted((directory / _ALLOWED).glob("*.key"))
    return {_read(file)[0]: file.stem for file in files}


def _read(file: Path) -> tuple[bytes, bytes | None]:
    """Return the public and, if it is there, the secret key of a certificate file."""
    from zmq.auth import load_certificate  # with asyncio: slow to import

    try:
        public, secret = load_certificate(file)
    except (OSError, ValueError) as error:
        raise BusError(f"{file} is not a ZeroMQ key: {error}") from error
    for key in (public, secret):
        if key is not None and not _Z85.fullmatch(key):
            raise BusError(f"{file} is not a ZeroMQ key: it is damaged")
    return public, secret
