"""The three forms of data, and one clear line for each way in which they can be wrong."""

import numpy
import pytest
import torch
from conftest import synthetic_images, write_mosaic
from PIL import Image
from spillway_training.data import LabelledImages, read_dataset, split_validation
from spillway_training.errors import TrainingError
from spillway_training.mosaics import read_labels, read_mosaic
from spillway_training.paths import DEFAULT_DATA


def test_mosaic_gives_back_the_tiles_that_it_was_made_of(tmp_path):
    images = synthetic_images(300, seed=3)
    write_mosaic(tmp_path / "mosaic.webp", images)
    numpy.testing.assert_array_equal(read_mosaic(tmp_path / "mosaic.webp"), images)


def test_training_mosaics_are_joined_in_order(data_folder):
    data = read_dataset(data_folder)
    assert data.training.images.shape == (500, 32, 32, 3) and data.training.classes == 100
    numpy.testing.assert_array_equal(data.training.images[400:].numpy(), synthetic_images(100, seed=5))
    assert data.training.labels[[0, 99, 100, 499]].tolist() == [0, 99, 0, 99]
    assert data.validation.images.shape == (200, 32, 32, 3) and len(data.labels) == 100


@pytest.mark.parametrize("size", [(3168, 32), (3200, 33), (3232, 32)])
def test_mosaic_of_a_wrong_size_is_refused(tmp_path, size):
    Image.new("RGB", size).save(tmp_path / "bad.webp", lossless=True)
    with pytest.raises(TrainingError, match=f"got {size[0]}x{size[1]}"):
        read_mosaic(tmp_path / "bad.webp")


def test_mosaic_that_is_no_image_is_refused(tmp_path):
    (tmp_path / "val.webp").write_bytes(b"no image")
    with pytest.raises(TrainingError, match="not a readable image"):
        read_mosaic(tmp_path / "val.webp")


def test_missing_folder_file_and_labels_are_named(tmp_path):
    with pytest.raises(TrainingError, match="data folder not found"):
        read_dataset(tmp_path / "nowhere")
    with pytest.raises(TrainingError, match="expected CIFAR-100 mosaics, a folder of images for each class"):
        read_dataset(tmp_path)
    (tmp_path / "labels.txt").write_text("one\ntwo\n", encoding="utf-8")
    with pytest.raises(TrainingError, match=r"train-0\.webp"):
        read_dataset(tmp_path)
    with pytest.raises(TrainingError, match="expected 100 labels, one a line, got 2"):
        read_labels(tmp_path)


def write_class_folders(folder, images_each=20, size=(24, 16)):
    """Three classes of plain images, the first of one colour channel each."""
    for index, label in enumerate(["ant", "bee", "cat"]):
        (folder / label).mkdir(parents=True)
        for number in range(images_each):
            pixels = numpy.zeros((size[1], size[0], 3), numpy.uint8)
            pixels[..., index] = 100 + number
            Image.fromarray(pixels).save(folder / label / f"{number:02}.png")
    return folder


def test_folders_are_classes_and_every_tenth_image_is_kept_for_validation(tmp_path):
    data = read_dataset(write_class_folders(tmp_path / "pets"))
    assert (data.name, data.labels) == ("pets", ["ant", "bee", "cat"])
    assert data.training.images.shape == (54, 16, 24, 3) and data.validation.images.shape == (6, 16, 24, 3)
    assert data.validation.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert data.validation.images[:, 0, 0].tolist() == [
        [109, 0, 0], [119, 0, 0], [0, 109, 0], [0, 119, 0], [0, 0, 109], [0, 0, 119],
    ]  # fmt: skip


def test_folders_below_train_and_val_are_taken_as_they_are(tmp_path):
    write_class_folders(tmp_path / "train", images_each=4)
    write_class_folders(tmp_path / "val", images_each=2, size=(48, 32))
    data = read_dataset(tmp_path)
    assert data.training.images.shape == (12, 16, 24, 3)
    # Brought to the size of the training images.
    assert data.validation.images.shape == (6, 16, 24, 3)


def test_images_are_brought_to_the_size_that_is_asked_for_by_averaging(tmp_path):
    write_class_folders(tmp_path, images_each=10)
    pixels = numpy.zeros((16, 24, 3), numpy.uint8)
    pixels[:, ::2] = 200
    Image.fromarray(pixels).save(tmp_path / "ant" / "00.png")
    data = read_dataset(tmp_path, size=(8, 12))
    assert data.training.size == (8, 12)
    assert data.training.images[0].unique().tolist() == [100]


def break_nothing(folder):
    (folder / "bee" / "notes.txt").write_text("not an image, and not looked at", encoding="utf-8")
    (folder / ".hidden").mkdir()


def empty_a_class(folder):
    for file in (folder / "bee").iterdir():
        file.unlink()


def cut_an_image_short(folder):
    path = folder / "cat" / "03.png"
    path.write_bytes(path.read_bytes()[:60])


def leave_one_class(folder):
    (folder / "ant").rename(folder / ".ant")
    (folder / "cat").rename(folder / ".cat")


