import hashlib

import pytest
from spillway_training.split import mulberry32, split_indices

# Also computed by JavaScript's Math.imul; the TypeScript tools are tested against the same values.
REPORT_SHA256 = "a437039030468ac62095086668d83050be8003d2c88d1b03b0e52d83f14fa8f7"


def test_split_of_the_validation_images_is_the_golden_one():
    split = split_indices(5000, seed=1)
    assert split.calibration[:10] == [0, 1, 3, 4, 5, 7, 8, 10, 11, 14]
    assert split.report[:10] == [2, 6, 9, 12, 13, 15, 18, 20, 21, 23]
    assert hashlib.sha256(",".join(map(str, split.report)).encode()).hexdigest() == REPORT_SHA256


@pytest.mark.parametrize("count", [0, 1, 2, 7, 100])
def test_halves_are_sorted_disjoint_and_complete(count):
    split = split_indices(count, seed=5)
    assert len(split.calibration) == count // 2
    assert sorted(split.calibration + split.report) == list(range(count))
    assert split.calibration == sorted(split.calibration) and split.report == sorted(split.report)


def test_another_seed_gives_another_split():
    assert split_indices(100, seed=1) != split_indices(100, seed=2)


def test_negative_count_is_refused():
    with pytest.raises(ValueError, match="at least 0, got -1"):
        split_indices(-1)


def test_generator_stays_in_the_unit_interval():
    random = mulberry32(2**32 - 1)
    assert all(0 <= random() < 1 for _ in range(1000))
