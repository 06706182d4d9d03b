"""Convert sources to stored bursts: python data_scripts/convert.py is ``n2nf convert``."""

import sys

from n2nf_core.cli import main

if __name__ == "__main__":
    sys.exit(main(["convert", *sys.argv[1:]]))
