"""Names of the classes of the data sets, in the order of their labels."""

from __future__ import annotations

from typing import List, Optional

CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck".split()
CIFAR100_FINE = (
    "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus "
    "butterfly camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch "
    "crab crocodile cup dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo "
    "keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle mountain mouse "
    "mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy "
    "porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper "
    "snail snake spider squirrel streetcar sunflower sweet_pepper table tank telephone television "
    "tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm"
).split()
CIFAR100_COARSE = (
    "aquatic_mammals fish flowers food_containers fruit_and_vegetables "
    "household_electrical_devices household_furniture insects large_carnivores "
    "large_man-made_outdoor_things large_natural_outdoor_scenes large_omnivores_and_herbivores "
    "medium_mammals non-insect_invertebrates people reptiles small_mammals trees vehicles_1 "
    "vehicles_2"
).split()
FASHION_MNIST = "T-shirt/top,trouser,pullover,dress,coat,sandal,shirt,sneaker,bag,ankle boot".split(",")


def cifar10(label_set: Optional[str]) -> List[str]:
    """Return CIFAR-10's."""
    return CIFAR10


def cifar100(label_set: Optional[str]) -> List[str]:
    """Return CIFAR-100's, or those of its 20 superclasses."""
    return CIFAR100_COARSE if label_set == "coarse" else CIFAR100_FINE


def fashion_mnist(label_set: Optional[str]) -> List[str]:
    """Return Fashion-MNIST's."""
    return FASHION_MNIST


def digits(label_set: Optional[str]) -> List[str]:
    """Return the ten digits."""
    return [str(digit) for digit in range(10)]


def imagenet(label_set: Optional[str]) -> List[str]:
    """Return ImageNet's, as GluonCV has them."""
    from gluoncv.data import ImageNet1kAttr

    return list(ImageNet1kAttr().classes)
