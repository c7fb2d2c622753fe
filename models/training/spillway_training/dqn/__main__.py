"""Entry of `python -m spillway_training.dqn`."""

import sys

from .command_line import main

sys.exit(main())
