"""Calibration of what counts as unknown, for each modality."""
