//! Whole systems over a folder of two made-up instruments: methods, stress, sweep.

use std::fmt::Write;
use std::path::Path;

use serde_json::Value;
use tickrace_stats::BusinessDay;

use super::{Input, data};
use crate::Streams;

const CONFIG: &str = "percentage_vol_target = 20.0\nnotional_trading_capital = 1000000\nforecast_scalar = 8.0\n\
    use_instrument_weight_estimates = true\n[trading_rules.trend]\nfunction = \"ewmac\"\n\
    data = [\"daily_prices\", \"daily_returns_volatility\"]\nother_args = { Lfast = 8, Lslow = 32 }\n";
pub(super) const FIRST: i32 = 11_000;
pub(super) const DAYS: i32 = 1_200;

/// The price of an instrument on a day: a wave and some noise.
fn price(number: i32, day: i32) -> f64 {
    let noise = f64::from((day * day * (31 + number) + day * 17) % 47) / 20.0;
    let wave = (f64::from(day) / f64::from(60 + 25 * number)).sin();
    100.0 + 12.0 * wave + noise + f64::from(day) * 0.01
}

pub(super) fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    put("c.toml", CONFIG);
    put(
        "instruments.csv",
        "Instrument,Pointsize,Currency,AssetClass,SpreadCost,PerBlock,Percentage,PerTrade\n\
         A,50,USD,Ags,0.01,0,0,0\nB,20,USD,Metals,0.02,0,0,0\n",
    );
    for (number, name) in [(0, "A"), (1, "B")] {
        let (mut adjusted, mut multiple) = (
            "time,price\n".to_owned(),
            "time,PRICE,CARRY,FORWARD,PRICE_CONTRACT,CARRY_CONTRACT,FORWARD_CONTRACT\n".to_owned(),
        );
        for day in 0..DAYS {
            let (date, price) = (data::date(BusinessDay(FIRST + day).start_ns()), price(number, day));
            let _ = writeln!(adjusted, "{date},{price}");
            let _ = writeln!(
                multiple,
                "{date},{price},{},{},20300300,20300600,20300600",
                price + 0.1,
                price + 0.1
            );
        }
        put(&format!("adjusted_{name}.csv"), &adjusted);
        put(&format!("multiple_{name}.csv"), &multiple);
    }
    folder
}

fn run(folder: &Path, verb: &str, more: &[&str]) -> (u8, Value, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut streams = Streams { out: &mut out, err: &mut err, is_json: false, is_watched: false };
    let text = |path: std::path::PathBuf| path.to_string_lossy().into_owned();
    let (config, target) = (text(folder.join("c.toml")), text(folder.join("out")));
    let data = text(folder.to_path_buf());
    let mut args = vec!["tickrace", "systematic", verb, &config, "--data", &data, "--json", "--out", &target];
    args.extend(more);
    let code = crate::run(args, &mut streams);
    (code, serde_json::from_slice(&out).unwrap_or(Value::Null), String::from_utf8(err).unwrap())
}

#[test]
fn every_method_weighs_the_instruments_of_a_whole_system() {
    let folder = folder();
    for (method, more) in [
        ("bootstrap", "bootstrap.runs=5"),
        ("hierarchical_risk_parity", "hierarchy.distance=correlation"),
        ("risk_parity", "risk_parity.budgets={A=2.0}"),
        (
            "mean_variance",
            "mean_variance={objective=\"utility\",risk_aversion=2.0,weight_max=0.6,turnover_penalty=0.01}",
        ),
        ("mean_variance", "covariance=ledoit_wolf"),
        ("black_litterman", "black_litterman.views=[{assets={B=1.0},mean=0.8,confidence=0.5}]"),
        ("bayes_sharpe", "sharpe_prior={mean=0.3,deviation=0.3}"),
    ] {
        let key = "instrument_weight_estimate.optimiser";
        let set = vec![format!("{key}.method={method}"), format!("{key}.{more}")];
        let input = Input { config: folder.path().join("c.toml"), data: folder.path().to_path_buf(), set };
        let crate::systematic::Done { system, .. } =
            input.system().unwrap_or_else(|failure| panic!("{method}: {failure}"));
        let last =
            |name: &str| *system.members[name].stages.get("instr_weight").unwrap().values.last().unwrap();
        let (a, b) = (last("A"), last("B"));
        assert!((a + b - 1.0).abs() < 1e-9 && a >= 0.0 && b >= 0.0, "{method} {more}: {a} {b}");
    }
    let (code, _, told) = run(
        folder.path(),
        "backtest",
        &["--set", "instrument_weight_estimate.optimiser.mean_variance.weights_max={Z=0.1}"],
    );
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("weights_max: there is no Z to weigh; there are: A B"), "{told}");
}

