"""What a robot keeps: episodes, the visual cache, watches, and names that it was taught."""
