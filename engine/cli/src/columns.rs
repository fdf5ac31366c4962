//! Aligned columns for a terminal: words to the left, numbers to the right.

/// Lines of a table; the first column is to the left, the others to the right.
pub fn aligned(head: &[String], rows: &[Vec<String>]) -> String {
    let letters = |text: &String| text.chars().count();
    let mut widths: Vec<usize> = head.iter().map(letters).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(letters(cell));
        }
    }
    let mut text = String::new();
    for row in std::iter::once(head).chain(rows.iter().map(Vec::as_slice)) {
        let mut line = String::new();
        for (place, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let padded = if place == 0 { format!("{cell:<width$}") } else { format!("  {cell:>width$}") };
            line.push_str(&padded);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let cells = |row: [&str; 2]| row.map(str::to_owned).to_vec();
        let text = aligned(&cells(["set", "net"]), &[cells(["1", "-12.50"]), cells(["10", "3"])]);
        assert_eq!(text, "set     net\n1    -12.50\n10        3\n");
    }
}
