"""COCO's annotations: masks against NumPy for rectangles and runs, and pycocotools' own area."""

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aff.data.coco import rasterise, read_coco
from aff.utils.errors import InputError

mask_tools = pytest.importorskip("pycocotools.mask")
SIZE = (20, 30)


def rectangle(left, top, right, bottom):
    """A polygon, and the pixels that it holds."""
    inside = np.zeros(SIZE, bool)
    inside[top:bottom, left:right] = True
    return [left, top, right, top, right, bottom, left, bottom], inside


def runs_of(inside):
    """Lengths of runs outside and inside, down the columns, by NumPy."""
    values = np.concatenate([[0], inside.T.ravel().astype(int)])
    starts = np.flatnonzero(np.diff(values))
    return np.diff([0, *starts, inside.size]).tolist()


@given(
    st.tuples(st.integers(0, 28), st.integers(0, 18)),
    st.tuples(st.integers(1, 30), st.integers(1, 20)),
)
def test_rectangles(corner, size):
    left, top = corner
    polygon, inside = rectangle(left, top, min(30, left + size[0]), min(20, top + size[1]))
    found = rasterise([polygon], SIZE, "image")
    np.testing.assert_array_equal(found, inside)
    assert found.sum() == mask_tools.area(mask_tools.frPyObjects([polygon], *SIZE)).sum()


def test_several_polygons_are_one_object():
    (one, first), (other, second) = rectangle(2, 3, 8, 9), rectangle(6, 5, 20, 12)
    np.testing.assert_array_equal(rasterise([one, other], SIZE, "image"), first | second)
    assert not rasterise([], SIZE, "image").any()


@given(seed=st.integers(0, 2**32 - 1), density=st.floats(0, 1))
def test_runs(seed, density):
    inside = np.random.default_rng(seed).random(SIZE) < density
    packed = mask_tools.encode(np.asfortranarray(inside.astype(np.uint8)))
    for counts in (runs_of(inside), packed["counts"].decode()):
        found = rasterise({"size": list(SIZE), "counts": counts}, SIZE, "image")
        np.testing.assert_array_equal(found, inside)
        assert found.sum() == mask_tools.area(packed)


def test_long_runs():
    inside = np.zeros((300, 400), bool)
    inside[150:, 100:103] = inside[5:9, 300:] = True
    packed = mask_tools.encode(np.asfortranarray(inside.astype(np.uint8)))
    runs = {"size": [300, 400], "counts": packed["counts"].decode()}
    np.testing.assert_array_equal(rasterise(runs, (300, 400), "image"), inside)


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        "polygon",
        [None],
        [[1, 1, 5, 5, 3]],
        [[1, 1, 5, 5, 3, True]],
        [[1, 1, 5, 5, 3, "4"]],
        [[1, 1, 5, 5, 3, 1e9]],
        [[-1e9, 1, 5, 5, 3, 3]],
        {},
        {"size": [20, 30], "counts": [600, 1]},
        {"size": [20, 30], "counts": [-1, 601]},
        {"size": [20, 30], "counts": [1.5, 598.5]},
        {"size": [30, 20], "counts": [600]},
        {"size": [20, 30], "counts": "nonsense"},
        {"size": [20, 30], "counts": "o" * 99},
        {"size": [20, 30], "counts": 600},
    ],
)
def test_what_is_no_object_is_refused(segmentation):
    with pytest.raises(InputError, match="^image: an object's"):
        rasterise(segmentation, SIZE, "image")


@given(st.text(max_size=20))
def test_no_text_does_worse_than_an_input_error(text):
    with contextlib.suppress(InputError):
        assert rasterise({"size": [4, 4], "counts": text}, (4, 4), "image").shape == (4, 4)


def write(path, annotations, images=("b.jpg", "a.jpg"), categories=((7, "dog"), (3, "stop sign"))):
    """An annotation file of images of `SIZE`, numbered from 10."""
    path.write_text(
        json.dumps(
            {
                "info": {"year": 2026},
                "images": [
                    {"id": 10 + index, "file_name": name, "height": SIZE[0], "width": SIZE[1]}
                    for index, name in enumerate(images)
                ],
                "categories": [{"id": number, "name": name} for number, name in categories],
                "annotations": [
                    {"id": index, "bbox": [0, 0, 1, 1], **one}
                    for index, one in enumerate(annotations)
                ],
            }
        )
    )
    return str(path)


