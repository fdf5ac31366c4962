//! Several strategies as one portfolio: weights, limits of each, and parts that add up to the account to the last digit.

use serde_json::Value;
use tickrace_tests::data::{config, small_day};
use tickrace_tests::tickrace;

/// Runs the example over a small day; the summary, and where the journal is.
fn run(folder: &std::path::Path, text: &str, settings: &[&str]) -> (Value, String) {
    let limits = config("limits/us_equity_portfolio.toml");
    let text = text.replace("../limits/us_equity_portfolio.toml", &limits);
    let path = folder.join("portfolio.toml").display().to_string();
    std::fs::write(&path, text).unwrap();
    let files = format!("data.files=[\"{}\"]", small_day(folder, 3, 60_000));
    let out = folder.join("out").display().to_string();
    let mut args = vec!["backtest", &path, "--json", "--out", &out, "--set", &files];
    args.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
    let done = tickrace(&args);
    assert_eq!(done.code, 0, "{}", done.err);
    (done.json(), format!("{out}/journal"))
}

/// The example, its market maker so near to the touch that a small day fills it.
fn example() -> String {
    let text = std::fs::read_to_string(config("backtest/portfolio.toml")).unwrap();
    text.replace(
        "fair_value = \"microprice\"\n",
        "fair_value = \"microprice\"\nhalf_spread_max_ticks = 1.0\n",
    )
}

/// An amount as it is written, in 1e-9: sums of these are exact where sums of floats are not.
fn nanos(amount: &Value) -> i128 {
    let text = amount.to_string();
    assert!(!text.contains('e'), "{text}");
    let (sign, digits) = text.strip_prefix('-').map_or((1, text.as_str()), |digits| (-1, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    assert!(part.len() <= 9, "{text}");
    sign * format!("{whole}{part:0<9}").parse::<i128>().unwrap()
}

#[test]
fn the_strategies_of_a_portfolio_add_up_to_the_account_exactly() {
    let folder = tempfile::tempdir().unwrap();
    let (summary, journal) = run(folder.path(), &example(), &[]);
    let parts = &summary["by_strategy"];
    let of = |key: &str| ["maker", "touch"].map(|name| parts[name][key].clone());
    for key in ["gross_pnl", "fees", "net_pnl"] {
        assert_eq!(of(key).iter().map(nanos).sum::<i128>(), nanos(&summary[key]), "{key}");
    }
    for key in ["orders", "fills", "volume_lots"] {
        let counts = of(key).map(|count| count.as_u64().unwrap());
        assert!(counts.iter().all(|count| *count > 0), "{key}: {counts:?}");
        assert_eq!(counts.iter().sum::<u64>(), summary[key].as_u64().unwrap(), "{key}");
    }
    for source in ["spread", "slippage", "inventory", "fees", "funding"] {
        let sum: i128 = ["maker", "touch"].map(|name| nanos(&parts[name]["sources"][source])).iter().sum();
        assert_eq!(sum, nanos(&summary["sources"][source]), "{source}");
    }
    let portfolio = &summary["portfolio"];
    for row in [0, 1] {
        assert_eq!(portfolio["pnl_correlations"][row][row].as_f64().unwrap(), 1.0);
    }
    let across = portfolio["pnl_correlations"][0][1].as_f64().unwrap();
    assert!(across.abs() < 1.0 && portfolio["pnl_correlations"][1][0].as_f64() == Some(across));
    let exposure = |key: &str| portfolio[key].as_f64().unwrap();
    let (gross, netted) = (exposure("gross_exposure_mean"), exposure("netted_exposure_mean"));
    assert!(0.0 < netted && netted < gross, "{portfolio}");
    assert_eq!(tickrace(&["replay", &journal, "--verify"]).code, 0);
    let split = "run.placement=[[\"decode\",\"sequence\"],[\"book\",\"decide\",\"gate\",\"send\"]]";
    assert_eq!(run(folder.path(), &example(), &[split]).0["order_digest"], summary["order_digest"]);
}

#[test]
fn a_weight_gives_the_orders_of_a_policy_that_states_the_scaled_lots() {
    let folder = tempfile::tempdir().unwrap();
    let (weighted, _) = run(folder.path(), &example(), &[]);
    let stated = example()
        .replace("weight = 0.75\n", "")
        .replace("weight = 0.25\n", "")
        .replace(
            "order_qty_lots = 100\nposition_max_lots = 1000",
            "order_qty_lots = 75\nposition_max_lots = 750",
        )
        .replace(
            "order_qty_lots = 100\nposition_max_lots = 800",
            "order_qty_lots = 25\nposition_max_lots = 200",
        );
    let (stated, _) = run(folder.path(), &stated, &[]);
    assert_eq!(weighted["order_digest"], stated["order_digest"]);
    let (other, _) = run(folder.path(), &example().replace("weight = 0.75", "weight = 0.5"), &[]);
    assert_ne!(weighted["order_digest"], other["order_digest"]);
    let nothing = example().replace("weight = 0.25", "weight = 0.001");
    let path = folder.path().join("nothing.toml").display().to_string();
    let limits = config("limits/us_equity_portfolio.toml");
    std::fs::write(&path, nothing.replace("../limits/us_equity_portfolio.toml", &limits)).unwrap();
    let out = folder.path().join("refused").display().to_string();
    let files = format!("data.files=[\"{}\"]", small_day(folder.path(), 3, 60_000));
    let done = tickrace(&["backtest", &path, "--out", &out, "--set", &files]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("touch by weight 0.001: order_qty_lots"), "{}", done.err);
}

#[test]
fn a_strategys_own_limits_stop_it_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let tight = ["limits.strategies.touch.position_max_lots=30"];
    let (summary, journal) = run(folder.path(), &example(), &tight);
    let refused = |name: &str| summary["by_strategy"][name]["refused"].as_u64().unwrap();
    let by_own = summary["rejects"]["strategy_position"].as_u64().unwrap();
    assert!(by_own > 0 && refused("touch") >= by_own, "{}", summary["rejects"]);
    assert_eq!(tickrace(&["replay", &journal, "--verify"]).code, 0);
    let gross = ["limits.strategies.maker.gross_notional_max_ccy=5000"];
    let (summary, _) = run(folder.path(), &example(), &gross);
    assert!(summary["rejects"]["strategy_gross"].as_u64().unwrap() > 0, "{}", summary["rejects"]);
    // Limits of a strategy that does not run are a mistake somebody should hear of.
    let path = folder.path().join("renamed.toml").display().to_string();
    let limits = config("limits/us_equity_portfolio.toml");
    let renamed = example().replace("name = \"touch\"", "name = \"tuoch\"");
    std::fs::write(&path, renamed.replace("../limits/us_equity_portfolio.toml", &limits)).unwrap();
    let out = folder.path().join("refused").display().to_string();
    let files = format!("data.files=[\"{}\"]", small_day(folder.path(), 3, 60_000));
    let done = tickrace(&["backtest", &path, "--out", &out, "--set", &files]);
    assert_eq!(done.code, 2);
    assert!(done.err.contains("limits.strategies names touch"), "{}", done.err);
}
