"""What is on file about a customer: any typed column of customers, as it was known.

Numbers and flags become float64, texts categories. Left out: instants, texts of more than 50 values (names,
addresses and ids are no attributes), columns nothing is known of, the acquisition cost (sunk) and the
consent.
"""

from contracts.events import TABLES
from contracts.feature_frame import Feature
from features.engine import KEY, Table, Value, read_frame, rounded
from features.families.family import Family
from features.slugs import slugs_of
from features.snapshot import Snapshot
from features.versions import find_attributes

MOST_VALUES = 50
UNKNOWN = "not on file"
CATEGORY = "category"
NOT_ATTRIBUTES = ("customer_id", "occurred_at", "acquisition_cost", "profiling_consent")


def list_features(snapshot: Snapshot) -> tuple[Feature, ...]:
    """Return one feature per usable column: those of the contract first, then the company's own by name."""
    columns = find_columns(snapshot.customers)
    known, values = count_values(snapshot.customers, columns)
    units = {name: unit_of(snapshot.customers[name]) for name in columns}
    return tuple(
        Feature(
            f"attribute.{slug}",
            units[name],
            UNKNOWN,
            dtype="category" if units[name] == CATEGORY else "float64",
            label=name,
        )
        for name, slug in columns.items()
        if known[name] > 0 and (values[name] <= MOST_VALUES or units[name] != CATEGORY)
    )


def find_columns(customers: Table) -> dict[str, str]:
    """Return the slug of each column of a type that can be an attribute, by its own name."""
    ours = [name for name in TABLES["customers"].names if name not in NOT_ATTRIBUTES]
    names = [*ours, *sorted(find_attributes(customers))]
    usable = [name for name in names if unit_of(customers[name])]
    slugs = slugs_of(usable)
    return {name: slugs[name] for name in usable}


def count_values(customers: Table, columns: dict[str, str]) -> tuple[dict[str, int], dict[str, int]]:
    """Return how many values are known of each column, and how many different ones."""
    if not columns:
        return {}, {}
    counts = {f"known_{slug}": customers[name].count() for name, slug in columns.items()}
    distinct = {f"values_{slug}": customers[name].nunique() for name, slug in columns.items()}
    row = read_frame(customers.agg(**counts, **distinct)).to_pylist()[0]
    return (
        {name: int(row[f"known_{slug}"]) for name, slug in columns.items()},
        {name: int(row[f"values_{slug}"]) for name, slug in columns.items()},
    )


def build(snapshot: Snapshot, wanted: tuple[Feature, ...] | None = None) -> Table:
    """Return the columns that ``wanted`` names by label, by default the snapshot's, without those gone."""
    customers = snapshot.customers
    chosen = list_features(snapshot) if wanted is None else wanted
    present = [feature for feature in chosen if feature.label in customers.columns]
    return customers.select(
        *KEY,
        **{feature.name.partition(".")[2]: _value(customers[feature.label]) for feature in present},
    )


def unit_of(column: Value) -> str:
    """Return ``category`` for text, ``flag`` for yes and no, ``value`` for numbers, else nothing."""
    kind = column.type()
    if kind.is_string():
        return CATEGORY
    if kind.is_boolean():
        return "flag"
    return "value" if kind.is_numeric() else ""


def _value(column: Value) -> Value:
    return column if unit_of(column) == CATEGORY else rounded(column)


FAMILY = Family("attribute", ("customers",), list_features, build)
