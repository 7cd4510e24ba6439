"""SQLite files that outlive crashes and full disks, and the spans of time that are forgotten."""
