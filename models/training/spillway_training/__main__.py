"""Entry of `python -m spillway_training`."""

import sys

from .command_line import main

sys.exit(main())
