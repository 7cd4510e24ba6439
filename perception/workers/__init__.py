"""A process for each stream: it reads, encodes, enhances and publishes, and is watched."""
