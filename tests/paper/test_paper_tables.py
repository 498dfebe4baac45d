"""The paper's own tables, and of which hosts their counted columns are."""

import pytest

from aff.models.registry import models_of
from aff.models.summary import measured
from aff.paper.reported import TABLES
from aff.paper.tables import BLOCKS, paper_table

from .test_tables import rows_of

HOSTS = ["table3_inception", "table4_inception", "table3_fpn", "table4_fpn"]
PAPER = ["table3", "table4", *HOSTS, "table6"]


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_tables(name):
    table = paper_table(name)
    for row in rows_of(table).values():
        parameters = [float(value) for value in row["parameters (M), b=1 to 4"]]
        assert parameters == sorted(parameters)
        assert len(parameters) == 4
    if name == "table3":
        aff_row = rows_of(table)["Global + Local (AFF)"]
        assert (aff_row["b=1"], aff_row["ImageNet"], aff_row["of the file"]) == (
            "76.3",
            "78.4",
            "78.38",
        )
    if name == "table4":
        assert rows_of(table)["iAFF"]["b=4"] == "-"
    assert any("r = 4" in note or "r = 2" in note for note in table.notes)
    told = any("aff experiment" in note for note in table.notes)
    assert told == (name in ("table3", "table4"))


@pytest.mark.parametrize(
    "name, row, r",
    [
        ("table3", "Global + Global", 2),
        ("table4", "AFF", 2),
        ("table4", "iAFF", 4),
        ("table6", "AFF", 2),
        ("table4_inception", "AFF", 4),
        ("table4_fpn", "AFF", 4),
    ],
)
def test_rows_are_counted_with_the_ratio_that_is_known(name, row, r):
    said = TABLES[name]
    fusion = next(each["fusion"] for each in said["rows"] if each["name"] == row)
    kwargs = {"fusion": fusion, "classes": said.get("classes", 100), "r": r}
    models = models_of(said.get("host", "cifar_resnet{}_askc"), BLOCKS)
    counts = [f"{measured(model, kwargs).parameters / 1e6:.3f}" for model in models]
    assert rows_of(paper_table(name))[row]["parameters (M), b=1 to 4"] == counts


@pytest.mark.parametrize(
    "table, models, size, classes, reported",
    [
        ("table4_inception", "cifar_inception 5 8 11 14", 32, 100, "0.774 0.801 0.808 0.814"),
        ("table4_fpn", "fpn_cifar_resnet 8 14 20 26", 128, 2, "0.927 0.938 0.945 0.953"),
    ],
)
def test_columns_of_other_hosts_are_of_ours_and_say_so(table, models, size, classes, reported):
    found = paper_table(table, fractions=True)
    row = rows_of(found)["iAFF"]
    assert [row[f"b={b}"] for b in (1, 2, 3, 4)] == reported.split()
    stem, *depths = models.split()
    kwargs = {"fusion": "iAFF", "classes": classes}
    costs = [measured(f"{stem}{depth}_askc", kwargs, size) for depth in depths]
    assert row["parameters (M), b=1 to 4"] == [f"{cost.parameters / 1e6:.3f}" for cost in costs]
    assert row["MFLOPs, b=1 to 4"] == [f"{cost.multiply_adds / 1e6:.1f}" for cost in costs]
    assert any("never published" in note for note in found.notes)
    on_cifar = any("CIFAR" in note for note in found.notes)
    assert on_cifar == (table == "table4_inception") == ("our runs, b=1 to 4" in found.head)
