"""Makes the modules beside the tests importable, as ``python -m tests.safety.table`` finds them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
