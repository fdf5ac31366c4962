#!/usr/bin/env python3
"""Writes engine/stats/tests/goldens/regime.json: GARCH(1,1) by arch, hidden Markov models by hmmlearn, run lengths by
bayesian_changepoint_detection.

    pip install arch==8.0.0 hmmlearn==0.3.3 bayesian-changepoint-detection==0.2.dev1 && scripts/goldens/regime.py
"""
import functools
import json
import pathlib

import numpy as np
from arch import arch_model
from bayesian_changepoint_detection import online_changepoint_detection as online
from hmmlearn import _hmmc
from hmmlearn.hmm import GaussianHMM

rng = np.random.default_rng(5)
variance, returns = 1.0, []
for _ in range(1200):
    r = 0.04 + np.sqrt(variance) * rng.normal()
    variance = 0.06 + 0.12 * (r - 0.04) ** 2 + 0.82 * variance
    returns.append(round(r, 5))
fit = arch_model(np.array(returns), mean="Constant", vol="GARCH", p=1, q=1, rescale=False).fit(
    disp="off", tol=1e-14, options={"maxiter": 2000})
garch = dict(returns=returns, mean=fit.params["mu"], omega=fit.params["omega"], alpha=fit.params["alpha[1]"],
             beta=fit.params["beta[1]"], log_likelihood=fit.loglikelihood,
             variances=list(fit.conditional_volatility[-5:] ** 2),
             forecast=list(fit.forecast(horizon=5).variance.values[-1]))

hmms = []
for states, features, rows in ((2, 1, 300), (3, 2, 240)):
    state, observed = 0, []
    for _ in range(rows):
        if rng.uniform() < 0.06:
            state = int(rng.integers(states))
        observed.append([round((state - 1) * (1 + f) * 0.8 + (0.5 + state) * rng.normal(), 5) for f in range(features)])
    observed = np.array(observed)
    start = np.full(states, 1 / states)
    transitions = np.full((states, states), 0.1 / (states - 1)) + np.eye(states) * (0.9 - 0.1 / (states - 1))
    means = np.round(np.quantile(observed, (np.arange(states) + 0.5) / states, axis=0), 5)
    variances = np.tile(np.round(observed.var(axis=0), 5), (states, 1))
    model = GaussianHMM(states, covariance_type="diag", n_iter=20, tol=-np.inf, init_params="", covars_prior=0.0,
                        implementation="log")
    model.startprob_, model.transmat_, model.means_, model.covars_ = start, transitions, means, variances
    model.n_features = features
    model.fit(observed)
    frame = model._compute_log_likelihood(observed)
    score, lattice = _hmmc.forward_log(model.startprob_, model.transmat_, frame)
    filtered = np.exp(lattice - lattice.max(axis=1, keepdims=True))
    filtered /= filtered.sum(axis=1, keepdims=True)
    diagonal = np.array([np.diag(c) for c in model.covars_])
    hmms.append(dict(
        states=states, features=features, observations=list(observed.ravel()),
        before=dict(start=list(start), transitions=list(transitions.ravel()), means=list(means.ravel()),
                    variances=list(variances.ravel())),
        after=dict(start=list(model.startprob_), transitions=list(model.transmat_.ravel()), means=list(model.means_.ravel()),
                   variances=list(diagonal.ravel())),
        history=list(model.monitor_.history), log_likelihood=score, filtered=list(filtered[-10:].ravel())))

levels = np.concatenate([rng.normal(0, 1, 40), rng.normal(3, 0.5, 40), rng.normal(-1, 2, 40)]).round(5)
table, _ = online.online_changepoint_detection(
    levels, functools.partial(online.constant_hazard, 50), online.StudentT(1.0, 0.8, 0.2, 0.1))
run_length = dict(observations=list(levels), at=[10, 45, 90, 120], probabilities=[list(table[: t + 1, t]) for t in (10, 45, 90, 120)])

path = pathlib.Path(__file__).parents[2] / "engine/stats/tests/goldens/regime.json"
path.write_text(json.dumps(dict(garch=garch, hmms=hmms, run_length=run_length), default=float) + "\n")
