#!/usr/bin/env python3
"""Runs the touch quoter under hftbacktest and prints trades, orders, money and events per second.

    scripts/peers/setup
    $PEERS/hftbacktest/bin/python scripts/peers/hftbacktest_run.py levels CAPTURE.gz --out DIR
    $PEERS/hftbacktest/bin/python scripts/peers/hftbacktest_run.py orders FILE.mbo.dbn.zst --out DIR

`levels` takes a raw capture of Binance USD-M futures and converts it with the package's own converter; `orders` takes
a Databento order-by-order file, likewise. The events are kept in DIR as `events.npz` (compressed) and `events.npy` (the
same array, for readers without zip), so that other engines can be given the very same bytes. One CSV of fills per run:
`fills-<model>-<depth>-<interval>ms-<latency>us.csv` with exch_ts_ns, local_ts_ns, side, price_tick, qty_lots, order_id.

The strategy is stated in docs/parity_hftbacktest.md; `--strategy` names departures from it (see `touch_quoter`).
Rates leave out compilation: each run is preceded by one of a few steps on the same types.
"""

import argparse
import csv
import pathlib
import resource
import sys
import time

import numpy as np
from numba import njit
from hftbacktest import (
    BacktestAsset, HashMapMarketDepthBacktest, ROIVectorMarketDepthBacktest, BUY, EXPIRED, FILLED, GTX, LIMIT, SELL,
)

BID_EMPTY, ASK_EMPTY = -(2**63), 2**63 - 1

# What a strategy departs from the spec in; bits of one integer, so that one compiled function serves all.
CLAMP_TO_TOUCH = 1  # a bid is never above the best bid, an ask never below the best ask
FLOAT_SKEW = 2      # k from the float position as it stands: 2.9999999999999996 orders held count as 2
FLOAT_CAP = 4       # a side is refused once the float position stands at the limit; 0.09999999999999999 does not
NO_SKEW = 8         # k = 0
STRATEGIES = {
    "spec": 0, "clamp-to-touch": CLAMP_TO_TOUCH, "float-skew": FLOAT_SKEW, "float-cap": FLOAT_CAP, "no-skew": NO_SKEW,
    "reference": CLAMP_TO_TOUCH | FLOAT_SKEW | FLOAT_CAP,
}

FILL = np.dtype([("exch_ts", "i8"), ("order_id", "u8"), ("price_tick", "i8"), ("qty", "f8"), ("side", "i8")])


@njit
def take_fills(hbt, fills, counts):
    """Notes the filled orders that the package still holds; call before it forgets them."""
    values = hbt.orders(0).values()
    while values.has_next():
        order = values.get()
        if order.status == FILLED:
            fill = fills[counts[2]]
            fill.exch_ts = order.exch_timestamp
            fill.order_id = order.order_id
            fill.price_tick = order.exec_price_tick
            fill.qty = order.exec_qty
            fill.side = order.side
            counts[2] += 1
        elif order.status == EXPIRED:
            counts[4] += 1


