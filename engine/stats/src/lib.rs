//! Numbers without a market: moving averages, quantiles, seeded randomness.
#![forbid(unsafe_code)]
