//! A table that is sorted by a click on its head, and reads as well on paper.

use std::fmt::Write;

use super::format::{self, escape};

/// One cell: what stands there, and the number it is sorted by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cell {
    /// What stands there.
    pub text: String,
    /// The number it is sorted by; absent for words and for what is not known.
    pub number: Option<f64>,
    /// Shown as a loss.
    pub is_bad: bool,
}

impl Cell {
    /// Words.
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// A count.
    #[allow(clippy::cast_precision_loss, reason = "only places it")]
    pub fn count(count: i64) -> Self {
        Self { text: format::signed_count(count), number: Some(count as f64), is_bad: false }
    }

    /// A number with so many decimals, or a dash.
    pub fn number(value: Option<f64>, places: usize) -> Self {
        Self { text: format::maybe(value, places), number: value, is_bad: false }
    }

    /// Profit: a loss is shown as one.
    pub fn profit(value: f64) -> Self {
        Self { text: format::decimals(value, 2), number: Some(value), is_bad: value < 0.0 }
    }
}

/// Sorts the rows of a table by the column whose head is clicked; what has no number goes last.
const SCRIPT: &str = "<script>document.querySelectorAll('table.sortable th').forEach(h=>h.onclick=()=>{\
const t=h.closest('table'),n=[...h.parentNode.children].indexOf(h),w=h.dataset.way==='-1'?1:-1;\
h.parentNode.querySelectorAll('th').forEach(o=>delete o.dataset.way);h.dataset.way=w;\
const r=[...t.tBodies[0].rows],k=x=>x.cells[n].dataset.n;\
r.sort((a,b)=>{const p=k(a),q=k(b);if(p===undefined||q===undefined){\
if(p!==q)return p===undefined?1:-1;return w*a.cells[n].textContent.localeCompare(b.cells[n].textContent)}\
return w*(p-q)}).forEach(x=>t.tBodies[0].append(x))})</script>\n";

/// Writes the table; `head` names the columns.
pub fn table(page: &mut String, head: &[String], rows: &[Vec<Cell>]) {
    page.push_str("<div class=\"wide\"><table class=\"sortable\"><thead><tr>");
    for name in head {
        let _ = write!(page, "<th>{}</th>", escape(name));
    }
    page.push_str("</tr></thead><tbody>\n");
    for row in rows {
        page.push_str("<tr>");
        for cell in row {
            let number = cell.number.filter(|number| number.is_finite());
            let data = number.map_or(String::new(), |number| format!(" data-n=\"{number}\""));
            let class = if cell.is_bad { " class=\"bad\"" } else { "" };
            let _ = write!(page, "<td{data}{class}>{}</td>", escape(&cell.text));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
}

/// Writes the script, once a page.
pub fn script(page: &mut String) {
    page.push_str(SCRIPT);
}
