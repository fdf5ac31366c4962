//! Where the rooms are joined: backtest and replay.
