"""`python -m sensebind`."""

from sensebind.agent.cli import main

if __name__ == "__main__":
    main()
