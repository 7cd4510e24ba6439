"""Encoders as plug-ins: what turns samples into embeddings of one space, and how one is named."""