def annotation(segmentation, category=3, image=10, crowd=0):
    return {
        "image_id": image,
        "category_id": category,
        "segmentation": segmentation,
        "iscrowd": crowd,
    }


def test_smaller_objects_are_seen_and_crowds_are_ignored(tmp_path):
    (small, one), (large, two), (crowd, three) = (
        rectangle(*corners) for corners in ((4, 4, 8, 8), (2, 2, 16, 14), (10, 10, 28, 19))
    )
    path = write(
        tmp_path / "instances.json",
        [
            annotation([small]),
            annotation([large], 7),
            annotation({"size": list(SIZE), "counts": runs_of(three)}, crowd=1),
        ],
    )
    coco = read_coco(path)
    expected = np.zeros(SIZE, np.uint8)
    expected[three] = 255
    expected[two] = 2
    expected[one] = 1
    assert crowd
    assert coco.classes == ["stop sign", "dog"]
    assert [image.file_name for image in coco.images] == ["b.jpg"]
    np.testing.assert_array_equal(coco.mask(coco.images[0]), expected)
    alone = read_coco(path, ["dog"])
    np.testing.assert_array_equal(alone.mask(alone.images[0]), two.astype(np.uint8))


def test_polygons_without_area_are_left_out():
    polygon, inside = rectangle(2, 3, 8, 9)
    for short in ([], [1, 1], [1, 1, 5, 5]):
        np.testing.assert_array_equal(rasterise([short, polygon], SIZE, "image"), inside)
        assert not rasterise([short], SIZE, "image").any()
    with pytest.raises(InputError, match="x and y of points"):
        rasterise([[1, 1, 5]], SIZE, "image")


def test_categories_of_one_name_are_one_class(tmp_path):
    corners = [(1, 1, 9, 9), (12, 2, 20, 9), (3, 11, 9, 17)]
    polygons, insides = zip(*(rectangle(*each) for each in corners))
    objects = [annotation([polygon], number) for polygon, number in zip(polygons, (1, 2, 5))]
    names = ((1, "sign"), (2, "sign"), (5, "dog"))
    coco = read_coco(write(tmp_path / "instances.json", objects, categories=names))
    assert coco.classes == ["sign", "dog"]
    expected = (insides[0] | insides[1]) + 2 * insides[2]
    np.testing.assert_array_equal(coco.mask(coco.images[0]), expected)


def test_images_are_those_with_objects_of_the_classes(tmp_path):
    polygon = rectangle(1, 1, 9, 9)[0]
    objects = [annotation([polygon], image=10), annotation([polygon], 7, image=11)]
    path = write(tmp_path / "instances.json", objects)
    assert [one.file_name for one in read_coco(path).images] == ["a.jpg", "b.jpg"]
    assert [one.file_name for one in read_coco(path, ["dog"]).images] == ["a.jpg"]


@pytest.mark.parametrize(
    "options",
    [
        {"images": ("../b.jpg", "a.jpg")},
        {"images": ("/etc/b.jpg", "a.jpg")},
        {"images": ("passwd", "a.jpg")},
        {"images": ("a.png", "a.jpg")},
        {"images": ("", "a.jpg")},
        {"categories": ()},
        {"categories": ((3, "stop\nsign"),)},
    ],
)
def test_files_of_another_form_are_named(tmp_path, options):
    polygon = rectangle(1, 1, 9, 9)[0]
    objects = [annotation([polygon], image=image) for image in (10, 11)]
    path = write(tmp_path / "instances.json", objects, **options)
    with pytest.raises(InputError, match=r"instances\.json"):
        read_coco(path)


@pytest.mark.parametrize("classes", [["cat"], ["dog", "dog"]])
def test_classes_that_are_none(tmp_path, classes):
    path = write(tmp_path / "instances.json", [annotation([rectangle(1, 1, 9, 9)[0]])])
    with pytest.raises(InputError, match="class"):
        read_coco(path, classes)
    with pytest.raises(InputError, match="no objects"):
        read_coco(path, ["dog"])


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"images": 1}', '{"images": [{"id": 1}]}'])
def test_other_json(tmp_path, text):
    (tmp_path / "instances.json").write_text(text)
    with pytest.raises(InputError, match=r"instances\.json"):
        read_coco(str(tmp_path / "instances.json"))
