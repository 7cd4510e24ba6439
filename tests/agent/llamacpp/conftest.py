"""Fixtures of the tests of llama.cpp, which are skipped where it is not installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from gguf_pairs import Pair, opened, random_model, save

from sensebind.agent.conversion.gguf_part import GgufOptions, convert_to_gguf

EXTRA = "pip install 'sensebind[llamacpp]'"


@pytest.fixture(scope="session")
def llamacpp() -> None:
    pytest.importorskip("llama_cpp", reason=EXTRA, exc_type=ImportError)


@pytest.fixture(scope="session")
def make_pair(llamacpp: None, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Pair]:
    """Makes pairs; the same one once."""
    made: dict[str, Pair] = {}

    def make(kind: str = "F32", **changes: Any) -> Pair:
        key = repr((kind, changes))
        if key not in made:
            source = tmp_path_factory.mktemp("checkpoint") / "model"
            save(random_model(**changes), source)
            file = convert_to_gguf(GgufOptions(source, source.with_name("out"), kind))
            made[key] = opened(file)
        return made[key]

    return make
