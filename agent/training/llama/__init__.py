"""Training of the gated LLaMA from image-text pairs and dialogs, in the paper's two stages."""
