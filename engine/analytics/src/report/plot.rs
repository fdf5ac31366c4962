//! Small plots as inline SVG: lines, steps, bars, points with errors; axes with units; no script.
//!
//! Series are thinned to the least and greatest value per pixel column, so a day of seconds stays small
//! and no spike is lost. Values that are not finite are left out.

use std::fmt::Write;

use super::axis::{Axis, Scale};
use super::format::escape;

/// A picture being drawn: margins, two axes, then marks.
pub struct Plot {
    width: f64,
    height: f64,
    x: Axis,
    y: Axis,
    /// A second axis for values of another unit, at the right.
    y_right: Option<Axis>,
    body: String,
    legend: Vec<(String, &'static str)>,
}

const LEFT: f64 = 68.0;
const RIGHT: f64 = 14.0;
/// The same beside a second axis.
const RIGHT_OF_AXIS: f64 = 66.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 38.0;

impl Plot {
    /// An empty picture of `width` by `height` pixels.
    pub fn new(width: f64, height: f64, x: Axis, y: Axis) -> Self {
        Self { width, height, x, y, y_right: None, body: String::new(), legend: Vec::new() }
    }

    /// With a second axis at the right, for [`Plot::step_right`].
    #[must_use]
    pub fn with_right(mut self, y: Axis) -> Self {
        self.y_right = Some(y);
        self
    }

    fn right(&self) -> f64 {
        if self.y_right.is_some() { RIGHT_OF_AXIS } else { RIGHT }
    }

    fn px(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (self.width - LEFT - self.right())
    }

    fn py(&self, value: f64) -> f64 {
        self.height - BOTTOM - self.y.place(value) * (self.height - TOP - BOTTOM)
    }

    /// Names a mark in the legend; `class` is one of the style's colours.
    pub fn legend(&mut self, name: &str, class: &'static str) {
        self.legend.push((name.to_owned(), class));
    }

    /// Joins points by straight lines.
    pub fn line(&mut self, points: &[(f64, f64)], class: &str) {
        let path = self.path(&self.thinned(points), false);
        let _ = write!(self.body, "<path class=\"line {class}\" d=\"{path}\"/>");
    }

    /// Each value holds until the next.
    pub fn step(&mut self, points: &[(f64, f64)], class: &str) {
        let path = self.path(&self.thinned(points), true);
        let _ = write!(self.body, "<path class=\"line {class}\" d=\"{path}\"/>");
    }

    /// Each value, on the axis at the right, holds until the next.
    pub fn step_right(&mut self, points: &[(f64, f64)], class: &str) {
        // Drawn with the axes exchanged, at the same heights.
        let Some(right) = &mut self.y_right else { return };
        std::mem::swap(right, &mut self.y);
        let path = self.path(&self.thinned(points), true);
        if let Some(right) = &mut self.y_right {
            std::mem::swap(right, &mut self.y);
        }
        let _ = write!(self.body, "<path class=\"line {class}\" d=\"{path}\"/>");
    }

    /// Each value holds until the next; where there is none the line breaks. All values of one pixel column become one stroke.
    pub fn broken_step(&mut self, points: &[(f64, Option<f64>)], class: &str) {
        let mut path = String::new();
        let mut is_open = false;
        let mut rest = points;
        while let Some(first) = rest.first() {
            let column = self.px(first.0).floor();
            let count = rest.iter().take_while(|point| self.px(point.0).floor() == column).count().max(1);
            let (now, after) = rest.split_at(count);
            rest = after;
            let x = self.px(first.0);
            let values = || now.iter().filter_map(|point| point.1.filter(|value| value.is_finite()));
            let last = now.last().and_then(|point| point.1);
            let Some(low) = values().reduce(f64::min) else {
                if std::mem::take(&mut is_open) {
                    let _ = write!(path, "H{x:.1}");
                }
                continue;
            };
            let high = values().fold(low, f64::max);
            let (foot, top) = (self.py(low), self.py(high));
            let _ =
                if is_open { write!(path, "H{x:.1}V{foot:.1}") } else { write!(path, "M{x:.1} {foot:.1}") };
            if high > low {
                let _ = write!(path, "V{top:.1}");
            }
            if let Some(last) = last {
                let _ = write!(path, "V{:.1}", self.py(last));
            }
            is_open = last.is_some();
        }
        if !path.is_empty() {
            let _ = write!(self.body, "<path class=\"line {class}\" d=\"{path}\"/>");
        }
    }

    /// Fills between the values, held until the next, and zero.
    pub fn area(&mut self, points: &[(f64, f64)], class: &str) {
        let points = self.thinned(points);
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        let base = self.py(0.0f64.clamp(self.y.low, self.y.high));
        let path = self.path(&points, true);
        let (end, start) = (self.px(last.0), self.px(first.0));
        let _ =
            write!(self.body, "<path class=\"area {class}\" d=\"{path}V{base:.1}H{end:.1}H{start:.1}Z\"/>");
    }

