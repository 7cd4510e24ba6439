"""Front ends of a robot over HTTP and WebSocket: the OpenAI protocol, and the page.

They run in a process of their own, as clients of the robot (`agent/robot/control.py`), so that what
strangers send never reaches the process that perceives and acts. Neither PyTorch nor LangChain is
imported here.
"""
