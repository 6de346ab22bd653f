"""``python -m tests.benchmarks [NAME…]``: every benchmark, or the named ones. Each module has ``main()``."""

import importlib
import sys

NAMES = ("sending", "scale")

for name in sys.argv[1:] or NAMES:
    importlib.import_module(f"tests.benchmarks.{name}").main()
