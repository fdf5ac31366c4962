#!/usr/bin/env python3
"""Runs a touch market maker over a Databento order-by-order session under NautilusTrader; prints rates.

    scripts/peers/setup
    $PEERS/nautilus/bin/python scripts/peers/nautilus_run.py FILE.mbo.dbn.zst [--interval-ms 100] [--latency-us 0]

Rows: `book alone` applies the deltas to an L3 book; `watch` is the engine with a subscriber that does nothing; `quote` the
touch quoter of docs/parity_hftbacktest.md in its `flat` variant, looking at the first delta of every interval: one lot at
each side's touch, post-only, cancelled when the touch moved, at most ten lots held; `timer` looks by timer and sends
nothing, `quote-timer` looks by timer and quotes. Loading is left out. The cost of an order is what a quoting run takes
beyond the row without orders, by order sent, its cancels and fills included. With `--ours` the bench `replay` then runs the
same session, at the same interval and latency, through the desk, and the ratio of the times is told.
"""

import argparse
import datetime
import os
import pathlib
import re
import resource
import subprocess
import time
from decimal import Decimal

from nautilus_trader.adapters.databento.loaders import DatabentoDataLoader
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.backtest.models import LatencyModel
from nautilus_trader.config import BacktestEngineConfig, LoggingConfig, StrategyConfig
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import OrderBookDelta
from nautilus_trader.model.enums import AccountType, BookType, OmsType, OrderSide, TimeInForce
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money, Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.trading.strategy import Strategy

WATCH, TIMER, QUOTE, QUOTE_TIMER = "watch", "timer", "quote", "quote-timer"


class QuoterConfig(StrategyConfig, frozen=True):
    """What the quoter is told: `mode` is one of the rows."""

    mode: str = QUOTE
    interval_ms: int = 100
    position_max: int = 10


class Quoter(Strategy):
    """The touch quoter; orders of a side are at most one at the touch, others on their way out."""

    def __init__(self, config, instrument):
        super().__init__(config)
        self.instrument = instrument
        self.next_ns = 0
        self.deltas = self.looks = self.sent = self.cancelled = self.fills = self.refused = 0

    def on_start(self):
        self.subscribe_order_book_deltas(self.instrument.id, book_type=BookType.L3_MBO)
        if self.config.mode in (TIMER, QUOTE_TIMER):
            self.clock.set_timer("look", datetime.timedelta(milliseconds=self.config.interval_ms), callback=self.look)

    def on_order_book_deltas(self, deltas):
        self.deltas += 1
        if self.config.mode == QUOTE and deltas.ts_init >= self.next_ns:
            self.next_ns = deltas.ts_init + self.config.interval_ms * 1_000_000
            self.look(None)

    def on_order_filled(self, event):
        self.fills += 1

    def on_order_rejected(self, event):
        self.refused += 1

    def look(self, event):
        self.looks += 1
        book = self.cache.order_book(self.instrument.id)
        if book is None:
            return
        bid, ask = book.best_bid_price(), book.best_ask_price()
        # Before the open the book may stand crossed; every order would be refused.
        if bid is None or ask is None or bid >= ask or self.config.mode == TIMER:
            return
        position = int(self.portfolio.net_position(self.instrument.id))
        for side, target, towards in ((OrderSide.BUY, bid, position), (OrderSide.SELL, ask, -position)):
            allowed = towards + 1 <= self.config.position_max
            present = False
            for order in self.cache.orders_open(instrument_id=self.instrument.id, side=side):
                if order.price == target and allowed:
                    present = True
                elif not order.is_pending_cancel:
                    self.cancel_order(order)
                    self.cancelled += 1
            for order in self.cache.orders_inflight(instrument_id=self.instrument.id, side=side):
                present = present or order.price == target
            if allowed and not present:
                order = self.order_factory.limit(
                    self.instrument.id, side, Quantity.from_int(1), target, time_in_force=TimeInForce.GTC,
                    post_only=True)
                self.submit_order(order)
                self.sent += 1