    /// Fills between a low and a high value at each x.
    pub fn band(&mut self, points: &[(f64, f64, f64)], class: &str) {
        let sound =
            |point: &&(f64, f64, f64)| point.0.is_finite() && point.1.is_finite() && point.2.is_finite();
        let points: Vec<&(f64, f64, f64)> = points.iter().filter(sound).collect();
        let mut path = String::new();
        for point in &points {
            let letter = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{letter}{:.1} {:.1}", self.px(point.0), self.py(point.2));
        }
        for point in points.iter().rev() {
            let _ = write!(path, "L{:.1} {:.1}", self.px(point.0), self.py(point.1));
        }
        if !path.is_empty() {
            let _ = write!(self.body, "<path class=\"area {class}\" d=\"{path}Z\"/>");
        }
    }

    /// A vertical line over the whole height, with a name beside its top.
    pub fn mark(&mut self, x: f64, class: &str, name: &str) {
        if !x.is_finite() {
            return;
        }
        let (px, foot) = (self.px(x), self.height - BOTTOM);
        // The name stands on the side where there is room.
        let (at, anchor) = if px > self.width * 0.7 { (px - 4.0, "end") } else { (px + 4.0, "") };
        let _ = write!(
            self.body,
            "<path class=\"line {class}\" d=\"M{px:.1} {TOP}V{foot}\"/>\
             <text class=\"{anchor}\" x=\"{at:.1}\" y=\"{}\">{}</text>",
            TOP + 10.0,
            escape(name)
        );
    }

    /// A bar from zero (from the axis' foot on a logarithmic one) between two x values.
    pub fn bar(&mut self, from: f64, to: f64, value: f64, class: &str, title: &str) {
        let base =
            if self.y.scale == Scale::Log { self.y.low } else { 0.0f64.clamp(self.y.low, self.y.high) };
        self.span(from, to, base, value, class, title);
    }

    /// A bar between two x and two y values.
    pub fn span(&mut self, from: f64, to: f64, base: f64, value: f64, class: &str, title: &str) {
        if !base.is_finite() || !value.is_finite() {
            return;
        }
        let (left, right) = (self.px(from), self.px(to));
        let (a, b) = (self.py(base), self.py(value));
        let (y, height) = (a.min(b), (a - b).abs().max(0.5));
        let gap = if right - left > 4.0 { 1.0 } else { 0.0 };
        let (x, width) = (left + gap / 2.0, (right - left - gap).max(0.5));
        let title = escape(title);
        let _ = write!(
            self.body,
            "<rect class=\"bar {class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\">\
             <title>{title}</title></rect>"
        );
    }

    /// A field of a heat map between two x and two y values, coloured by `strength` from 0 to 1, with a number in it where
    /// there is room.
    pub fn cell(
        &mut self,
        x: (f64, f64),
        y: (f64, f64),
        class: &str,
        strength: f64,
        label: &str,
        title: &str,
    ) {
        let (left, right) = (self.px(x.0), self.px(x.1));
        let (low, high) = (self.py(y.0), self.py(y.1));
        let (width, height, opacity) = (right - left, low - high, strength.clamp(0.0, 1.0) * 0.8);
        let title = escape(title);
        let _ = write!(
            self.body,
            "<rect class=\"cell {class}\" fill-opacity=\"{opacity:.3}\" x=\"{left:.1}\" y=\"{high:.1}\" \
             width=\"{width:.1}\" height=\"{height:.1}\"><title>{title}</title></rect>"
        );
        if label.chars().count() as f64 * 6.4 + 4.0 < width && height >= 13.0 {
            let (middle, foot, label) =
                (f64::midpoint(left, right), f64::midpoint(low, high) + 4.0, escape(label));
            let _ =
                write!(self.body, "<text class=\"mid ink\" x=\"{middle:.1}\" y=\"{foot:.1}\">{label}</text>");
        }
    }

    /// A dot with a hover text.
    pub fn dot(&mut self, x: f64, y: f64, class: &str, title: &str) {
        if x.is_finite() && y.is_finite() {
            let (x, y) = (self.px(x), self.py(y));
            let title = escape(title);
            let _ = write!(
                self.body,
                "<circle class=\"dot {class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.2\"><title>{title}</title></circle>"
            );
        }
    }

