"""The gated LLaMA: conditions from the senses enter every layer of a LLaMA as one vector."""

from .config import GatedLlamaConfig
from .model import GatedLlamaForCausalLM

__all__ = ["GatedLlamaConfig", "GatedLlamaForCausalLM"]
