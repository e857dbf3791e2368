"""Where a customer orders: the mix of channels, how mixed it is, and whether it has moved.

Shares are of orders of net amount > 0 that name a channel. The channels with a share of their own are the
company's largest ones before the latest cutoff; the rest is ``share_other``.
"""

from contracts.feature_frame import Feature
from features.engine import KEY, Table, beside, number, ordered, read_frame, rounded, share, when
from features.families.family import Family
from features.slugs import slugs_of
from features.snapshot import Snapshot

LARGEST = 8
SMALLEST_SHARE = 0.01
SHARE = "channel.share_"
OTHER = f"{SHARE}other"
NO_CHANNEL = "no order names a channel"

FEATURES = (
    Feature("channel.channels", "channels", NO_CHANNEL),
    Feature("channel.omnichannel", "flag", NO_CHANNEL),
    Feature("channel.entropy", "nats", NO_CHANNEL),
    Feature("channel.favourite_share", "share", NO_CHANNEL),
    Feature("channel.switch_share", "share", "fewer than two orders name a channel"),
    Feature("channel.last_changed", "flag", "fewer than two orders name a channel"),
    Feature("channel.last", "channel", NO_CHANNEL, dtype="category"),
)


def list_features(snapshot: Snapshot) -> tuple[Feature, ...]:
    """Return one share per large channel, the share of the rest where there is any, and the fixed columns."""
    counts = count_channels(snapshot)
    if not counts:
        return ()
    smallest = SMALLEST_SHARE * sum(counts.values())
    large = [name for name, count in counts.items() if count >= smallest][:LARGEST]
    slugs = slugs_of(large)
    shares = [Feature(f"{SHARE}{slugs[name]}", "share", NO_CHANNEL, label=name) for name in large]
    if len(counts) > len(large):
        shares.append(
            Feature(OTHER if "other" not in slugs.values() else f"{SHARE}rest", "share", NO_CHANNEL)
        )
    return (*shares, *FEATURES)


def count_channels(snapshot: Snapshot) -> dict[str, int]:
    """Return the number of orders by channel over all cutoffs, the most used first, then by name."""
    bought = _with_channel(snapshot)
    rows = read_frame(bought.group_by(bought.channel).agg(orders=bought.count())).to_pylist()
    counts = {str(row["channel"]): int(row["orders"]) for row in rows}
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def build(snapshot: Snapshot, wanted: tuple[Feature, ...] | None = None) -> Table:
    """Return the columns for the channels that ``wanted`` names, by default for those of the snapshot."""
    chosen = list_features(snapshot) if wanted is None else wanted
    named = {feature.label: _short(feature) for feature in chosen if feature.label}
    rest = [_short(feature) for feature in chosen if feature.unit == "share" and not feature.label]
    bought = _with_channel(snapshot)
    counts = bought.group_by([*KEY, bought.channel]).agg(orders=bought.count())
    within = counts.orders
    term = number(within) * number(within).ln()
    sums = counts.group_by(KEY).agg(
        total=within.sum(),
        channels=counts.count(),
        most=within.max(),
        spread=term.sum(),
        **{short: within.sum(where=counts.channel == name) for name, short in named.items()},
    )
    shares = {short: share(sums[short].fill_null(0), sums.total) for short in named.values()}
    others = {short: 1 - sum(shares.values()) for short in rest if short.startswith("share_")}
    mix = sums.select(
        *KEY,
        **{short: rounded(value) for short, value in {**shares, **others}.items()},
        channels=rounded(sums.channels),
        omnichannel=rounded(when(sums.channels > 1, 1, 0)),
        entropy=rounded(number(sums.total).ln() - sums.spread / sums.total),
        favourite_share=rounded(share(sums.most, sums.total)),
    )
    return beside(mix, build_moves(bought))


def build_moves(bought: Table) -> Table:
    """Return how often one order's channel differs from the one before, and the last channel."""
    order = [bought.occurred_at, bought.source, bought.row_key]
    own = ordered(order, [bought.as_of, bought.customer_id])
    moves = bought.mutate(before=bought.channel.lag().over(own))
    moved = when(moves.before.isnull(), None, when(moves.before == moves.channel, 0, 1))
    steps = moves.mutate(moved=moved)
    order = [steps.occurred_at, steps.source, steps.row_key]
    sums = steps.group_by(KEY).agg(
        moves=steps.moved.sum(),
        steps=steps.moved.count(),
        last_moved=steps.moved.last(where=steps.moved.notnull(), order_by=order),
        last_channel=steps.channel.last(order_by=order),
    )
    return sums.select(
        *KEY,
        switch_share=rounded(share(sums.moves, sums.steps)),
        last_changed=rounded(sums.last_moved),
        last=sums.last_channel,
    )


def _with_channel(snapshot: Snapshot) -> Table:
    orders = snapshot.orders
    return orders.filter(orders.qualifying & orders.channel.notnull())


def _short(feature: Feature) -> str:
    return feature.name.partition(".")[2]


FAMILY = Family("channel", ("orders",), list_features, build)
