"""``python -m tests.benchmarks [NAME…]``: every benchmark of this folder, or the named ones. Each has ``main()``."""

import importlib
import sys
from pathlib import Path

found = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))

for name in sys.argv[1:] or found:
    module = importlib.import_module(f"tests.benchmarks.{name}")
    if hasattr(module, "main"):
        print(f"\n{name}: {(module.__doc__ or '').splitlines()[0]}")
        module.main()
