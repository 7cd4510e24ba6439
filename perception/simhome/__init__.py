"""SimHome: a simulated home whose camera, lidar and microphone see, scan and hear one scene."""
