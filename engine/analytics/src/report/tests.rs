use super::*;
use crate::run::tests::{generated, run};

/// Tags that stand alone in HTML.
const VOID: [&str; 3] = ["meta", "!doctype", "input"];

/// The page without what stands in its scripts, whose text is no HTML; the numbers of the panels are checked to be JSON.
fn without_scripts(page: &str) -> String {
    let mut rest = page;
    let mut bare = String::new();
    while let Some((before, after)) = rest.split_once("<script") {
        let (kind, after) = after.split_once('>').expect("a tag ends");
        let (text, after) = after.split_once("</script>").expect("a script ends");
        if kind.contains("json") {
            serde_json::from_str::<serde_json::Value>(text).expect("numbers are JSON");
        }
        bare.push_str(before);
        rest = after;
    }
    bare + rest
}

/// The page is whole: every element closed, nothing loaded, no number that is none.
pub(super) fn assert_sound(page: &str) {
    for bad in ["NaN", "inf", "http:", "https:", "<script src", "<link", "url(", "src="] {
        assert!(!page.contains(bad), "the page holds {bad}");
    }
    let page = without_scripts(page);
    // Every opened element is closed, in order.
    let mut open: Vec<&str> = Vec::new();
    for tag in page.split('<').skip(1) {
        let tag = &tag[..tag.find('>').expect("a tag ends")];
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or("");
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closing {tag}");
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
}

#[test]
fn a_day_of_trading_makes_a_whole_page() {
    let report = generated(23_400, 3);
    assert!(report.total.fills > 100);
    let page = html(&report);
    assert_sound(&page);
    for part in [
        "Equity and drawdown",
        "Inventory",
        "Price and our fills",
        "the busiest stretch",
        "Markouts",
        "Adverse selection",
        "costs by item",
        "Refusals",
        "Latency",
        "Configuration and provenance",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains(&report.order_digest));
    assert!(page.len() < 1_500_000, "{} bytes", page.len());
    if let Some(path) = std::env::var_os("TICKRACE_REPORT_OUT") {
        std::fs::write(path, page).unwrap();
    }
}

#[test]
fn a_run_without_fills_says_so() {
    let page = html(&generated(600, 0));
    assert_sound(&page);
    assert!(page.contains("No order was filled"));
    assert!(page.contains("Without fills there is nothing to mark out"));
}

#[test]
fn a_run_that_saw_nothing_makes_a_page() {
    let page = html(&run().finish(&crate::RunTimings::default()));
    assert_sound(&page);
    assert!(page.contains("Nothing was observed"));
    assert!(page.contains("Nothing was timed"));
}

#[test]
fn a_title_cannot_break_the_page() {
    let mut report = generated(60, 1);
    report.title = "</title><b>&".to_owned();
    report.meta.config_text = "a = \"<\"".to_owned();
    assert_sound(&html(&report));
}
