"""ROS 2 without ROS: names, types, attachments and nodes as rmw_zenoh puts them on zenoh."""
