//! Progress bars, on a terminal only.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar over a known amount of work; drawn only where a person watches.
pub fn bar(is_watched: bool, total: u64, what: &'static str) -> ProgressBar {
    let target =
        if is_watched { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    // The template is ours and right.
    if let Ok(style) = ProgressStyle::with_template(
        "{msg:<12} [{bar:36}] {percent:>3}%  {human_pos} of {human_len}  {per_sec}  {eta} left",
    ) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_message(what);
    bar
}

/// The same in bytes.
pub fn byte_bar(is_watched: bool, total: u64, what: &'static str) -> ProgressBar {
    let bar = bar(is_watched, total, what);
    if let Ok(style) = ProgressStyle::with_template(
        "{msg:<12} [{bar:36}] {percent:>3}%  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left",
    ) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
