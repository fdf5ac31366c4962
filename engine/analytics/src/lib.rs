//! Profit and loss, drawdown, markouts, latency and the HTML report.
