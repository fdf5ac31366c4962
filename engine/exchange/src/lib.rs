//! A venue in a box: our orders inside the real book.
