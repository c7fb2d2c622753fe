import numpy
import pytest
import torch
from conftest import synthetic_images, write_mosaic
from PIL import Image
from spillway_training.data import LabelledImages, read_labels, read_mosaic, read_training, read_validation
from spillway_training.errors import TrainingError
from spillway_training.paths import DEFAULT_DATA


def test_mosaic_gives_back_the_tiles_that_it_was_made_of(tmp_path):
    images = synthetic_images(300, seed=3)
    write_mosaic(tmp_path / "mosaic.webp", images)
    numpy.testing.assert_array_equal(read_mosaic(tmp_path / "mosaic.webp"), images)


def test_training_mosaics_are_joined_in_order(data_folder):
    training = read_training(data_folder)
    assert training.images.shape == (500, 32, 32, 3)
    numpy.testing.assert_array_equal(training.images[400:].numpy(), synthetic_images(100, seed=5))
    assert training.labels[[0, 99, 100, 499]].tolist() == [0, 99, 0, 99]


@pytest.mark.parametrize("size", [(3168, 32), (3200, 33), (3232, 32)])
def test_mosaic_of_a_wrong_size_is_refused(tmp_path, size):
    Image.new("RGB", size).save(tmp_path / "bad.webp", lossless=True)
    with pytest.raises(TrainingError, match=f"got {size[0]}x{size[1]}"):
        read_mosaic(tmp_path / "bad.webp")


def test_file_that_is_no_image_is_refused(tmp_path):
    (tmp_path / "val.webp").write_bytes(b"no image")
    with pytest.raises(TrainingError, match="not a readable image"):
        read_validation(tmp_path)


def test_missing_folder_file_and_labels_are_named(tmp_path):
    with pytest.raises(TrainingError, match="data folder not found"):
        read_training(tmp_path / "nowhere")
    with pytest.raises(TrainingError, match=r"train-0\.webp"):
        read_training(tmp_path)
    (tmp_path / "labels.txt").write_text("one\ntwo\n", encoding="utf-8")
    with pytest.raises(TrainingError, match="expected 100 labels, one a line, got 2"):
        read_labels(tmp_path)


def test_channel_statistics_agree_with_numpy():
    images = synthetic_images(100, seed=4)
    mean, deviation = LabelledImages(torch.from_numpy(images), torch.arange(100)).channel_statistics()
    numpy.testing.assert_allclose(mean, (images / 255).mean(axis=(0, 1, 2)), atol=6e-5)
    numpy.testing.assert_allclose(deviation, (images / 255).std(axis=(0, 1, 2)), atol=6e-5)


@pytest.mark.skipif(not DEFAULT_DATA.is_dir(), reason="the CIFAR-100 mosaics are not on this machine")
def test_real_validation_images_are_5000_with_evenly_spread_labels():
    validation = read_validation(DEFAULT_DATA)
    assert validation.images.shape == (5000, 32, 32, 3)
    assert torch.bincount(validation.labels).tolist() == [50] * 100
    assert len(read_labels(DEFAULT_DATA)) == 100
