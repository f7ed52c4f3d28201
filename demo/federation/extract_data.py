"""Make the demonstration's data folder from the files that ``vega_datasets`` ships.

Run with an interpreter that has ``vega_datasets``: ``python demo/federation/extract_data.py [FOLDER]``.
No network is used. Each site gets ``<folder>/<site>/temperatures.csv`` with the columns ``time``
(ISO, local time) and ``fahrenheit``, the unit of the source.
"""

from __future__ import annotations

import csv
import importlib.util
import sys
from datetime import datetime
from pathlib import Path

SOURCES = {"seattle": "seattle-temps.csv", "san_francisco": "sf-temps.csv"}
DEFAULT_FOLDER = Path(__file__).resolve().parent / "data"


def extract(folder: Path) -> dict[str, int]:
    """Write the temperature file of each site.

    :param folder: the data folder; made if missing
    :return: the number of measurements by site
    :raises FileNotFoundError: if ``vega_datasets`` or one of its files is missing
    """
    sources = {site: _source(name) for site, name in SOURCES.items()}
    return {site: _convert(source, folder / site) for site, source in sources.items()}


def _source(name: str) -> Path:
    # Looked up, not imported: the package imports pandas, which is not needed here.
    spec = importlib.util.find_spec("vega_datasets")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"vega_datasets is not installed for {sys.executable}")
    path = Path(spec.submodule_search_locations[0]) / "_data" / name
    if not path.is_file():
        raise FileNotFoundError(f"This vega_datasets ships no {name}")
    return path


def _convert(source: Path, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "temperatures.csv.part"
    count = 0
    with source.open(newline="", encoding="utf-8") as read, partial.open("w", newline="") as write:
        writer = csv.writer(write, lineterminator="\n")
        writer.writerow(["time", "fahrenheit"])
        for row in csv.DictReader(read):
            time = datetime.fromisoformat(row["date"].replace("/", "-"))
            writer.writerow([time.isoformat(timespec="minutes"), float(row["temp"])])
            count += 1
    partial.replace(folder / "temperatures.csv")
    return count


def main() -> None:
    """Extract into the folder named on the command line, or into ``data`` beside this file."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_FOLDER
    try:
        counts = extract(folder)
    except FileNotFoundError as error:
        sys.exit(f"extract_data: {error}")
    for site, count in counts.items():
        print(f"{site}: {count} measurements")


if __name__ == "__main__":
    main()
