"""From the published files to checkpoint directories: convert, pull, inspect."""
