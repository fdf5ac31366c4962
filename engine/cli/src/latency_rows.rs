//! Files of measured latencies that a configuration names: read here, since the venue's room knows no files.

use std::path::Path;

use tickrace_desk::DeskConfig;
use tickrace_exchange::LatencyConfig;
use tickrace_exchange::latency::rows::LatencyRows;

use crate::Failure;

/// Reads the rows of every recorded latency; paths count from the configuration's folder.
///
/// # Errors
///
/// [`Failure`] naming file, line and column.
pub fn load(config: &mut DeskConfig, config_path: &Path) -> Result<(), Failure> {
    let folder = config_path.parent().unwrap_or(Path::new(""));
    let ways = [&mut config.venue.order_latency, &mut config.venue.response_latency];
    for model in ways.into_iter().flatten() {
        if let LatencyConfig::Recorded { path, rows } = model {
            let file = folder.join(&*path);
            let text = std::fs::read_to_string(&file)
                .map_err(|error| Failure::input(format!("{}: cannot be read: {error}", file.display())))?;
            *rows = LatencyRows::from_csv(&text)
                .map_err(|error| Failure::input(format!("{}: {error}", file.display())))?;
        }
    }
    Ok(())
}
