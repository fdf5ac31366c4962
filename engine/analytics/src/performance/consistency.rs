//! How evenly the profit came: shares of good periods, the best and the worst, months.

use serde::Serialize;

/// Return of one calendar month.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Month {
    /// `2024-02`.
    pub month: String,
    /// Compounded return of its days.
    pub total: f64,
}

/// Share of periods with a gain; a period without any change is none.
pub fn positive_share(returns: &[f64]) -> Option<f64> {
    let gains = returns.iter().filter(|value| **value > 0.0).count();
    (!returns.is_empty()).then(|| gains as f64 / returns.len() as f64)
}

/// The best and the worst period.
pub fn extremes(returns: &[f64]) -> Option<(f64, f64)> {
    let best = returns.iter().copied().reduce(f64::max)?;
    Some((best, returns.iter().copied().reduce(f64::min)?))
}

/// Days compounded by calendar month, in order.
///
/// - `dates`: `YYYY-MM-DD`, one a return, ascending.
///
/// # Panics
///
/// Where there is not one date a return.
pub fn months(dates: &[impl AsRef<str>], returns: &[f64]) -> Vec<Month> {
    assert_eq!(dates.len(), returns.len(), "one date a return");
    let mut months: Vec<Month> = Vec::new();
    for (date, value) in dates.iter().zip(returns) {
        let date = date.as_ref();
        let name = date.get(..7).unwrap_or(date);
        match months.last_mut().filter(|last| last.month == name) {
            Some(month) => month.total = (1.0 + month.total) * (1.0 + value) - 1.0,
            None => months.push(Month { month: name.to_owned(), total: *value }),
        }
    }
    months
}
