"""Where sensors sit, and what their lenses do: one tree of frames, calibrations, URDF, odometry."""