@njit
def touch_quoter(hbt, interval_ns, order_qty, position_max, departs, quoting, steps_max, fills, counts):
    """Quotes the touch every `interval_ns`; counts = submits, cancels, fills, steps, refused for taking."""
    eps = order_qty * 1e-6
    cancels = np.empty(64, np.uint64)
    while counts[3] < steps_max and hbt.elapse(interval_ns) == 0:
        counts[3] += 1
        if not quoting:
            continue
        take_fills(hbt, fills, counts)
        hbt.clear_inactive_orders(0)
        depth = hbt.depth(0)
        best_bid, best_ask = depth.best_bid_tick, depth.best_ask_tick
        if best_bid == BID_EMPTY or best_ask == ASK_EMPTY:
            continue
        position = hbt.position(0)
        held = position / order_qty
        skew = np.int64(held if departs & FLOAT_SKEW else held + (1e-6 if held > 0 else -1e-6))
        if departs & NO_SKEW:
            skew = 0
        bid_max, ask_min = best_ask - 1, best_bid + 1
        if departs & CLAMP_TO_TOUCH:
            bid_max, ask_min = best_bid, best_ask
        for side in (BUY, SELL):
            target = min(best_bid - skew, bid_max) if side == BUY else max(best_ask - skew, ask_min)
            towards = position if side == BUY else -position
            if departs & FLOAT_CAP:
                allowed = towards < position_max
            else:
                allowed = towards + order_qty <= position_max + eps
            present, count = False, 0
            values = hbt.orders(0).values()
            while values.has_next():
                order = values.get()
                if order.side != side:
                    continue
                if order.price_tick == target:
                    present = True
                if (order.price_tick != target or not allowed) and order.cancellable and count < len(cancels):
                    cancels[count] = order.order_id
                    count += 1
            for order_id in np.sort(cancels[:count]):
                hbt.cancel(0, order_id, False)
                counts[1] += 1
            if allowed and not present:
                counts[0] += 1
                price = target * depth.tick_size
                if side == BUY:
                    hbt.submit_buy_order(0, counts[0], price, order_qty, GTX, LIMIT, False)
                else:
                    hbt.submit_sell_order(0, counts[0], price, order_qty, GTX, LIMIT, False)
    if quoting:
        take_fills(hbt, fills, counts)


MODELS = {
    "risk-averse": lambda asset, n: asset.risk_adverse_queue_model(),
    "power": lambda asset, n: asset.power_prob_queue_model(n),
    "power2": lambda asset, n: asset.power_prob_queue_model2(n),
    "power3": lambda asset, n: asset.power_prob_queue_model3(n),
    "log": lambda asset, n: asset.log_prob_queue_model(),
    "log2": lambda asset, n: asset.log_prob_queue_model2(),
    "fifo": lambda asset, n: asset.l3_fifo_queue_model(),
}


class Market:
    """What is traded, and between which prices the vector depth looks."""

    def __init__(self, tick, lot, contract, roi, maker, taker, order_qty, position_max):
        self.tick, self.lot, self.contract, self.roi = tick, lot, contract, roi
        self.maker, self.taker = maker, taker
        self.order_qty, self.position_max = order_qty, position_max


BTCUSDT = Market(0.1, 0.001, 1.0, (40_000.0, 80_000.0), -0.00005, 0.0007, 0.01, 0.1)
ES = Market(0.25, 1.0, 50.0, (3_000.0, 7_000.0), 0.0, 0.0, 1.0, 10.0)


def world(events, market, model, n, depth, latency_ns, fees_by_value):
    asset = BacktestAsset().data(events)
    asset = asset.linear_asset(market.contract).constant_order_latency(latency_ns, latency_ns)
    asset = MODELS[model](asset, n).no_partial_fill_exchange()
    if fees_by_value:
        asset = asset.trading_value_fee_model(market.maker, market.taker)
    else:
        asset = asset.trading_qty_fee_model(market.maker, market.taker)
    asset = asset.tick_size(market.tick).lot_size(market.lot).last_trades_capacity(0)
    if depth == "roi":
        asset = asset.roi_lb(market.roi[0]).roi_ub(market.roi[1])
        return ROIVectorMarketDepthBacktest([asset])
    return HashMapMarketDepthBacktest([asset])


