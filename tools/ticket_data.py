"""The ticket-sales data set: seven files with the columns of Redshift's TICKIT sample, made from a seed.

    python -m tools.ticket_data FOLDER [--seed 2008] [--scale 1.0]

The same seed and scale give the same bytes. Users, venues and names are invented. Formats vary on purpose, as
they do in the sample: pipes and tabs, plain and gzipped files, and times as MM/DD/YYYY in sales.
"""

import argparse
import gzip
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

USERS: Final = 50_000
VENUES: Final = 202
DAYS: Final = 365
EVENTS: Final = 8_800
LISTINGS: Final = 190_000
SALES: Final = 172_000
FIRST_DAY: Final = date(2008, 1, 1)
FIRST_DATE_ID: Final = 1_827
_LIKES: Final = 10
_SOLD_BY: Final = 0.15
"""Redshift's sample: the marketplace keeps 15 % of the price."""

CATEGORIES: Final = (
    (1, "Sports", "MLB", "Major League Baseball"),
    (2, "Sports", "NHL", "National Hockey League"),
    (3, "Sports", "NFL", "National Football League"),
    (4, "Sports", "NBA", "National Basketball Association"),
    (5, "Sports", "MLS", "Major League Soccer"),
    (6, "Shows", "Musicals", "Musical theatre"),
    (7, "Shows", "Plays", "All non-musical theatre"),
    (8, "Shows", "Opera", "All opera and light opera"),
    (9, "Concerts", "Pop", "All rock and pop music concerts"),
    (10, "Concerts", "Jazz", "All jazz singers and bands"),
    (11, "Concerts", "Classical", "All symphony, concerto, and choir concerts"),
)
# How many of a hundred events belong to a category; the rest of the sample's categories have none.
_POPULARITY: Final = {6: 28, 7: 22, 8: 7, 9: 31, 10: 5, 11: 7}

