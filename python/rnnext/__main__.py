"""`python -m rnnext`: the command line."""

import sys

from rnnext.cli import main

if __name__ == "__main__":
    sys.exit(main())
