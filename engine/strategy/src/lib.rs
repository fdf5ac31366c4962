//! Policies: what they see, what they may say, and the market maker.