    /// A triangle, pointing up for a buy and down for a sale.
    pub fn arrow(&mut self, x: f64, y: f64, is_up: bool, class: &str, title: &str) {
        if x.is_finite() && y.is_finite() {
            let (x, y) = (self.px(x), self.py(y));
            let tail = if is_up { 6.0 } else { -6.0 };
            let title = escape(title);
            let _ = write!(
                self.body,
                "<path class=\"arrow {class}\" d=\"M{x:.1} {y:.1}l3.2 {tail}h-6.4Z\"><title>{title}</title></path>"
            );
        }
    }

    /// A vertical bar of error from `low` to `high` with caps.
    pub fn error(&mut self, x: f64, low: f64, high: f64, class: &str) {
        if low.is_finite() && high.is_finite() {
            let (x, low, high) = (self.px(x), self.py(low), self.py(high));
            let left = x - 4.0;
            let _ = write!(
                self.body,
                "<path class=\"error {class}\" d=\"M{x:.1} {low:.1}V{high:.1}M{left:.1} {low:.1}h8M{left:.1} {high:.1}h8\"/>"
            );
        }
    }

    /// The finished SVG element; `label` says in words what is shown.
    pub fn svg(self, label: &str) -> String {
        let (width, height) = (self.width, self.height);
        let label = escape(label);
        let axes = self.axes();
        let legend = self.legend_marks();
        format!(
            "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{label}\">{axes}{}{legend}</svg>",
            self.body
        )
    }

    fn axes(&self) -> String {
        let mut text = String::new();
        let (right, foot) = (self.width - self.right(), self.height - BOTTOM);
        for tick in &self.y.ticks {
            let y = self.py(tick.value);
            let (label, at) = (escape(&tick.label), y + 3.5);
            let _ = write!(text, "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/>");
            if !label.is_empty() {
                let _ = write!(text, "<text class=\"end\" x=\"{}\" y=\"{at:.1}\">{label}</text>", LEFT - 7.0);
            }
        }
        for tick in &self.x.ticks {
            let (x, below) = (self.px(tick.value), foot + 4.0);
            let _ = write!(text, "<path class=\"axis\" d=\"M{x:.1} {foot}V{below}\"/>");
            if !tick.label.is_empty() {
                let label = escape(&tick.label);
                let _ = write!(text, "<text class=\"mid\" x=\"{x:.1}\" y=\"{}\">{label}</text>", foot + 16.0);
            }
        }
        let _ = write!(text, "<path class=\"axis\" d=\"M{LEFT} {foot}H{right}\"/>");
        if let Some(other) = &self.y_right {
            for tick in other.ticks.iter().filter(|tick| !tick.label.is_empty()) {
                let y = foot - other.place(tick.value) * (self.height - TOP - BOTTOM);
                let (label, at) = (escape(&tick.label), y + 3.5);
                let _ = write!(
                    text,
                    "<path class=\"axis\" d=\"M{right} {y:.1}h4\"/><text x=\"{}\" y=\"{at:.1}\">{label}</text>",
                    right + 7.0
                );
            }
            let (x, side) = (self.width - 4.0, f64::midpoint(TOP, foot));
            let unit = escape(&other.unit);
            let _ = write!(
                text,
                "<text class=\"unit mid\" transform=\"translate({x} {side}) rotate(-90)\">{unit}</text>"
            );
        }
        if self.y.scale == Scale::Linear && self.y.low < 0.0 && self.y.high > 0.0 {
            let zero = self.py(0.0);
            let _ = write!(text, "<path class=\"zero\" d=\"M{LEFT} {zero:.1}H{right}\"/>");
        }
        let middle = f64::midpoint(LEFT, right);
        let x_unit = escape(&self.x.unit);
        let y_unit = escape(&self.y.unit);
        let side = f64::midpoint(TOP, foot);
        let _ = write!(
            text,
            "<text class=\"unit mid\" x=\"{middle}\" y=\"{}\">{x_unit}</text>\
             <text class=\"unit mid\" transform=\"translate(11 {side}) rotate(-90)\">{y_unit}</text>",
            self.height - 5.0
        );
        text
    }

    fn legend_marks(&self) -> String {
        let mut text = String::new();
        let mut x = LEFT + 8.0;
        for (name, class) in &self.legend {
            let letters = name.chars().count() as f64;
            let _ = write!(
                text,
                "<path class=\"key {class}\" d=\"M{x:.0} {}h14\"/><text x=\"{:.0}\" y=\"{}\">{}</text>",
                TOP - 4.0,
                x + 18.0,
                TOP - 0.5,
                escape(name)
            );
            x += 32.0 + letters * 6.2;
        }
        text
    }

