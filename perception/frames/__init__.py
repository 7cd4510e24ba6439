"""The frames behind percepts: kept, served, recorded in MCAP, and played."""
