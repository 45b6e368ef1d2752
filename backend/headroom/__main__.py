"""`python -m headroom` and the program `headroom`."""

from headroom.cli.app import main

if __name__ == "__main__":
    main()