_FIRST: Final = ["Ada", "Amir", "Bea", "Boris", "Carla", "Chen", "Dana", "Diego", "Elif", "Emeka", "Fatima", "Felix", "Greta", "Hana", "Hugo", "Ines", "Ivan", "Jamila", "Jonas", "Kaito", "Lena", "Liam", "Mara", "Mateo", "Nadia", "Noah", "Olga", "Omar", "Paula", "Priya", "Quinn", "Rafael", "Rosa", "Samir", "Sofia", "Tariq", "Tove", "Uma", "Viktor", "Wanda", "Xenia", "Yara", "Yusuf", "Zoe"]
_LAST: Final = ["Abbott", "Alvarez", "Bauer", "Becker", "Brooks", "Castro", "Chandra", "Conti", "Dubois", "Eriksen", "Farah", "Fischer", "Garcia", "Haddad", "Hansen", "Ito", "Jensen", "Kaya", "Keller", "Kim", "Lopez", "Mbeki", "Meyer", "Moreau", "Nakamura", "Novak", "Okafor", "Olsen", "Park", "Patel", "Petrov", "Quist", "Ramos", "Reyes", "Rossi", "Sato", "Schmidt", "Silva", "Tanaka", "Torres", "Ueda", "Vargas", "Weber", "Yilmaz", "Zhang"]
_CITIES: Final = (
    ("Albany", "NY"), ("Austin", "TX"), ("Boise", "ID"), ("Boston", "MA"), ("Chicago", "IL"), ("Dayton", "OH"),
    ("Denver", "CO"), ("El Paso", "TX"), ("Fresno", "CA"), ("Helena", "MT"), ("Juneau", "AK"), ("Lansing", "MI"),
    ("Memphis", "TN"), ("Miami", "FL"), ("Nashville", "TN"), ("New York City", "NY"), ("Omaha", "NE"),
    ("Portland", "OR"), ("Reno", "NV"), ("Seattle", "WA"), ("Tucson", "AZ"), ("Wichita", "KS"),
)  # fmt: skip
_PLACES: Final = ("Arena", "Hall", "Theatre", "Stadium", "Pavilion", "Opera House", "Amphitheater", "Center")
_WORDS: Final = ["Amber", "Blue", "Broken", "Crystal", "Distant", "Electric", "Falling", "Golden", "Hidden", "Iron", "Last", "Midnight", "Northern", "Paper", "Quiet", "Red", "Silver", "Thousand", "Velvet", "Winter"]
_THINGS: Final = ["Bells", "Bridges", "Circus", "Dreams", "Echo", "Forest", "Garden", "Harbor", "Island", "Journey", "Kings", "Lanterns", "Mirror", "Orchestra", "Parade", "River", "Serenade", "Tigers", "Voyage", "Waltz"]
_WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_HOLIDAYS: Final = {(1, 1), (2, 14), (5, 26), (7, 4), (9, 1), (11, 27), (12, 25)}
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Event:
    """What listings need to know of an event."""

    number: int
    day: int
    """0-based day of the year."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What sales need to know of a listing."""

    number: int
    seller: int
    event: Event
    day: int
    tickets: int
    cents: int
    listed: datetime


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many rows there are of what grows."""

    users: int
    events: int
    listings: int
    sales: int


def write(folder: Path, seed: int = 2008, scale: float = 1.0) -> dict[str, int]:
    """Write all files below *folder* and return how many rows each table has."""
    folder.mkdir(parents=True, exist_ok=True)
    sizes = Sizes(*(max(50, round(count * scale)) for count in (USERS, EVENTS, LISTINGS, SALES)))
    sources = {name: random.Random(f"{seed} {name}") for name in ("users", "venue", "event", "listing", "sales")}
    events = list(_events(sources["event"], sizes))
    listings = list(_listings(sources["listing"], sizes, [event for event, _ in events]))
    half = len(listings) // 2
    rows = [_listing_line(listing) for listing in listings]
    return {
        "users": _write(folder / "allusers_pipe.gz", _users(sources["users"], sizes)),
        "venue": _write(folder / "venue_pipe.txt", _venues(sources["venue"])),
        "category": _write(folder / "category_pipe.txt", ("|".join(map(str, row)) for row in CATEGORIES)),
        "date": _write(folder / "date2008_pipe.txt", _dates()),
        "event": _write(folder / "allevents_pipe.txt", (line for _, line in events)),
        # Two parts under one prefix, as a warehouse's export would be.
        "listing": _write(folder / "listings_pipe_0.gz", rows[:half]) + _write(folder / "listings_pipe_1.gz", rows[half:]),
        "sales": _write(folder / "sales_tab.txt", _sales(sources["sales"], sizes, listings)),
    }


def _write(path: Path, lines: Iterable[str]) -> int:
    count, pieces = 0, []
    for line in lines:
        pieces.append(line)
        count += 1
    data = ("\n".join(pieces) + "\n").encode()
    # No name and no time in the header: the same bytes every time.
    path.write_bytes(gzip.compress(data, compresslevel=6, mtime=0) if path.suffix == ".gz" else data)
    return count


def _users(source: random.Random, sizes: Sizes) -> Iterator[str]:
    for number in range(1, sizes.users + 1):
        first, last = source.choice(_FIRST), source.choice(_LAST)
        city, state = source.choice(_CITIES)
        name = "".join(source.choices(_LETTERS, k=3)) + f"{number % 100:02d}" + "".join(source.choices(_LETTERS, k=3))
        phone = f"({source.randrange(200, 1000)}) {source.randrange(200, 1000)}-{source.randrange(10_000):04d}"
        # Most people leave most questions open, which loads as NULL.
        likes = source.choices(("TRUE", "FALSE", ""), weights=(2, 2, 5), k=_LIKES)
        email = f"{first}.{last}.{number}@example.com".lower()
        yield "|".join((str(number), name, first, last, city, state, email, phone, *likes))


def _venues(source: random.Random) -> Iterator[str]:
    for number in range(1, VENUES + 1):
        city, state = source.choice(_CITIES)
        name = f"{source.choice(_WORDS)} {source.choice(_PLACES)} {number}"
        # The sample's theatres have no number of seats.
        seats = source.choice((0, 0, source.randrange(200, 900) * 100))
        yield f"{number}|{name}|{city}|{state}|{seats}"


def _dates() -> Iterator[str]:
    for day in range(DAYS):
        moment = FIRST_DAY + timedelta(days=day)
        month, quarter = _MONTHS[moment.month - 1], str((moment.month + 2) // 3)
        holiday = "TRUE" if (moment.month, moment.day) in _HOLIDAYS else "FALSE"
        week = moment.timetuple().tm_yday // 7 + 1
        weekday = _WEEKDAYS[moment.weekday()]
        yield f"{FIRST_DATE_ID + day}|{moment}|{weekday}|{week}|{month}|{quarter}|{moment.year}|{holiday}"


def _events(source: random.Random, sizes: Sizes) -> Iterator[tuple[Event, str]]:
    kinds = source.choices(tuple(_POPULARITY), weights=tuple(_POPULARITY.values()), k=sizes.events)
    for number, kind in enumerate(kinds, 1):
        day = source.randrange(DAYS)
        start = datetime.combine(FIRST_DAY, datetime.min.time()) + timedelta(days=day, hours=source.choice((14, 15, 19, 20)))
        start += timedelta(minutes=source.choice((0, 30)))
        name = f"{source.choice(_WORDS)} {source.choice(_THINGS)}"
        venue = source.randrange(1, VENUES + 1)
        yield Event(number, day), f"{number}|{venue}|{kind}|{FIRST_DATE_ID + day}|{name}|{start}"


def _listings(source: random.Random, sizes: Sizes, events: list[Event]) -> Iterator[Listing]:
    for number in range(1, sizes.listings + 1):
        event = events[source.randrange(len(events))]
        day = max(0, event.day - source.randrange(60))
        listed = datetime.combine(FIRST_DAY, datetime.min.time()) + timedelta(days=day, seconds=source.randrange(86_400))
        seller = source.randrange(1, sizes.users + 1)
        yield Listing(number, seller, event, day, source.randrange(1, 31), source.randrange(20, 2_000) * 100, listed)


def _listing_line(listing: Listing) -> str:
    price, total = _money(listing.cents), _money(listing.cents * listing.tickets)
    return (
        f"{listing.number}|{listing.seller}|{listing.event.number}|{FIRST_DATE_ID + listing.day}"
        f"|{listing.tickets}|{price}|{total}|{listing.listed}"
    )


def _sales(source: random.Random, sizes: Sizes, listings: list[Listing]) -> Iterator[str]:
    # A few people buy far more than the rest: a report of top buyers then has something to say.
    keen = [source.randrange(1, sizes.users + 1) for _ in range(max(5, sizes.users // 500))]
    for number in range(1, sizes.sales + 1):
        listing = listings[source.randrange(len(listings))]
        buyer = source.choice(keen) if source.random() < 0.02 else source.randrange(1, sizes.users + 1)
        quantity = source.randrange(1, min(8, listing.tickets) + 1)
        day = min(DAYS - 1, listing.day + source.randrange(max(1, listing.event.day - listing.day + 1)))
        sold = datetime.combine(FIRST_DAY, datetime.min.time()) + timedelta(days=day, seconds=source.randrange(86_400))
        paid = listing.cents * quantity
        yield "\t".join((
            str(number), str(listing.number), str(listing.seller), str(buyer), str(listing.event.number),
            str(FIRST_DATE_ID + day), str(quantity), _money(paid), _money(round(paid * _SOLD_BY)),
            f"{sold.month}/{sold.day}/{sold.year} {sold:%H:%M:%S}",
        ))  # fmt: skip


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def main() -> None:
    """Write the files where the command line says."""
    parser = argparse.ArgumentParser(description="Write the ticket-sales data set.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=2008)
    parser.add_argument("--scale", type=float, default=1.0)
    arguments = parser.parse_args()
    for table, rows in write(arguments.folder, arguments.seed, arguments.scale).items():
        print(f"{table:10} {rows:>8} rows")


if __name__ == "__main__":
    main()
