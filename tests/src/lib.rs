//! Fixtures shared by the tests that join rooms.
