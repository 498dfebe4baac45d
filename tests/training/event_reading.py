"""TensorBoard's own reader, for what runs wrote."""

from types import SimpleNamespace

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData


def accumulated(folder):
    """What TensorBoard itself keeps of the event files in a folder: all of it."""
    return EventAccumulator(str(folder), dict.fromkeys(("scalars", "images"), 0)).Reload()


def read_back(folder):
    """What TensorBoard makes of the event files in a folder: `scalars` and `images`, the points
    (step, value or PNG) of each tag, and `hparams`, what the plugin for them was told.
    """
    found = accumulated(folder)
    return SimpleNamespace(
        scalars=points(found),
        images={
            tag: [(event.step, event.encoded_image_string) for event in found.Images(tag)]
            for tag in found.Tags()["images"]
        },
        hparams={
            tag.rsplit("/")[-1]: HParamsPluginData.FromString(metadata.plugin_data.content)
            for tag, metadata in found.summary_metadata.items()
            if metadata.plugin_data.plugin_name == "hparams"
        },
    )


def points(accumulator):
    """The points (step, value) of each scalar's tag."""
    return {
        tag: [(event.step, event.value) for event in accumulator.Scalars(tag)]
        for tag in accumulator.Tags()["scalars"]
    }


def without_speed(scalars):
    """Scalars without what the machine's speed makes of them, of which the steps are left."""
    return {
        tag: [step for step, _ in found] if tag.endswith("images_per_sec") else found
        for tag, found in scalars.items()
    }
