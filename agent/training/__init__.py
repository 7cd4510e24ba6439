"""`sensebind train`: weights as they ship, and your own; a command goes on where it stopped."""