#[test]
fn stress_is_as_worked_from_the_prices() {
    let folder = folder();
    let (from, to) = (300, 340);
    let day = |day: i32| data::date(BusinessDay(FIRST + day).start_ns());
    let windows = format!("stress.windows=[{{name=\"w\",first=\"{}\",last=\"{}\"}}]", day(from), day(to));
    let (code, found, told) = run(folder.path(), "stress", &["--set", &windows]);
    assert_eq!(code, 0, "{told}");
    let mut sum = 0.0;
    for (number, point) in [(0, 50.0), (1, 20.0)] {
        let holding = &found["holdings"][number];
        let contracts = holding["contracts"].as_f64().unwrap();
        let place = i32::try_from(number).unwrap();
        let moved: f64 =
            (from..=to).map(|day| (price(place, day) - price(place, day - 1)) / price(place, day)).sum();
        let wanted = 100.0 * contracts * point * price(place, DAYS - 1) * moved / 1e6;
        let own = found["scenarios"][0]["instruments"][number]["today_pct"].as_f64().unwrap();
        assert!((own - wanted).abs() < 1e-9, "{own}, wanted {wanted}");
        assert_ne!(contracts, 0.0);
        sum += own;
    }
    assert!((found["scenarios"][0]["today_pct"].as_f64().unwrap() - sum).abs() < 1e-9);
    let page = std::fs::read_to_string(folder.path().join("out/stress.html")).unwrap();
    assert!(page.contains("Windows of the past") && !page.contains("NaN") && page.ends_with("</html>\n"));
    let (code, _, told) = run(folder.path(), "stress", &["--set", "stress.correlations=[2.0]"]);
    assert!(code == 2 && told.contains("stress.correlations: must be from 0 to 1"), "{code} {told}");
}

#[test]
fn a_surface_has_the_figures_of_single_runs_and_refuses_what_makes_no_system() {
    let folder = folder();
    let grid = ["--grid", "trading_rules.trend.other_args.Lfast=4,8,16", "--grid", "buffer_size=0.1,0.3,7.0"];
    let (code, found, told) = run(folder.path(), "sweep", &grid);
    assert_eq!(code, 0, "{told}");
    assert_eq!((found["done"].as_u64(), found["refused"].as_u64()), (Some(6), Some(3)), "{told}");
    assert!(told.contains("buffer_size: must be from 0 to below 1"), "{told}");
    let best = &found["best"];
    let sets: Vec<String> = best["values"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap()))
        .collect();
    let (_, alone, _) = run(folder.path(), "backtest", &["--set", &sets[0], "--set", &sets[1]]);
    for (ours, theirs) in
        [("sharpe", "sharpe"), ("net_pct", "ann_mean_pct"), ("drawdown_pct", "worst_drawdown_pct")]
    {
        assert_eq!(best["figures"][ours], alone[theirs], "{ours}");
    }
    let belief = &found["belief"];
    let share = |name: &str| belief[name].as_f64().unwrap();
    assert_eq!(
        belief["best_sharpe"].as_f64().map(|sharpe| sharpe > share("expected_best_sharpe_of_luck")),
        Some(share("deflated_sharpe_probability") > 0.5)
    );
    assert_eq!(belief["overfitting"]["halves"].as_u64(), Some(12_870));
    for name in ["sweep.parquet", "sweep.html", "summary.json"] {
        assert!(folder.path().join("out").join(name).is_file(), "{name}");
    }
    let (code, _, told) = run(folder.path(), "sweep", &["--grid", "no_such_key=1,2"]);
    assert!(code == 2 && told.contains("no_such_key"), "{code} {told}");
}
