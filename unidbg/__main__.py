"""`python -m unidbg`: the command line."""

from unidbg.cli import main

if __name__ == "__main__":
    main()
