"""Checkpoints that ship with the package (Hugging Face layout, safetensors)."""

from pathlib import Path

from sensebind.errors import CheckpointError


def default_checkpoint() -> Path:
    """Returns the embedded SimHome checkpoint directory.

    Raises:
        CheckpointError: The installed package carries no weights.
    """
    path = Path(__file__).parent / "simhome"
    if not (path / "config.json").is_file():
        raise CheckpointError(
            f"no embedded checkpoint at {path}: reinstall sensebind, or train one with "
            "`sensebind train bind`, `sensebind train llama` and `sensebind train detector`"
        )
    return path
