"""A cell: the bucket and the traffic that one network is trained for."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .arrivals import Arrival, parse_arrival
from .sequences import Sequence, parse_sequence
from .token_grid import TokenGrid, token_grid


@dataclass(frozen=True)
class Cell:
    """As the command line names it; `arrival` and `sequence` are the texts from which the processes were read."""

    rate: float  # tokens a time unit
    depth: float  # tokens
    arrival: str
    sequence: str

    @property
    def grid(self) -> TokenGrid:
        return token_grid(self.rate, self.depth)

    @property
    def arrivals(self) -> Arrival:
        return parse_arrival(self.arrival)

    @property
    def sequences(self) -> Sequence:
        return parse_sequence(self.sequence)

    @property
    def name(self) -> str:
        """Fit for a folder: `rate-0.1-depth-4-periodic-iid`."""
        text = f"rate-{self.rate:g}-depth-{self.depth:g}-{self.arrival}-{self.sequence}"
        return re.sub(r"[^A-Za-z0-9.]+", "-", text)
