#!/usr/bin/env python3
"""Writes engine/stats/tests/goldens/pairs.json: regression, unit roots, cointegration and false discoveries as statsmodels
and numpy compute them.

    pip install statsmodels==0.15.0 && scripts/goldens/pairs.py
"""
import json
import pathlib

import numpy as np
import statsmodels.api as sm
from statsmodels.stats.multitest import multipletests
from statsmodels.tsa.adfvalues import mackinnoncrit, mackinnonp
from statsmodels.tsa.statespace.kalman_filter import KalmanFilter
from statsmodels.tsa.stattools import adfuller, coint

rng = np.random.default_rng(20)
n = 240
x = 50 + np.cumsum(rng.normal(size=n))
gap = np.zeros(n)
for t in range(1, n):
    gap[t] = 0.75 * gap[t - 1] + rng.normal() * 0.8
y = 4 + 1.3 * x + gap
z = 80 + np.cumsum(rng.normal(size=n))
x, y, z = (np.round(v, 6) for v in (x, y, z))

ols = sm.OLS(y, sm.add_constant(x)).fit()
_, _, right = np.linalg.svd(np.column_stack([x - x.mean(), y - y.mean()]), full_matrices=False)
tls = -right[1, 0] / right[1, 1]

# Time-varying regression: both coefficients random walks, the design varies in time.
kf = KalmanFilter(k_endog=1, k_states=2)
kf.bind(y.copy())
kf["design"] = np.stack([x, np.ones(n)])[None, :, :]
kf["transition"] = np.eye(2)
kf["selection"] = np.eye(2)
kf["state_cov"] = np.diag([1e-5, 1e-3])
kf["obs_cov"] = np.array([[0.7]])
kf.initialize_known(np.array([1.0, 0.0]), np.eye(2) * 10.0)
filtered = kf.filter()

adf = []
for name, series in (("y", y), ("gap", np.round(gap, 6)), ("z", z)):
    for trend in ("n", "c", "ct", "ctt"):
        for autolag, lags in ((None, 0), (None, 3), ("AIC", None), ("BIC", None)):
            stat, p, used, rows, crit, *_ = adfuller(series, maxlag=lags, regression=trend, autolag=autolag, result_object=False)
            adf.append(dict(series=name, trend=trend, lags=autolag or lags, statistic=stat, p=p, used=int(used), rows=int(rows),
                            critical=[crit["1%"], crit["5%"], crit["10%"]]))
cointegration = []
for name, series in (("y", y), ("z", z)):
    for trend in ("c", "ct", "ctt"):
        for autolag, lags in ((None, 1), ("aic", None)):
            stat, p, crit = coint(series, x, trend=trend, maxlag=lags, autolag=autolag)
            cointegration.append(dict(series=name, trend=trend, lags=autolag or lags, statistic=stat, p=p, critical=list(crit)))

lagged = sm.OLS(np.round(gap, 6)[1:], sm.add_constant(np.round(gap, 6)[:-1])).fit()
p_values = np.round(rng.uniform(size=40) ** 3, 8)
tables = dict(
    p=[dict(trend=t, variables=k, statistic=s, p=mackinnonp(s, t, k))
       for t in ("n", "c", "ct", "ctt") for k in range(1, 7) for s in (-30.0, -6.0, -4.0, -3.0, -2.0, -0.5, 0.4, 2.0)],
    critical=[dict(trend=t, variables=k, rows=r, critical=list(mackinnoncrit(k, t, r)))
              for t in ("c", "ct", "ctt") for k in range(1, 13) for r in (50, 1000)],
)
out = dict(
    x=list(x), y=list(y), z=list(z), gap=list(np.round(gap, 6)),
    ols=dict(coefficients=list(ols.params), errors=list(ols.bse), rss=ols.ssr),
    tls=dict(slope=tls, intercept=y.mean() - tls * x.mean()),
    kalman=dict(slope=list(filtered.filtered_state[0]), intercept=list(filtered.filtered_state[1]),
                innovation=list(filtered.forecasts_error[0]), variance=list(filtered.forecasts_error_cov[0, 0])),
    autoregression=dict(a=lagged.params[0], b=lagged.params[1], noise=lagged.ssr / lagged.nobs),
    adf=adf, cointegration=cointegration, tables=tables,
    p_values=list(p_values),
    fdr=dict(bh=list(multipletests(p_values, method="fdr_bh")[1]), by=list(multipletests(p_values, method="fdr_by")[1])),
)
path = pathlib.Path(__file__).parents[2] / "engine/stats/tests/goldens/pairs.json"
path.write_text(json.dumps(out, default=float) + "\n")
