//! The pre-trade gate: the last hand before the wire.