def engine_run(deltas, instrument, mode, args):
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False))
    latency = LatencyModel(base_latency_nanos=args.latency_us * 1_000) if args.latency_us else None
    engine.add_venue(Venue("GLBX"), OmsType.NETTING, AccountType.MARGIN, [Money(100_000_000, USD)], base_currency=USD,
                     default_leverage=Decimal(1), latency_model=latency, book_type=BookType.L3_MBO)
    engine.add_instrument(instrument)
    engine.add_data(deltas)
    config = QuoterConfig(mode=mode, interval_ms=args.interval_ms, position_max=args.position_max)
    quoter = Quoter(config, instrument)
    engine.add_strategy(quoter)
    start = time.perf_counter()
    engine.run()
    seconds = time.perf_counter() - start
    engine.dispose()
    return quoter, seconds


def ours_ms(args):
    """Milliseconds that the desk takes for the session, and the orders it sends."""
    command = ["cargo", "bench", "-q", "-p", "tickrace-bench", "--bench", "replay"]
    root = pathlib.Path(__file__).resolve().parents[2]
    environment = {**os.environ, "TICKRACE_REPLAY_ONLY": "session"}
    out = subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True, text=True).stdout
    row = re.escape(f"session-{args.interval_ms}ms-{args.latency_us}us ")
    found = re.search(rf"^{row}.* orders \d+ (\d+) .*tickrace +([\d.]+) ms", out, re.MULTILINE)
    if found is None:
        raise SystemExit(f"the bench has no row for this interval and latency:\n{out}")
    return float(found[2]), int(found[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input")
    parser.add_argument("--interval-ms", type=int, default=100)
    parser.add_argument("--latency-us", type=int, default=0)
    parser.add_argument("--position-max", type=int, default=10)
    parser.add_argument("--modes", default=f"{WATCH},{QUOTE}", help="also timer, quote-timer")
    parser.add_argument("--ours", action="store_true", help="run our bench of the session too")
    args = parser.parse_args()
    instrument = TestInstrumentProvider.es_future(expiry_year=2024, expiry_month=3)
    data = DatabentoDataLoader().from_dbn_file(args.input, instrument_id=instrument.id, as_legacy_cython=True)
    deltas = [delta for delta in data if isinstance(delta, OrderBookDelta)]
    book = OrderBook(instrument.id, BookType.L3_MBO)
    start = time.perf_counter()
    for delta in deltas:
        book.apply_delta(delta)
    seconds = time.perf_counter() - start
    print(f"book alone  {len(deltas)} deltas {seconds:8.3f} s {len(deltas) / seconds / 1e6:6.3f} M deltas/s "
          f"({len(data)} of the file), best {book.best_bid_price()} {book.best_ask_price()}", flush=True)
    base = quoted = sent = 0.0
    for mode in args.modes.split(","):
        quoter, seconds = engine_run(deltas, instrument, mode, args)
        per_order = ""
        if mode in (QUOTE, QUOTE_TIMER) and quoter.sent:
            per_order = f" {1e6 * (seconds - base) / quoter.sent:8.1f} us an order beyond the run without"
            quoted, sent = seconds, quoter.sent
        else:
            base = seconds
        print(f"{mode:10}  {len(deltas)} deltas {seconds:8.3f} s {len(deltas) / seconds / 1e6:6.3f} M deltas/s, "
              f"{quoter.deltas} heard, {quoter.looks} looks, {quoter.sent} orders, {quoter.cancelled} cancels, "
              f"{quoter.fills} fills, {quoter.refused} refused{per_order}", flush=True)
    if args.ours and quoted:
        ms, orders = ours_ms(args)
        print(f"tickrace    {ms:.2f} ms, {orders} orders: {1e3 * quoted / ms:.0f} times as fast, by order "
              f"{quoted / sent / (ms / 1e3 / orders):.0f} times")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")


if __name__ == "__main__":
    main()
