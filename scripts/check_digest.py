#!/usr/bin/env python3
"""Recomputes the order digest of a run from its orders.parquet alone.

    pip install pyarrow
    python3 scripts/check_digest.py OUT_DIR

OUT_DIR holds orders.parquet and summary.json. The digest is SHA-256 over the rows in order, little-endian
seq u64, cause_seq u64, instrument u32, client_id u64, action u8, side u8, px_nanos i64, qty_lots i64, type u8,
tif u8, verdict u8. Exit code 0 where it equals `order_digest` of summary.json, 5 where it differs.
With a single Parquet file instead of a folder the digest is only printed.
"""

import hashlib
import json
import pathlib
import struct
import sys

import pyarrow.parquet as parquet

COLUMNS = "seq cause_seq instrument client_id action side px_nanos qty_lots type tif verdict".split()
ROW = struct.Struct("<QQIQBBqqBBB")


def digest_of(path):
    sha = hashlib.sha256()
    rows = 0
    for batch in parquet.ParquetFile(path).iter_batches(columns=COLUMNS):
        columns = [batch.column(name).to_pylist() for name in COLUMNS]
        for row in zip(*columns):
            sha.update(ROW.pack(*row))
        rows += batch.num_rows
    return sha.hexdigest(), rows


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    place = pathlib.Path(sys.argv[1])
    if place.is_file():
        print(*digest_of(place))
        return 0
    digest, rows = digest_of(place / "orders.parquet")
    stated = json.loads((place / "summary.json").read_text())["order_digest"]
    same = digest == stated
    print(f"{'same' if same else 'DIFFERENT'}: {rows} orders, file {digest}, summary {stated}")
    return 0 if same else 5


if __name__ == "__main__":
    sys.exit(main())
