"""What acts is grounded: the numbers and names of an acting call stand in what was said or read."""