    /// At most the first, least, greatest and last value of each pixel column, in order.
    fn thinned(&self, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
        let points = points.iter().filter(|point| point.0.is_finite() && point.1.is_finite());
        let mut kept: Vec<(f64, f64)> = Vec::new();
        let mut column: Option<Column> = None;
        for (order, point) in points.enumerate() {
            let pixel = self.px(point.0).floor();
            match &mut column {
                Some(open) if open.pixel == pixel => open.take(order, *point),
                _ => {
                    column.take().into_iter().for_each(|full| full.spill(&mut kept));
                    column = Some(Column::of(pixel, order, *point));
                }
            }
        }
        column.into_iter().for_each(|full| full.spill(&mut kept));
        kept
    }

    fn path(&self, points: &[(f64, f64)], steps: bool) -> String {
        let mut path = String::new();
        for (place, point) in points.iter().enumerate() {
            let (x, y) = (self.px(point.0), self.py(point.1));
            let _ = match (place, steps) {
                (0, _) => write!(path, "M{x:.1} {y:.1}"),
                (_, true) => write!(path, "H{x:.1}V{y:.1}"),
                (_, false) => write!(path, "L{x:.1} {y:.1}"),
            };
        }
        path
    }
}

/// The points that stand for one pixel column.
struct Column {
    pixel: f64,
    first: (usize, (f64, f64)),
    least: (usize, (f64, f64)),
    most: (usize, (f64, f64)),
    last: (usize, (f64, f64)),
}

impl Column {
    const fn of(pixel: f64, order: usize, point: (f64, f64)) -> Self {
        let entry = (order, point);
        Self { pixel, first: entry, least: entry, most: entry, last: entry }
    }

    fn take(&mut self, order: usize, point: (f64, f64)) {
        let entry = (order, point);
        if point.1 < self.least.1.1 {
            self.least = entry;
        }
        if point.1 > self.most.1.1 {
            self.most = entry;
        }
        self.last = entry;
    }

    fn spill(self, kept: &mut Vec<(f64, f64)>) {
        let mut entries = [self.first, self.least, self.most, self.last];
        entries.sort_by_key(|entry| entry.0);
        let mut before = None;
        for (order, point) in entries {
            if before != Some(order) {
                kept.push(point);
                before = Some(order);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot() -> Plot {
        Plot::new(500.0, 200.0, Axis::linear(0.0, 23_400.0, "s"), Axis::linear(-10.0, 110.0, "USD"))
    }

    #[test]
    fn a_day_of_seconds_stays_small_and_keeps_its_spikes() {
        let spike = |second: i32| if second == 12_345 { 100.0 } else { f64::from(second % 7) };
        let points: Vec<(f64, f64)> = (0..23_400).map(|second| (f64::from(second), spike(second))).collect();
        let plot = plot();
        let kept = plot.thinned(&points);
        assert!(kept.len() <= 4 * 500, "{} points", kept.len());
        assert!(kept.contains(&(12_345.0, 100.0)));
        assert_eq!((kept.first(), kept.last()), (points.first(), points.last()));
        assert!(kept.is_sorted_by(|a, b| a.0 <= b.0));
    }

    #[test]
    fn a_line_breaks_where_there_is_no_value_and_a_column_is_one_stroke() {
        let mut plot = plot();
        // One pixel is 56 seconds wide: three values of one column, nothing for a while, and one more.
        plot.broken_step(
            &[
                (0.0, Some(0.0)),
                (1.0, Some(50.0)),
                (2.0, Some(20.0)),
                (5_000.0, None),
                (9_000.0, Some(10.0)),
                (9_900.0, Some(10.0)),
            ],
            "a",
        );
        let svg = plot.svg("x");
        let path = svg.split("class=\"line a\" d=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        assert_eq!(path.matches('M').count(), 2, "{path}");
        // From the lowest over the highest to the last.
        let first = path.split('H').next().unwrap();
        assert_eq!(first.matches('V').count(), 2, "{path}");
    }

    #[test]
    fn a_second_axis_makes_room_and_keeps_its_own_scale() {
        let mut plot = plot().with_right(Axis::linear(100.0, 200.0, "USD"));
        plot.step_right(&[(0.0, 100.0), (23_400.0, 200.0)], "e");
        let svg = plot.svg("x");
        // From foot to top: 200 - 38 and 14.
        assert!(svg.contains("M68.0 162.0H434.0V14.0"), "{svg}");
    }

    #[test]
    fn what_is_no_number_is_never_drawn() {
        let mut plot = plot();
        plot.line(&[(0.0, f64::NAN), (1.0, 2.0), (f64::INFINITY, 1.0)], "a");
        plot.area(&[], "a");
        plot.dot(f64::NAN, 1.0, "a", "");
        plot.error(1.0, f64::NAN, 2.0, "a");
        plot.bar(0.0, 1.0, f64::INFINITY, "a", "");
        let svg = plot.svg("x");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