def leave_few_images(folder):
    for file in folder.glob("*/*.png"):
        if int(file.stem) > 3:
            file.unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (empty_a_class, "bee: no images"),
        (cut_an_image_short, r"cat/03\.png: not a readable image"),
        (leave_one_class, "at least 2 classes, got 1"),
        (leave_few_images, "at least ten images of a class"),
    ],
)
def test_unusable_class_folders_are_refused_in_one_line(tmp_path, damage, message):
    damage(write_class_folders(tmp_path))
    with pytest.raises(TrainingError, match=message) as caught:
        read_dataset(tmp_path)
    assert "\n" not in str(caught.value) and str(tmp_path) in str(caught.value)


def test_other_files_in_class_folders_are_passed_over(tmp_path):
    break_nothing(write_class_folders(tmp_path))
    assert len(read_dataset(tmp_path).training) == 54


def test_validation_of_other_classes_is_refused(tmp_path):
    write_class_folders(tmp_path / "train", images_each=2)
    with pytest.raises(TrainingError, match="val: folder not found"):
        read_dataset(tmp_path)
    write_class_folders(tmp_path / "val", images_each=2)
    (tmp_path / "val" / "bee").rename(tmp_path / "val" / "dog")
    with pytest.raises(TrainingError, match="expected the 3 classes of train, differs in: bee, dog"):
        read_dataset(tmp_path)


IMAGES = numpy.arange(40 * 8 * 8 * 3).reshape(40, 8, 8, 3).astype(numpy.uint8)
LABELS = numpy.arange(40) % 4


def test_arrays_of_one_file(tmp_path):
    numpy.savez(tmp_path / "digits.npz", images=IMAGES, labels=LABELS)
    data = read_dataset(tmp_path / "digits.npz")
    assert (data.name, data.labels) == ("digits", ["0", "1", "2", "3"])
    assert (len(data.training), len(data.validation)) == (36, 4)
    numpy.testing.assert_array_equal(data.validation.images.numpy(), IMAGES[36:])


def test_arrays_of_a_folder(tmp_path):
    names = numpy.array(["a", "b", "c", "d", "e"])
    numpy.savez(tmp_path / "train.npz", images=IMAGES, labels=LABELS, names=names)
    numpy.savez(tmp_path / "val.npz", images=IMAGES[:8], labels=LABELS[:8])
    data = read_dataset(tmp_path)
    assert data.labels == list("abcde") and data.validation.classes == 5
    assert (len(data.training), len(data.validation)) == (40, 8)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": IMAGES}, "no array 'labels'"),
        ({"images": IMAGES[..., 0], "labels": LABELS}, r"images: expected uint8 \[N,height,width,3\]"),
        ({"images": IMAGES / 255, "labels": LABELS}, "got float64"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, "images: expected uint8"),
        ({"images": IMAGES, "labels": LABELS[:7]}, "labels: expected 40 integers"),
        ({"images": IMAGES, "labels": LABELS / 2}, "labels: expected 40 integers"),
        ({"images": IMAGES, "labels": LABELS - 1}, "0 to 2, got -1 to 2"),
        ({"images": IMAGES, "labels": LABELS * 0}, "at least 2 classes"),
        ({"images": IMAGES, "labels": LABELS, "names": numpy.array(["a", "b"])}, "0 to 1, got 0 to 3"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path, arrays, message):
    numpy.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(TrainingError, match=message):
        read_dataset(tmp_path / "bad.npz")


def test_wrong_class_count_of_the_validation_arrays_is_refused(tmp_path):
    numpy.savez(tmp_path / "train.npz", images=IMAGES, labels=LABELS)
    numpy.savez(tmp_path / "val.npz", images=IMAGES, labels=LABELS, names=numpy.array(list("abcde")))
    with pytest.raises(TrainingError, match="expected 4 classes, as in train.npz, got 5"):
        read_dataset(tmp_path)
    numpy.savez(tmp_path / "val.npz", images=IMAGES[:, :4], labels=LABELS)
    with pytest.raises(TrainingError, match="differ in size: 8x8 and 8x4"):
        read_dataset(tmp_path)


def test_file_that_is_no_npz_is_refused(tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"no arrays")
    with pytest.raises(TrainingError, match=r"bad\.npz: not readable as \.npz"):
        read_dataset(tmp_path / "bad.npz")


def test_split_leaves_every_tenth_image_of_each_class():
    images = LabelledImages(torch.zeros(25, 1, 1, 3, dtype=torch.uint8), torch.tensor([0] * 21 + [1] * 4), 2)
    training, validation = split_validation(images)
    assert (len(training), validation.labels.tolist()) == (23, [0, 0])


def test_channel_statistics_agree_with_numpy():
    images = synthetic_images(100, seed=4)
    mean, deviation = LabelledImages(torch.from_numpy(images), torch.arange(100), 100).channel_statistics()
    numpy.testing.assert_allclose(mean, (images / 255).mean(axis=(0, 1, 2)), atol=6e-5)
    numpy.testing.assert_allclose(deviation, (images / 255).std(axis=(0, 1, 2)), atol=6e-5)


@pytest.mark.skipif(not DEFAULT_DATA.is_dir(), reason="the CIFAR-100 mosaics are not on this machine")
def test_real_validation_images_are_5000_with_evenly_spread_labels():
    validation = read_dataset(DEFAULT_DATA).validation
    assert validation.images.shape == (5000, 32, 32, 3)
    assert torch.bincount(validation.labels).tolist() == [50] * 100
