"""Talking with a robot aloud: voice activity, recognition, speech, and who may interrupt whom.

The voice is a client of the robot, as the page and the server are: what it hears becomes turns of a
dialog, and what the robot answers becomes speech. Everything runs on this machine.
"""
