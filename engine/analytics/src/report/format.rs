//! Numbers as a person reads them: grouped thousands, true minus signs only in HTML, units beside figures.

use tickrace_types::Cash;
use tickrace_types::cash::CASH_UNIT;

/// `1,234,567`.
pub fn count(value: u64) -> String {
    grouped(&value.to_string())
}

/// `-1,234`.
pub fn signed_count(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", count(value.unsigned_abs()))
}

/// Two decimals, grouped, rounded half away from zero: `-1,234.50`. What would read as nothing and is something, such as profits in
/// coins, has eight: `-0.00049358`.
pub fn money(cash: Cash) -> String {
    let cent = CASH_UNIT.unsigned_abs() / 100;
    let cents = (cash.0.unsigned_abs() + cent / 2) / cent;
    if cents == 0 && cash.0 != 0 {
        return small(cash.to_f64());
    }
    let sign = if cash.0 < 0 && cents > 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", grouped(&(cents / 100).to_string()), cents % 100)
}

/// Two decimals, grouped; eight where two would read as nothing.
pub fn amount(value: f64) -> String {
    if value.abs() < 0.005 { small(value) } else { decimals(value, 2) }
}

/// Of an amount below half a hundredth eight decimals, or two where those are nothing too.
fn small(value: f64) -> String {
    let text = decimals(value, 8);
    if text.bytes().any(|byte| byte.is_ascii_digit() && byte != b'0') { text } else { decimals(0.0, 2) }
}

/// A fixed number of decimals, grouped; a dash where it is not finite.
pub fn decimals(value: f64, places: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let text = format!("{:.places$}", value.abs());
    let (whole, rest) = text.find('.').map_or((text.as_str(), ""), |point| text.split_at(point));
    let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let sign = if value < 0.0 && !is_zero { "-" } else { "" };
    format!("{sign}{}{rest}", grouped(whole))
}

/// `12.3 M`, `456 k`, `78`.
pub fn rate(value: f64) -> String {
    let magnitude = value.abs();
    if !value.is_finite() {
        "–".to_owned()
    } else if magnitude >= 1e9 {
        format!("{:.2} bn", value / 1e9)
    } else if magnitude >= 1e6 {
        format!("{:.2} M", value / 1e6)
    } else if magnitude >= 1e4 {
        format!("{:.1} k", value / 1e3)
    } else {
        decimals(value, 0)
    }
}

/// A duration with a fitting unit: `85 ns`, `1.25 µs`, `3.4 ms`, `2.0 s`, `5 min 30 s`, `6 h 12 min`.
pub fn nanos(ns: u64) -> String {
    let value = ns as f64;
    if ns < 1_000 {
        format!("{ns} ns")
    } else if ns < 1_000_000 {
        format!("{} µs", three_digits(value / 1e3))
    } else if ns < 1_000_000_000 {
        format!("{} ms", three_digits(value / 1e6))
    } else if ns < 120_000_000_000 {
        format!("{} s", three_digits(value / 1e9))
    } else if ns < 7_200_000_000_000 {
        let seconds = ns / 1_000_000_000;
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    } else {
        let minutes = ns / 60_000_000_000;
        format!("{} h {:02} min", minutes / 60, minutes % 60)
    }
}

fn three_digits(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// A fraction as per cent: `12.3 %`; a dash where there is none.
pub fn percent(share: Option<f64>) -> String {
    share
        .filter(|share| share.is_finite())
        .map_or("–".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// Decimals, or a dash.
pub fn maybe(value: Option<f64>, places: usize) -> String {
    value.map_or("–".to_owned(), |value| decimals(value, places))
}

/// Local clock time of a record: `09:30:00`.
pub fn clock(ts_ns: i64, utc_offset_ns: i64) -> String {
    let seconds = ts_ns.saturating_add(utc_offset_ns).rem_euclid(crate::config::DAY_NS) / 1_000_000_000;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Text made harmless inside HTML.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_a_person_writes_them() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(signed_count(-1_000), "-1,000");
        assert_eq!(money(Cash(-1_234_505_000_000_000_000_000)), "-1,234.51");
        assert_eq!(money(Cash(-1)), "0.00");
        assert_eq!(money(Cash(-493_582_645_684_523)), "-0.00049358");
        assert_eq!(
            (amount(0.000_294_218), amount(-0.0), amount(0.004)),
            ("0.00029422".into(), "0.00".into(), "0.00400000".into())
        );
        assert_eq!(decimals(-0.001, 2), "0.00");
        assert_eq!(decimals(1234.5, 1), "1,234.5");
        assert_eq!(decimals(f64::NAN, 1), "–");
        assert_eq!(rate(12_345_678.0), "12.35 M");
    }

    #[test]
    fn durations_take_a_fitting_unit() {
        let shown = [85, 1_250, 3_400_000, 2_000_000_000, 330_000_000_000, 22_320_000_000_000].map(nanos);
        assert_eq!(shown, ["85 ns", "1.25 µs", "3.40 ms", "2.00 s", "5 min 30 s", "6 h 12 min"]);
    }

    #[test]
    fn a_symbol_cannot_break_the_page() {
        assert_eq!(escape("<b>&\"'"), "&lt;b&gt;&amp;&quot;&#39;");
    }

    #[test]
    fn clock_time_is_local() {
        // 14:30 UTC in New York in winter.
        assert_eq!(clock(52_200_000_000_000, -18_000_000_000_000), "09:30:00");
    }
}
