"""Sweeps of a lidar as the encoder takes them."""
