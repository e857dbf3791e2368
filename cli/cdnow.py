"""The CDNOW log that ships inside ``lifetimes``: 23,570 real customers of 1997, 69,659 real purchases."""

import csv
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

HEADER = ("customer_id", "occurred_at", "amount")


def read_cdnow() -> Iterator[tuple[str, str, str]]:
    """Yield customer, date (ISO) and amount in dollars of each purchase, in the file's order."""
    log = files("lifetimes") / "datasets" / "CDNOW_master.txt"
    with log.open(encoding="ascii") as lines:
        next(lines)
        for line in lines:
            customer, day, _, amount = line.split()
            yield customer, f"{day[:4]}-{day[4:6]}-{day[6:]}", amount


def save_cdnow(file: Path) -> int:
    """Write the log as a CSV of orders without order ids; return the number of rows."""
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(HEADER)
        count = 0
        for row in read_cdnow():
            rows.writerow(row)
            count += 1
    return count
