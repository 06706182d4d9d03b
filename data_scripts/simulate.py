"""Write simulated bursts: python data_scripts/simulate.py is ``n2nf simulate``."""

import sys

from n2nf_core.cli import main

if __name__ == "__main__":
    sys.exit(main(["simulate", *sys.argv[1:]]))
