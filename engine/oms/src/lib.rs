//! The life of our orders, positions and profit and loss.
