"""llama.cpp as the engine of a dialog: `llm: gguf:FILE` (extra `llamacpp`)."""
