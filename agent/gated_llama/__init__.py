"""The gated LLaMA: conditions from the senses enter every layer of a LLaMA as one vector."""

from sensebind.agent.gated_llama.config import GatedLlamaConfig
from sensebind.agent.gated_llama.model import GatedLlamaForCausalLM

__all__ = ["GatedLlamaConfig", "GatedLlamaForCausalLM"]
