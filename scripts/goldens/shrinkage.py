#!/usr/bin/env python3
"""Writes engine/stats/tests/goldens/shrinkage.json: covariances shrunk by scikit-learn.

    pip install scikit-learn==1.9.1 && scripts/goldens/shrinkage.py
"""
import json
import pathlib

import numpy as np
from sklearn.covariance import ledoit_wolf

rng = np.random.default_rng(7)
cases = []
for rows, columns in ((60, 4), (8, 5), (200, 2)):
    mix = rng.normal(size=(columns, columns))
    returns = np.round(0.001 + 0.01 * rng.normal(size=(rows, columns)) @ mix, 8)
    covariance, share = ledoit_wolf(returns)
    cases.append(dict(columns=columns, returns=list(returns.ravel()), covariance=list(covariance.ravel()), share=share))
path = pathlib.Path(__file__).parents[2] / "engine/stats/tests/goldens/shrinkage.json"
path.write_text(json.dumps(cases, default=float) + "\n")
