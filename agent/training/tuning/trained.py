"""A trained adapter as a checkpoint directory that names its base, as that of `adapt`."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from sensebind.agent.gated_llama.base_model import ADAPTER_NAME, BaseReference
from sensebind.agent.gated_llama.loading import check_checkpoint, read_config
from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.agent.training.llama.schedule import trainable_name
from sensebind.checkpoints.layout import EMBEDDED
from sensebind.errors import StorageError

_OWN_FILES = (
    "chat_template.jinja",
    "generation_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
)


def write_adapter(model: ConditionedLM, source: Path, output: Path) -> int:
    """Writes what was trained, in bfloat16: the adapter, and norms, biases and LoRA over the base.

    Args:
        model: The trained model.
        source: The adapter that training began with; its base, encoder and chat template are named
            or copied.
        output: Directory to write; what was there is replaced when all is written.

    Returns:
        Bytes of the tensors.

    Raises:
        StorageError: It cannot be written; what was there stays.
    """
    trained = {
        name: tensor.detach().to(torch.bfloat16).contiguous()
        for name, tensor in model.state_dict().items()
        if name.startswith("adapter.")
        or (model.config.lora_rank and trainable_name(name, "finetune"))
    }
    config = read_config(source)
    reference = BaseReference.of(config.base or {})
    path = "" if not reference.path else str((source / reference.path).resolve())
    config.base = replace(reference, path=path).fields()
    if config.encoder != EMBEDDED:
        config.encoder = str((source / (config.encoder or ".")).resolve())
    config.lora_rank = model.config.lora_rank
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".trained-") as folder:
            work = Path(folder) / "adapter"
            work.mkdir()
            save_file(trained, work / ADAPTER_NAME, {"format": "pt"})
            config.save_pretrained(work)
            for name in _OWN_FILES:
                if (source / name).is_file():
                    shutil.copyfile(source / name, work / name)
            check_checkpoint(work)  # what was written can be used, or says why it cannot
            if output.exists():
                output.replace(Path(folder) / "before")
            work.replace(output)
    except (OSError, SafetensorError) as error:
        raise StorageError(f"cannot write {output}: {error}") from error
    return (output / ADAPTER_NAME).stat().st_size
