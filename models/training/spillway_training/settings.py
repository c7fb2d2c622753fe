"""The settings of a compressed feature map: how many of its channels are sent, with how many bits a value."""

from __future__ import annotations

from dataclasses import dataclass

SHARES = (1 / 8, 1 / 4, 1 / 2, 3 / 4, 1)
BITS = (1, 2, 4, 8)


@dataclass(frozen=True)
class Setting:
    """The first `channels` channels, `bits` bits each value."""

    channels: int
    bits: int

    @property
    def levels(self) -> int:
        """Steps between the smallest and the largest code."""
        return 2**self.bits - 1

    def raw_bytes(self, height: int, width: int) -> int:
        """The codes alone, packed: without ranges, and before any entropy coding."""
        return -(-self.channels * height * width * self.bits // 8)


def list_settings(channels: int) -> list[Setting]:
    """All settings of a map of so many channels, the leanest first: the index in this list is the graph's `setting`.

    Shares that come to the same number of channels are one.
    """
    counts = sorted({max(1, round(channels * share)) for share in SHARES})
    return [Setting(count, bits) for count in counts for bits in BITS]
