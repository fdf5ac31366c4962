//! Parquet files: orders, fills and equity, and sheets of results. The only room that names Parquet.
//!
//! Rows are written as they come, in row groups of [`ROWS_GROUP_MAX`], so memory stays bounded whatever the length
//! of the run. Integers keep the widths of the records (unsigned ones as unsigned logical types), prices are
//! nano-units, times are nanoseconds in UTC, cash is a decimal; each file's metadata states its units.
#![forbid(unsafe_code)]

pub mod csv_frame;
pub mod equity;
pub mod features;
pub mod fills;
pub mod frame;
pub mod orders;
pub mod sheet;
mod table;

pub use csv_frame::read_csv_frame;
pub use equity::EquityWriter;
pub use features::FeaturesWriter;
pub use fills::FillsWriter;
pub use frame::{FrameError, read_frame, write_frame};
pub use orders::OrdersWriter;
pub use sheet::Sheet;
pub use table::{ROWS_GROUP_MAX, StoreError};
