#!/usr/bin/env python3
"""Writes engine/stats/tests/goldens/indicators.json: indicators as TA-Lib, ta and pandas compute them.

    pip install TA-Lib==0.8.2 ta==0.11.0 pandas==3.1.1 && scripts/goldens/indicators.py
"""
import json
import pathlib

import numpy as np
import pandas as pd
import ta
import talib

rng = np.random.default_rng(9)
n = 120
close = np.round(100 * np.exp(np.cumsum(0.01 * rng.normal(size=n))), 3)
before = np.concatenate([[100.0], close[:-1]])
high = np.round(np.maximum(close, before) + 0.3 * rng.exponential(size=n), 3)
low = np.round(np.minimum(close, before) - 0.3 * rng.exponential(size=n), 3)
volume = np.round(1000 * rng.exponential(size=n) + 1)
close[60] = close[59]
high[60] = max(high[60], close[60])
low[60] = min(low[60], close[60])
other = np.round(0.5 * close + np.cumsum(rng.normal(size=n)), 3)
c, h, l, v = (pd.Series(x) for x in (close, high, low, volume))
typical = (h + l + c) / 3

macd = ta.trend.MACD(c, window_slow=26, window_fast=12, window_sign=9)
bands = ta.volatility.BollingerBands(c, window=20, window_dev=2)
donchian = ta.volatility.DonchianChannel(h, l, c, window=20)
k, d = talib.STOCHF(high, low, close, fastk_period=14, fastd_period=3)
middle, atr10 = c.ewm(span=20, adjust=False).mean(), talib.ATR(high, low, close, 10)
series = dict(
    sma=talib.SMA(close, 15),
    ema=ta.trend.EMAIndicator(c, 15).ema_indicator(),
    wma=talib.WMA(close, 15),
    rsi=talib.RSI(close, 14),
    atr=talib.ATR(high, low, close, 14),
    macd=macd.macd(), macd_signal=macd.macd_signal(),
    bollinger_upper=bands.bollinger_hband(), bollinger_lower=bands.bollinger_lband(),
    z=(c - c.rolling(20).mean()) / c.rolling(20).std(),
    donchian_upper=donchian.donchian_channel_hband(), donchian_lower=donchian.donchian_channel_lband(),
    minimum=c.rolling(7).min(), maximum=c.rolling(7).max(),
    quantile=c.rolling(21).quantile(0.3), deviation=c.rolling(12).std(),
    correlation=c.rolling(25).corr(pd.Series(other)),
    vwap=(typical * v).cumsum() / v.cumsum(),
    rolling_vwap=ta.volume.VolumeWeightedAveragePrice(h, l, c, v, window=14).volume_weighted_average_price(),
    obv=talib.OBV(close, volume),
    keltner_upper=middle + 2 * atr10, keltner_lower=middle - 2 * atr10,
    stochastic_k=k, stochastic_d=d,
    adx=talib.ADX(high, low, close, 14), plus=talib.PLUS_DI(high, low, close, 14), minus=talib.MINUS_DI(high, low, close, 14),
    ema_of_rsi=pd.Series(talib.RSI(close, 14)).dropna().ewm(span=5, adjust=False).mean(),
)
out = dict(high=list(high), low=list(low), close=list(close), volume=list(volume), other=list(other),
           # The last 60 of each: enough to see both the start-up's traces and the steady state.
           last={name: list(np.asarray(values, dtype=float)[-60:]) for name, values in series.items()})
path = pathlib.Path(__file__).parents[2] / "engine/stats/tests/goldens/indicators.json"
path.write_text(json.dumps(out, default=float) + "\n")
