#!/usr/bin/env python3
"""Writes engine/systematic/tests/goldens/portfolio_methods.json: portfolios by PyPortfolioOpt, SciPy and scikit-learn.

    pip install packaging PyPortfolioOpt==1.6.0 scikit-learn==1.9.1 cvxpy==1.9.3 && scripts/goldens/portfolio_methods.py

Quadratic programs are solved by OSQP and cones by SCS, both to 1e-10: other solvers, by other methods, than the program's own.
"""
import json
import pathlib

import numpy as np
import pandas as pd
import scipy.cluster.hierarchy as sch
from pypfopt import BlackLittermanModel, EfficientFrontier, HRPOpt, objective_functions
from sklearn.covariance import ledoit_wolf

rng = np.random.default_rng(11)
OSQP = dict(solver="OSQP", solver_options=dict(eps_abs=1e-10, eps_rel=1e-10, max_iter=2_000_000, polishing=True))
SCS = dict(solver="SCS", solver_options=dict(eps_abs=1e-11, eps_rel=1e-11, max_iters=2_000_000))
WEEKS = 365.25 / 7


def world(rows, size, factors):
    loads = rng.normal(size=(factors, size))
    noise = rng.normal(size=(rows, factors)) @ loads + rng.normal(size=(rows, size))
    scale = rng.uniform(0.005, 0.04, size=size)
    drift = rng.uniform(-0.05, 0.25, size=size)
    return pd.DataFrame(np.round(noise * scale + drift * scale, 8), columns=[f"a{n:02}" for n in range(size)])


def weights(frontier, act, **terms):
    getattr(frontier, act)(**terms)
    return list(map(float, frontier.weights))


out = dict(hierarchy=[], mean_variance=[], ledoit_wolf=[], black_litterman=[])
for rows, size, factors in ((260, 4, 1), (520, 8, 3), (400, 13, 4)):
    returns = world(rows, size, factors)
    cov, corr = returns.cov(), returns.corr()
    hrp = HRPOpt(returns=returns)
    plain = hrp.optimize()
    # The paper's snippet: each asset's distances from all are its coordinates.
    distance = np.sqrt(np.clip((1 - corr.values) / 2, 0, 1))
    order = sch.to_tree(sch.linkage(distance, "single")).pre_order(lambda leaf: leaf.id)
    names = [returns.columns[place] for place in order]
    paper = HRPOpt._raw_hrp_allocation(cov, names)
    out["hierarchy"].append(dict(
        deviations=list(np.sqrt(np.diag(cov))), correlation=corr.values.tolist(), order=[int(n) for n in order],
        columns=[float(paper[name]) for name in returns.columns], plain=[float(plain[name]) for name in returns.columns]))

    mean, cov = returns.mean() * WEEKS, returns.cov() * WEEKS
    unit = float(np.sqrt(np.diag(cov)).mean())
    m, s = mean / unit, cov / unit**2
    cap = max(0.15, 1.6 / size)
    members = list(returns.columns[: size // 2])
    mapper = {name: "half" if name in members else "rest" for name in returns.columns}

    def frontier(how=OSQP, bounds=(0, 1), grouped=False):
        found = EfficientFrontier(m, s, weight_bounds=bounds, **how)
        if grouped:
            found.add_sector_constraints(mapper, {}, {"half": 0.35})
        return found

    least = frontier()
    least.min_volatility()
    risk = 1.15 * least.portfolio_performance()[1]
    before = np.round(rng.dirichlet(np.ones(size)), 6)
    before /= before.sum()
    turned = frontier(grouped=True)
    turned.add_objective(objective_functions.transaction_cost, w_prev=before, k=0.05)
    cases = dict(
        max_sharpe=weights(frontier(), "max_sharpe", risk_free_rate=0),
        max_sharpe_capped=weights(frontier(bounds=(0, cap), grouped=True), "max_sharpe", risk_free_rate=0),
        utility=weights(frontier(), "max_quadratic_utility", risk_aversion=3),
        utility_capped=weights(frontier(bounds=(0, cap), grouped=True), "max_quadratic_utility", risk_aversion=3),
        utility_short=weights(frontier(bounds=(-cap, cap)), "max_quadratic_utility", risk_aversion=3),
        utility_turnover=weights(turned, "max_quadratic_utility", risk_aversion=3),
        min_variance=weights(frontier(), "min_volatility"),
        target_risk=weights(frontier(SCS), "efficient_risk", target_volatility=risk),
        target_risk_capped=weights(frontier(SCS, (0, cap), False), "efficient_risk", target_volatility=risk * 1.1),
    )
    out["mean_variance"].append(dict(
        names=list(returns.columns), means=list(mean), deviations=list(np.sqrt(np.diag(cov))), correlation=corr.values.tolist(),
        cap=cap, members=members, group_cap=0.35, target_risk=risk, before=list(before), weights=cases))

    shrunk, share = ledoit_wolf(returns.values)
    shrunk = pd.DataFrame(shrunk * WEEKS, returns.columns, returns.columns)
    found = EfficientFrontier(mean, shrunk / unit**2, **OSQP)
    out["ledoit_wolf"].append(dict(
        returns=list(returns.values.ravel()), share=float(share), deviations=list(np.sqrt(np.diag(shrunk))),
        min_variance=weights(found, "min_volatility")))

    # Two views: one asset, and one against two others.
    prior_weights = np.round(rng.dirichlet(np.ones(size)), 6)
    prior_weights /= prior_weights.sum()
    sharpe, tau = 0.5, 0.05
    prior = sharpe / np.sqrt(prior_weights @ s.values @ prior_weights) * (s.values @ prior_weights)
    views = np.zeros((2, size))
    views[0, 1], views[1, 0], views[1, 2], views[1, 3] = 1, 1, -0.5, -0.5
    q, confidences = np.array([0.8, 0.3]), [0.6, 0.25]
    model = BlackLittermanModel(s, pi=prior, P=views, Q=q, omega="idzorek", view_confidences=confidences, tau=tau)
    after = model.bl_returns()
    best = EfficientFrontier(after, model.bl_cov(), **OSQP)
    out["black_litterman"].append(dict(
        names=list(returns.columns), deviations=list(np.sqrt(np.diag(cov))), correlation=corr.values.tolist(), unit=unit,
        covariance=list(s.values.ravel()), prior_weights=list(prior_weights), prior=list(prior), views=views.tolist(),
        view_means=list(q), confidences=confidences, tau=tau, means=list(after), after=list(model.bl_cov().values.ravel()),
        max_sharpe=weights(best, "max_sharpe", risk_free_rate=0)))

path = pathlib.Path(__file__).parents[2] / "engine/systematic/tests/goldens/portfolio_methods.json"
path.write_text(json.dumps(out, default=float) + "\n")
