"""Orders net of refunds, and the days on which a customer bought (design, section 4)."""

from features.engine import KEY, MONEY, Table, first_present, last_observed_day, ordered, position, whole_days


def net_orders(known: Table) -> Table:
    """Return the known orders with each one's known refunds taken off.

    ``amount`` is net, ``gross`` as ordered, ``refunded`` what was paid back (>= 0), ``day`` the UTC date and
    ``qualifying`` whether the net amount is above 0. A refund lowers the order of its source that it names in
    ``refund_of``; rows of refunds are left out. All sums are exact.
    """
    paid_back = known.filter(known.refund_of.notnull())
    refunds = paid_back.group_by([paid_back.as_of, paid_back.source, paid_back.refund_of]).agg(
        returned=paid_back.amount.sum()
    )
    orders = known.filter(known.refund_of.isnull())
    name = first_present(orders.order_id, orders.row_key)
    matched = orders.left_join(
        refunds, [orders.as_of == refunds.as_of, orders.source == refunds.source, name == refunds.refund_of]
    )
    returned = matched.returned.fill_null(0).cast(MONEY)
    net = matched.mutate(
        gross=matched.amount,
        refunded=-returned,
        amount=(matched.amount + returned).cast(MONEY),
        day=matched.occurred_at.date(),
    )
    return net.mutate(qualifying=net.amount > 0).drop(
        [name for name in net.columns if name.endswith("_right") or name == "returned"]
    )


def find_purchase_days(orders: Table) -> Table:
    """Return one row per customer and day with a qualifying order.

    ``amount`` is the day's exact net total, ``orders`` their number, ``place`` counts the customer's days
    from 0, ``gap`` is the whole days since the previous one (missing at place 0) and ``age`` those from the
    day to the last observed.
    """
    bought = orders.filter(orders.qualifying)
    days = bought.group_by([*(bought[name] for name in KEY), bought.day]).agg(
        amount=bought.amount.sum(), orders=bought.count()
    )
    own = ordered([days.day], [days.as_of, days.customer_id])
    return days.mutate(
        place=position().over(own),
        gap=whole_days(days.day.lag().over(own), days.day),
        age=whole_days(days.day, last_observed_day(days.as_of)),
    )
