"""Where observations come from: devices, files, ROS, SimHome; each a kind of source."""
