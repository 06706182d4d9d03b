"""``python -m n2nf_core.cli`` is the command ``n2nf``."""

from n2nf_core.cli import main

raise SystemExit(main())
