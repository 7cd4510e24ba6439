"""`sensebind pull`: fetches published files by name and converts them."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from sensebind.agent.conversion.download import Downloaded, Downloader, human
from sensebind.errors import ConfigurationError, InputError, one_line

_NEEDS = {
    "llama": "the LLaMA 7B of Meta's first release (consolidated.00.pth, params.json and "
    "tokenizer.model), which only Meta gives out: give its directory with --llama"
}


class PublishedFile(BaseModel):
    """A file on the web; size and digest are None where the publisher states none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    url: str
    bytes: int | None
    sha256: str | None


class PublishedModel(BaseModel):
    """Files by what they are for `sensebind convert`, and what the user must bring along."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str
    licence: str
    files: dict[str, str]
    needs: tuple[str, ...]


class Registry(BaseModel):
    """The published models."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: dict[str, PublishedFile]
    models: dict[str, PublishedModel]

    def model(self, name: str) -> PublishedModel:
        """One model.

        Raises:
            InputError: No such name; says which there are.
        """
        if name not in self.models:
            raise InputError(f"no published model {name!r}; there are {', '.join(self.models)}")
        return self.models[name]


@dataclass(frozen=True)
class PullOptions:
    """What to fetch.

    Attributes:
        name: Of the registry; None lists it.
        output: Checkpoint directory; `<downloads>/../models/<name>` by default.
        llama: LLaMA that the user has.
        downloads: Where files are kept; `~/.cache/sensebind/downloads` by default.
        dtype: As for `convert`.
        fetch_only: Leave the files as they are.
        force: As for `convert`.
        registry: Another registry, as a JSON file.
    """

    name: str | None = None
    output: Path | None = None
    llama: Path | None = None
    downloads: Path | None = None
    dtype: str = "bfloat16"
    fetch_only: bool = False
    force: bool = False
    registry: Path | None = None


def read_registry(path: Path | None = None) -> Registry:
    """The registry that ships, or another one.

    Raises:
        ConfigurationError: Not a registry.
    """
    source = path or resources.files("sensebind.agent.conversion") / "registry.json"
    try:
        return Registry.model_validate_json(source.read_text("utf-8"))
    except (OSError, ValidationError) as error:
        raise ConfigurationError(f"{source}: {one_line(error)}") from error


def pull(
    options: PullOptions, downloader: Downloader, told: Callable[[str], None]
) -> dict[str, Any]:
    """Fetches, and converts unless told otherwise; returns what was done.

    Raises:
        InputError: Unknown name, or something the user must bring along is missing.
        SenseBindError: See `Downloader.fetch` and `convert`.
    """
    registry = read_registry(options.registry)
    model = registry.model(options.name or "")
    downloads = options.downloads or default_cache() / "downloads"
    for need in model.needs:
        if getattr(options, need) is None and not options.fetch_only:
            raise InputError(f"{options.name} needs {_NEEDS[need]}")
    told(f"{options.name}: {model.about}. Licence: {model.licence}")
    fetched: dict[str, Downloaded] = {}
    for role, key in model.files.items():
        file = registry.files[key]
        told(f"{file.file} ({human(file.bytes)}) from {file.url}")
        fetched[role] = downloader.fetch(
            file.url, downloads / key / file.file, size=file.bytes, sha256=file.sha256
        )
        state = "verified" if fetched[role].verified else "unverified, no digest is published"
        told(f"  sha256 {fetched[role].sha256} ({state})")
    done: dict[str, Any] = {
        "name": options.name,
        "files": {
            role: {"path": str(one.path), "sha256": one.sha256, "verified": one.verified}
            for role, one in fetched.items()
        },
    }
    # Some files only help to convert others.
    if options.fetch_only or not fetched.keys() - {"bpe", "clip"}:
        return done
    from sensebind.agent.conversion.convert import ConvertOptions, convert

    output = options.output or default_cache() / "models" / (options.name or "")
    paths = {role: one.path for role, one in fetched.items()}
    wanted = ConvertOptions(
        output=output, llama=options.llama, dtype=options.dtype, force=options.force, **paths
    )
    return done | {"output": str(output), "parts": convert(wanted, told)}


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/sensebind`, or `~/.cache/sensebind`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sensebind"


def run(options: PullOptions, *, as_json: bool = False) -> int:
    """For the command line."""
    if options.name is None:
        return _list(read_registry(options.registry), as_json)
    bar = _Bar()
    done = pull(options, Downloader(progress=bar), bar.tell)
    if as_json:
        print(json.dumps(done, ensure_ascii=False))
    elif "output" in done:
        print(f"{done['output']} is ready; see it with: sensebind models inspect {done['output']}")
    else:
        print("\n".join(file["path"] for file in done["files"].values()))
    return 0


def _list(registry: Registry, as_json: bool) -> int:
    if as_json:
        print(registry.model_dump_json())
        return 0
    for name, model in registry.models.items():
        files = ", ".join(registry.files[key].file for key in model.files.values())
        needs = f"; bring along: {', '.join(model.needs)}" if model.needs else ""
        print(f"{name}\n    {model.about} ({files}{needs}). Licence: {model.licence}")
    return 0


class _Bar:
    """A line with bytes, share and speed on a terminal; a line every ten seconds elsewhere."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._name, self._start, self._shown = "", (0.0, 0), 0.0

    def __call__(self, name: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if name != self._name:
            self._name, self._start = name, (now, done)
        finished = done == total
        if now - self._shown < (0.2 if self._live else 10.0) and not finished:
            return
        self._shown = now
        speed = (done - self._start[1]) / max(now - self._start[0], 1e-6) / 1e6
        share = f" of {human(total)} ({100 * done / total:.0f} %)" if total else ""
        end = "\n" if finished or not self._live else "\r"
        print(f"{name}: {human(done)}{share}, {speed:.1f} MB/s ", end=end, file=sys.stderr)

    def tell(self, line: str) -> None:
        """Prints a line beside the bar."""
        print(line, file=sys.stderr)
