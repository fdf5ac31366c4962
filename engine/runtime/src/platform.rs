//! The platform audit.
