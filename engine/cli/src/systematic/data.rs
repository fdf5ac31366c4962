//! A folder of prices: `instruments.csv`, and as Parquet or CSV `adjusted_X`, `multiple_X` and `fx_AAABBB`.

use std::path::Path;

use tickrace_stats::Frame;
use tickrace_stats::panel::{DAY_NS, civil};
use tickrace_store::{read_csv_frame, read_frame};
use tickrace_systematic::market::{Market, Prices, parse_instruments};

use crate::Failure;

/// Reads a folder.
///
/// - `wanted`: instruments to read; all whose prices are there where absent.
///
/// # Errors
///
/// [`Failure`] naming the file, and the line or column at fault.
pub fn load(folder: &Path, wanted: Option<&[&str]>) -> Result<Market, Failure> {
    let path = folder.join("instruments.csv");
    let text = std::fs::read_to_string(&path)
        .map_err(|error| Failure::input(format!("{}: cannot be read: {error}", path.display())))?;
    let instruments =
        parse_instruments(&text).map_err(|error| Failure::input(format!("{}, {error}", path.display())))?;
    let mut market = Market::default();
    for instrument in instruments {
        let name = instrument.name.clone();
        if wanted.is_some_and(|wanted| !wanted.contains(&name.as_str())) {
            continue;
        }
        let (adjusted, multiple) =
            (frame(folder, &format!("adjusted_{name}"))?, frame(folder, &format!("multiple_{name}"))?);
        let (Some(adjusted), Some(multiple)) = (adjusted, multiple) else {
            if wanted.is_none() {
                continue;
            }
            return Err(Failure::input(format!(
                "{}: adjusted_{name} and multiple_{name}, as .parquet or .csv, are both needed",
                folder.display()
            )));
        };
        market.instruments.insert(name, (instrument, Prices { adjusted, multiple }));
    }
    for entry in
        std::fs::read_dir(folder).map_err(|error| Failure::input(format!("{}: {error}", folder.display())))?
    {
        let Ok(entry) = entry else { continue };
        let file = entry.file_name().to_string_lossy().into_owned();
        let pair = file.strip_prefix("fx_").and_then(|rest| rest.split('.').next());
        if let Some(pair) = pair
            && let Some(rates) = frame(folder, &format!("fx_{pair}"))?
        {
            market.rates.insert(pair.to_owned(), rates);
        }
    }
    market.check_contracts().map_err(|error| Failure::input(format!("{}: {error}", folder.display())))?;
    Ok(market)
}

/// A frame by its name, Parquet before CSV; none where neither is there.
fn frame(folder: &Path, name: &str) -> Result<Option<Frame>, Failure> {
    let (parquet, csv) = (folder.join(format!("{name}.parquet")), folder.join(format!("{name}.csv")));
    let read = if parquet.exists() {
        read_frame(&parquet)
    } else if csv.exists() {
        read_csv_frame(&csv)
    } else {
        return Ok(None);
    };
    read.map(Some).map_err(|error| {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Failure::input(format!("{error}{cause}"))
    })
}

/// Day of a time, `YYYY-MM-DD`.
pub fn date(at_ns: i64) -> String {
    let (year, month, day) = civil(at_ns.div_euclid(DAY_NS));
    format!("{year:04}-{month:02}-{day:02}")
}

/// A time to the second, `YYYY-MM-DDTHH:MM:SS`.
pub fn time(at_ns: i64) -> String {
    let second = at_ns.rem_euclid(DAY_NS) / 1_000_000_000;
    format!("{}T{:02}:{:02}:{:02}", date(at_ns), second / 3600, second / 60 % 60, second % 60)
}

/// The day that ends at a time, or else the time to the second.
pub fn moment(at_ns: i64) -> String {
    if at_ns.rem_euclid(DAY_NS) == 0 { date(at_ns - DAY_NS) } else { time(at_ns) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_written_as_they_are_read() {
        for day in (-100_000..100_000).step_by(997) {
            let text = date(day * DAY_NS);
            assert_eq!(tickrace_stats::panel::parse_time(&text), Some(day * DAY_NS), "{text}");
        }
    }
}
