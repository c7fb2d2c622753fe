import torch
from conftest import synthetic_images
from spillway_training.augmentation import PADDING, augment, normalise, pad_images


def windows(padded):
    """Every shifted crop of one padded image, and its mirror."""
    for row in range(2 * PADDING + 1):
        for column in range(2 * PADDING + 1):
            crop = padded[row : row + 32, column : column + 32]
            yield crop
            yield crop.flip(1)


def test_augmented_image_is_a_shifted_or_mirrored_crop_of_its_own_image():
    padded = pad_images(torch.from_numpy(synthetic_images(8, seed=1)))
    images = augment(padded, cutout=0, generator=torch.Generator().manual_seed(1))
    for source, image in zip(padded, images, strict=True):
        assert any(torch.equal(image, window) for window in windows(source))


def test_images_of_one_batch_are_moved_independently():
    padded = pad_images(torch.from_numpy(synthetic_images(1, seed=1))).repeat(16, 1, 1, 1)
    images = augment(padded, cutout=0, generator=torch.Generator().manual_seed(1))
    assert len({image.numpy().tobytes() for image in images}) > 8


def test_cutout_blanks_at_most_a_square_of_its_side():
    padded = torch.zeros(32, 40, 40, 3, dtype=torch.uint8)
    blanked = augment(padded, cutout=8, generator=torch.Generator().manual_seed(1)) == 128
    for image in blanked[..., 0]:
        assert 0 < image.any(0).sum() <= 8 and 0 < image.any(1).sum() <= 8


def test_padding_mirrors_the_border():
    image = torch.arange(32, dtype=torch.uint8).reshape(1, 32, 1, 1).expand(1, 32, 32, 3)
    assert pad_images(image)[0, :6, 0, 0].tolist() == [4, 3, 2, 1, 0, 1]


def test_normalise_subtracts_the_mean_and_divides_by_the_deviation():
    image = torch.full((1, 32, 32, 3), 255, dtype=torch.uint8)
    image = normalise(image, [0.5, 0.25, 0.0], [0.5, 0.25, 0.5])
    assert image.shape == (1, 3, 32, 32)
    torch.testing.assert_close(image[0, :, 0, 0], torch.tensor([1.0, 3.0, 2.0]))