def run(events, market, model, n, depth, interval_ns, latency_ns, departs, quoting, fees_by_value, out, label):
    def once(steps_max):
        hbt = world(events, market, model, n, depth, latency_ns, fees_by_value)
        fills = np.zeros(200_000, FILL)
        counts = np.zeros(5, np.int64)
        start = time.perf_counter()
        touch_quoter(hbt, interval_ns, market.order_qty, market.position_max, departs, quoting, steps_max, fills, counts)
        seconds = time.perf_counter() - start
        values = hbt.state_values(0)
        depth_now = hbt.depth(0)
        money = (hbt.position(0), values.balance, values.fee, values.num_trades,
                 (depth_now.best_bid + depth_now.best_ask) / 2)
        hbt.close()
        return fills[: counts[2]], counts, seconds, money

    once(2)
    fills, counts, seconds, (position, cash, fee, trades, mid) = once(2**62)
    equity = cash + market.contract * position * mid - fee
    if quoting and trades != len(fills):
        sys.exit(f"{label}: {trades} trades by the package's count, {len(fills)} recorded")
    print(f"{label:38} trades {trades:5} orders {counts[0]:6} cancels {counts[1]:6} post-only-refused {counts[4]:4} "
          f"position {position:9.3f} cash {cash:14.6f} fees {fee:11.6f} equity {equity:12.6f} steps {counts[3]:9} "
          f"{seconds:7.4f} s {len(events) / seconds / 1e6:7.2f} M events/s", flush=True)
    if out is not None and quoting:
        fills = np.sort(fills, order=["exch_ts", "order_id"])
        with open(out / f"fills-{label}.csv", "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["exch_ts_ns", "local_ts_ns", "side", "price_tick", "qty_lots", "order_id"])
            for fill in fills:
                rows.writerow([fill["exch_ts"], fill["exch_ts"] + latency_ns, "bid" if fill["side"] == BUY else "ask",
                               fill["price_tick"], round(fill["qty"] / market.lot), fill["order_id"]])


def events_of(args):
    npz = args.out / "events.npz"
    if not npz.exists():
        if args.what == "levels":
            from hftbacktest.data.utils import binancefutures
            events = binancefutures.convert(str(args.input), combined_stream=True, buffer_size=args.buffer_rows)
        else:
            from hftbacktest.data.utils import databento
            events = databento.convert(str(args.input), args.symbol)
        np.savez_compressed(npz, data=events)
        np.save(args.out / "events.npy", events)
    return np.load(npz)["data"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["levels", "orders"])
    parser.add_argument("input", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder of events and fills")
    parser.add_argument("--symbol", default=None, help="symbol of a file of several (orders)")
    parser.add_argument("--buffer-rows", type=int, default=2_000_000, help="room of the package's converter")
    parser.add_argument("--power", type=float, default=3.0, help="exponent of the power models")
    parser.add_argument("--models", default=None, help="comma-separated; default: all of the kind")
    parser.add_argument("--depths", default="hash,roi")
    parser.add_argument("--intervals-ms", default="100,10")
    parser.add_argument("--latencies-us", default=None, help="default: 1000 (levels), 0 and 1000 (orders)")
    parser.add_argument("--strategy", default="spec", help=f"spec or departures joined by +: {', '.join(STRATEGIES)}")
    parser.add_argument("--position-max", type=float, default=None)
    parser.add_argument("--watch", action="store_true", help="step every second without quoting, for the bare rate")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    levels = args.what == "levels"
    market = BTCUSDT if levels else ES
    if args.position_max is not None:
        market.position_max = args.position_max
    models = args.models or ("risk-averse,power,power2,power3,log,log2" if levels else "fifo")
    latencies = args.latencies_us or ("1000" if levels else "0,1000")
    departs = 0
    for name in args.strategy.split("+"):
        departs |= STRATEGIES[name]
    events = events_of(args)
    print(f"{len(events)} events, strategy {args.strategy}")
    for depth in args.depths.split(","):
        if args.watch:
            run(events, market, models.split(",")[0], args.power, depth, 1_000_000_000, 0, 0, False, levels, None,
                f"watch-{depth}-1s")
            continue
        for interval in args.intervals_ms.split(","):
            for latency in latencies.split(","):
                for model in models.split(","):
                    run(events, market, model, args.power, depth, int(interval) * 1_000_000, int(latency) * 1_000,
                        departs, True, levels, args.out, f"{model}-{depth}-{interval}ms-{latency}us")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


if __name__ == "__main__":
    main()
