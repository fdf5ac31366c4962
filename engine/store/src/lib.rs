//! Parquet files: orders, fills and equity.
