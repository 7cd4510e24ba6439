"""Small random models in PyTorch, and as GGUF files in llama.cpp."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from sensebind.agent.gated_llama import GatedLlamaConfig, GatedLlamaForCausalLM
from sensebind.agent.gated_llama.loading import family_of, load_gated_llama
from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.agent.gated_llama.session import DialogSession, Session
from sensebind.agent.llamacpp.conditions import ConditionPath, at_attention
from sensebind.agent.llamacpp.loaded import LlamaFile
from sensebind.agent.llamacpp.session import LlamaCppSession

SIZES: dict[str, Any] = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 8192,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": 0,
    "bind_dim": 12,
    "slots": 3,
    "senses": ["sight", "hearing", "scan"],
}


def random_model(family: str = "llama", **changes: Any) -> ConditionedLM:
    """A random model whose conditions are large enough to be seen in the logits."""
    torch.manual_seed(0)
    config, made = family_of(f"gated_{family}") or (GatedLlamaConfig, GatedLlamaForCausalLM)
    model = made(config(**SIZES | changes)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=0.15)
        torch.nn.init.normal_(model.adapter.gates, std=0.7)
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.normal_(parameter, std=0.2)
    return model


@dataclass(frozen=True)
class Pair:
    """A model in PyTorch, and the same in llama.cpp."""

    model: ConditionedLM
    file: LlamaFile
    path: ConditionPath

    def ours(self) -> DialogSession:
        return DialogSession(self.model)

    def theirs(self) -> LlamaCppSession:
        return LlamaCppSession(self.file, self.path)


def save(model: ConditionedLM, folder: Path) -> None:
    """Write a checkpoint directory with a tokenizer of single letters."""
    model.save_pretrained(folder)
    words = {f"w{i}": i for i in range(model.config.vocab_size)}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="w0")), eos_token="w2"
    )
    tokenizer.save_pretrained(folder)


def opened(file: Path) -> Pair:
    """The pair of a file that was converted from the model next to its folder."""
    model, _ = load_gated_llama(file.parent.with_name("model"))
    path = ConditionPath.open(file.parent)
    config = model.config
    loaded = LlamaFile(
        file, layers=config.num_hidden_layers, width=config.hidden_size, biases=at_attention(model)
    )
    return Pair(model, loaded, path)


def known(session: Session, count: int = 2) -> list[int]:
    """Conditions that a session knows, always the same."""
    generator = torch.Generator().manual_seed(7)
    found = []
    for index in range(count):
        embeddings = torch.randn(3, 12, generator=generator)
        present = torch.tensor([True, index != 1, True])
        found.append(session.condition(embeddings, present))
    return found


def logits_after(session: Session, token_ids: list[int], condition_ids: list[int]) -> Tensor:
    """The logits of a prompt, [1, V]."""
    seen: list[Tensor] = []

    def keep(_ids: Tensor, logits: Tensor) -> Tensor:
        seen.append(logits.clone())
        return logits

    for _ in session.stream(token_ids, condition_ids, max_new_tokens=1, logits_processor=keep):
        pass
    return seen[0]


def tokens(length: int, seed: int = 0) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(3, 96, (length,), generator=generator).tolist()
