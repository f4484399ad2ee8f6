"""``python -m backhaul`` is the command ``backhaul``."""

import sys

from backhaul.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
