import pytest
import torch
from spillway_training.quantise import channel_ranges, dequantise, quantise
from spillway_training.settings import Setting, list_settings


def random_features(images=5, channels=7):
    generator = torch.Generator().manual_seed(1)
    scale = torch.rand(images, channels, 1, 1, generator=generator) * 10
    return torch.relu(torch.randn(images, channels, 4, 4, generator=generator) * scale)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_error_is_at_most_half_a_step_and_the_ends_are_kept(bits):
    features = random_features()
    ranges, levels = channel_ranges(features), torch.full((5,), 2**bits - 1)
    codes = quantise(features, ranges, levels)
    assert codes.dtype == torch.uint8 and codes.max() == 2**bits - 1 and codes.min() == 0
    back = dequantise(codes, ranges, levels)
    half_step = (ranges[..., 1] - ranges[..., 0])[:, :, None, None] / (2**bits - 1) / 2
    # The ends travel as 16-bit floats: 11 significant bits.
    rounding = ranges.abs().amax(2)[:, :, None, None] * 2**-11
    assert ((back - features).abs() <= half_step + rounding + 1e-5).all()
    torch.testing.assert_close(channel_ranges(back), ranges)


def test_ranges_are_16_bit_floats_and_what_lies_beyond_them_has_the_code_of_the_end():
    features = torch.tensor([-1e6, -1.0001, 1.0003, 1e6]).reshape(1, 1, 2, 2)
    ranges, levels = channel_ranges(features), torch.tensor([3])
    assert ranges.flatten().tolist() == [-65504, 65504]
    assert quantise(features, ranges, levels).flatten().tolist() == [0, 1, 2, 3]
    near = torch.tensor([0.0, 1.0003]).reshape(1, 1, 1, 2)
    ranges = channel_ranges(near)
    assert ranges.flatten().tolist() == [0, 1]
    assert quantise(near, ranges, levels).flatten().tolist() == [0, 3]


def test_images_of_a_batch_do_not_touch_each_other():
    features = random_features()
    levels = torch.tensor([255, 15, 3, 1, 15])
    together = quantise(features, channel_ranges(features), levels)
    for index in range(5):
        alone = features[index : index + 1]
        codes = quantise(alone, channel_ranges(alone), levels[index : index + 1])
        assert torch.equal(codes[0], together[index])


def test_channel_of_one_value_comes_back_exactly():
    features = torch.full((1, 2, 3, 3), 0.75)
    ranges, levels = channel_ranges(features), torch.tensor([1])
    codes = quantise(features, ranges, levels)
    assert codes.max() == 0
    torch.testing.assert_close(dequantise(codes, ranges, levels), features)


def test_settings_rise_from_the_leanest_to_the_fullest():
    settings = list_settings(32)
    assert len(settings) == 20
    assert (settings[0], settings[-1]) == (Setting(4, 1), Setting(32, 8))
    assert settings[0].raw_bytes(16, 16) == 128 and settings[-1].raw_bytes(16, 16) == 8192
    assert len(list_settings(2)) == 8  # shares of 1 and of 2 channels only
