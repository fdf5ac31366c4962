#!/usr/bin/env python3
"""Fits a linear model to the rows of `tickrace features` and writes it as a model file.

    pip install numpy pyarrow
    tickrace features configs/backtest/model.toml --label-ms 10000 --out features.parquet
    python3 scripts/fit_linear.py features.parquet --label future_return_10000ms --out model.toml

Ridge regression of the label on standardised features, rows with a null left out. The first part of the rows by time is
fitted; the rest tells what the fit is worth on rows it has not seen (printed, and written as a comment). `--only` chooses
features; `--ridge` is the penalty as a share of the number of rows.
"""

import argparse

import numpy as np
import pyarrow.parquet as pq

NOT_FEATURES = ("ts_ns", "symbol", "bid_px_nanos", "ask_px_nanos")


def correlation(a, b):
    return float(np.corrcoef(a, b)[0, 1]) if len(a) > 2 and a.std() > 0 and b.std() > 0 else float("nan")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows")
    parser.add_argument("--label", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--fit-share", type=float, default=0.7)
    parser.add_argument("--ridge", type=float, default=0.01)
    args = parser.parse_args()
    table = pq.read_table(args.rows)
    ignored = (*NOT_FEATURES, *(name for name in table.column_names if name.startswith("future_return_")))
    names = args.only or [name for name in table.column_names if name not in ignored]
    columns = [table[name].to_numpy(zero_copy_only=False).astype(float) for name in (*names, args.label)]
    rows = np.column_stack(columns)
    rows = rows[np.isfinite(rows).all(axis=1)]
    count = int(len(rows) * args.fit_share)
    if count < 10 * len(names) or len(rows) - count < 10:
        raise SystemExit(f"{args.rows}: {len(rows)} whole rows are too few for {len(names)} features")
    x, y = rows[:, :-1], rows[:, -1]
    mean, deviation = x[:count].mean(axis=0), x[:count].std(axis=0)
    if (deviation == 0).any():
        constant = [name for name, one in zip(names, deviation) if one == 0]
        raise SystemExit(f"{args.rows}: constant, leave out with --only: {', '.join(constant)}")
    z = (x - mean) / deviation
    intercept = y[:count].mean()
    gram = z[:count].T @ z[:count] + args.ridge * count * np.eye(len(names))
    weights = np.linalg.solve(gram, z[:count].T @ (y[:count] - intercept))
    told = intercept + z @ weights
    residual = (y[:count] - told[:count]).std()
    within, beyond = correlation(told[:count], y[:count]), correlation(told[count:], y[count:])
    words = f"{args.label} by ridge regression: {count} rows, correlation {within:.4f} in them, {beyond:.4f} in the {len(rows) - count} after them."
    lines = [
        f"# {words}",
        'kind = "linear"',
        'link = "identity"',
        f"intercept = {float(intercept)!r}",
        f"residual_deviation = {float(residual)!r}",
        "weight = [",
    ]
    for name, weight, m, d in zip(names, weights, mean, deviation):
        lines.append(
            f'    {{ feature = "{name}", weight = {float(weight)!r}, mean = {float(m)!r}, deviation = {float(d)!r} }},'
        )
    with open(args.out, "w", encoding="utf-8") as file:
        file.write("\n".join([*lines, "]"]) + "\n")
    print(words)


if __name__ == "__main__":
    main()
