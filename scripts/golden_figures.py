#!/usr/bin/env python3
"""Writes engine/analytics/tests/goldens/figures.json: figures of fixed return series by other people's code.

    python3 -m venv /tmp/venv && /tmp/venv/bin/pip install empyrical-reloaded quantstats scipy
    /tmp/venv/bin/python scripts/golden_figures.py

empyrical-reloaded and quantstats give what they know; scipy.stats what they do not (moments without correction,
normal quantiles). Where the two libraries differ both values are written, under names of their own; docs/analytics.md says
which one the engine follows.
"""
import json
import pathlib
import warnings

import empyrical as ep
import numpy as np
import pandas as pd
import quantstats as qs
import scipy.stats as ss

warnings.filterwarnings("ignore")
ROOT = pathlib.Path(__file__).resolve().parent.parent


def series(seed, days, drift, scale):
    rng = np.random.default_rng(seed)
    market = rng.standard_t(4, days) * scale / np.sqrt(2)
    own = drift + 0.6 * market + rng.standard_t(5, days) * scale / 2
    index = pd.bdate_range("2021-01-04", periods=days)
    return pd.Series(np.round(own, 9), index), pd.Series(np.round(market, 9), index)


def figures(r, b):
    dd = qs.stats.to_drawdown_series(r)
    details = qs.stats.drawdown_details(dd)
    active = r - b
    monthly = ep.aggregate_returns(r, "monthly")
    var = ss.norm.ppf(0.05, r.mean(), r.std())
    return {
        "dates": [str(day.date()) for day in r.index],
        "returns": r.tolist(),
        "benchmark": b.tolist(),
        "total_return": float(ep.cum_returns_final(r)),
        "qs_comp": float(qs.stats.comp(r)),
        "annual_return": float(ep.annual_return(r)),
        "annual_volatility": float(ep.annual_volatility(r)),
        "qs_volatility": float(qs.stats.volatility(r)),
        "sharpe": float(ep.sharpe_ratio(r)),
        "qs_sharpe": float(qs.stats.sharpe(r)),
        "sortino": float(ep.sortino_ratio(r)),
        "qs_sortino": float(qs.stats.sortino(r)),
        "calmar": float(ep.calmar_ratio(r)),
        "omega": float(ep.omega_ratio(r)),
        "qs_omega": float(qs.stats.omega(r)),
        "qs_skew": float(qs.stats.skew(r)),
        "qs_kurtosis": float(qs.stats.kurtosis(r)),
        "scipy_skew": float(ss.skew(r, bias=True)),
        "scipy_kurtosis": float(ss.kurtosis(r, bias=True, fisher=False)),
        "tail_ratio": float(ep.tail_ratio(r)),
        "qs_tail_ratio": float(qs.stats.tail_ratio(r)),
        "var_historical": float(ep.value_at_risk(r, 0.05)),
        "cvar_historical": float(ep.conditional_value_at_risk(r, 0.05)),
        "var_parametric": float(qs.stats.value_at_risk(r)),
        "cvar_parametric": float(ss.norm.expect(lambda x: x, loc=r.mean(), scale=r.std(), ub=var, conditional=True)),
        "max_drawdown": float(ep.max_drawdown(r)),
        "qs_max_drawdown": float(qs.stats.max_drawdown(r)),
        "qs_drawdown_depths": sorted(float(x) / 100 for x in details["max drawdown"]),
        "profit_factor": float(qs.stats.profit_factor(r)),
        "qs_best": float(qs.stats.best(r)),
        "qs_worst": float(qs.stats.worst(r)),
        "months": [[f"{y:04d}-{m:02d}", float(v)] for (y, m), v in monthly.items()],
        "beta": float(ep.beta(r, b)),
        "alpha": float(ep.alpha(r, b)),
        "qs_beta": float(qs.stats.greeks(r, b)["beta"]),
        "qs_alpha": float(qs.stats.greeks(r, b)["alpha"]),
        "information_ratio": float(qs.stats.information_ratio(r, b)),
        "excess_sharpe": float(ep.excess_sharpe(r, b)),
        "tracking_error": float(ep.annual_volatility(active)),
        "up_capture": float(ep.up_capture(r, b)),
        "down_capture": float(ep.down_capture(r, b)),
    }


def main():
    cases = [figures(*series(1, 500, 0.0008, 0.012)), figures(*series(2, 63, -0.001, 0.02)),
             figures(*series(3, 1250, 0.0003, 0.008))]
    points = [1e-9, 0.001, 0.02425, 0.05, 0.3, 0.5, 0.77, 0.975, 0.9999, 1 - 1e-9]
    golden = {
        "libraries": {"empyrical-reloaded": ep.__version__, "quantstats": qs.__version__},
        "cases": cases,
        "normal_quantile": [[p, float(ss.norm.ppf(p))] for p in points],
        "normal_cdf": [[x, float(ss.norm.cdf(x))] for x in [-6.0, -2.5, -0.3, 0.0, 1.0, 3.7]],
    }
    path = ROOT / "engine/analytics/tests/goldens/figures.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")


main()
