//! Numbers without a market: moving averages, quantiles, seeded randomness.
