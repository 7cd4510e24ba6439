"""One robot of one `robot.yaml`: its sections, its agent, and its processes."""
