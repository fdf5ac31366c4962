//! Portfolios against those of PyPortfolioOpt, SciPy and scikit-learn (`scripts/goldens/portfolio_methods.py`).
#![allow(clippy::unwrap_used, reason = "a test stops where its data is not sound")]

use serde_json::Value;
use tickrace_systematic::estimate::black_litterman::{implied, posterior};
use tickrace_systematic::estimate::correlation::{Matrix, Panel};
use tickrace_systematic::estimate::hierarchy::{Distance, HierarchyTerms, order};
use tickrace_systematic::estimate::mean_variance::{GroupCap, MeanVarianceTerms, Objective};
use tickrace_systematic::estimate::optimise::{
    Covariance, Estimates, Method, OptimiserConfig, weights, weights_of_past,
};
use tickrace_systematic::estimate::past::Past;

const YEAR_WEEKS: f64 = 365.25 / 7.0;

fn goldens(name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("goldens/portfolio_methods.json")).unwrap();
    all[name].as_array().unwrap().clone()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn names(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn estimates(case: &Value) -> Estimates {
    let deviations = numbers(&case["deviations"]);
    let values = case["correlation"].as_array().unwrap().iter().flat_map(numbers).collect();
    let means = case.get("means").filter(|_| case.get("views").is_none());
    Estimates {
        means: means.map_or_else(|| vec![0.0; deviations.len()], numbers),
        correlation: Matrix { size: deviations.len(), values },
        deviations,
        years: 10.0,
    }
}

fn config(method: Method) -> OptimiserConfig {
    OptimiserConfig { method, equalise_vols: false, ..OptimiserConfig::default() }
}

fn worst(own: &[f64], wanted: &[f64]) -> f64 {
    assert_eq!(own.len(), wanted.len());
    let gap = |(one, other): (&f64, &f64)| (one - other).abs();
    own.iter().zip(wanted).map(gap).fold(0.0, |worst, gap| if gap <= worst { worst } else { gap })
}

#[test]
fn hierarchical_risk_parity_is_that_of_pyportfolioopt_and_of_the_paper() {
    for case in goldens("hierarchy") {
        let all = estimates(&case);
        for (distance, key) in [(Distance::Columns, "columns"), (Distance::Correlation, "plain")] {
            let terms = HierarchyTerms { distance };
            let own = weights(
                &all,
                &OptimiserConfig { hierarchy: terms, ..config(Method::HierarchicalRiskParity) },
            );
            let worst = worst(&own, &numbers(&case[key]));
            println!("{} assets, {key}: worst difference {worst:.1e}", own.len());
            assert!(worst < 1e-12, "{key}: {own:?}");
        }
        let leaves: Vec<f64> =
            order(&all.correlation, Distance::Columns).into_iter().map(|leaf| leaf as f64).collect();
        assert_eq!(leaves, numbers(&case["order"]));
    }
}

#[test]
fn constrained_optima_are_those_of_other_solvers() {
    for case in goldens("mean_variance") {
        let all = estimates(&case);
        let names = names(&case["names"]);
        let before = numbers(&case["before"]);
        let (cap, group_cap) = (case["cap"].as_f64(), case["group_cap"].as_f64().unwrap());
        let group = vec![GroupCap { members: self::names(&case["members"]), weight_max: group_cap }];
        for (name, wanted) in case["weights"].as_object().unwrap() {
            let mut terms = MeanVarianceTerms {
                objective: match name.split('_').next().unwrap() {
                    "max" => Objective::MaxSharpe,
                    "utility" => Objective::Utility,
                    "min" => Objective::MinVariance,
                    _ => Objective::TargetRisk,
                },
                risk_aversion: Some(3.0),
                target_risk: case["target_risk"].as_f64(),
                ..MeanVarianceTerms::default()
            };
            if name.ends_with("capped") {
                terms.weight_max = cap;
            }
            match name.as_str() {
                "max_sharpe_capped" | "utility_capped" => terms.groups = group.clone(),
                "utility_short" => (terms.long_only, terms.weight_max) = (false, cap),
                "utility_turnover" => (terms.groups, terms.turnover_penalty) = (group.clone(), 0.05),
                "target_risk_capped" => terms.target_risk = terms.target_risk.map(|risk| risk * 1.1),
                _ => {}
            }
            let past = Past {
                names: names.iter().map(String::as_str).collect(),
                before: before.clone(),
                ..Past::default()
            };
            let own = weights_of_past(
                &all,
                &past,
                &OptimiserConfig { mean_variance: terms, ..config(Method::MeanVariance) },
            );
            let worst = worst(&own, &numbers(wanted));
            println!("{} assets, {name}: worst difference {worst:.1e}", own.len());
            assert!(worst < 1e-6, "{name}: {own:?}, wanted {wanted}");
        }
    }
}

#[test]
fn shrunk_covariances_are_those_of_scikit_learn() {
    for case in goldens("ledoit_wolf") {
        let deviations = numbers(&case["deviations"]);
        let (size, returns) = (deviations.len(), numbers(&case["returns"]));
        let rows = returns.len() / size;
        let week = 7 * 86_400_000_000_000;
        let panel = Panel {
            at_ns: (0..i64::try_from(rows).unwrap()).map(|row| row * week).collect(),
            columns: (0..size)
                .map(|column| returns.iter().skip(column).step_by(size).copied().collect())
                .collect(),
        };
        let past = Past::new(&panel, 0..rows, &[], YEAR_WEEKS);
        let measured = past.estimates(&(0..rows).collect::<Vec<_>>());
        let config = OptimiserConfig {
            covariance: Covariance::LedoitWolf,
            mean_variance: MeanVarianceTerms {
                objective: Objective::MinVariance,
                ..MeanVarianceTerms::default()
            },
            ..config(Method::MeanVariance)
        };
        let own = weights_of_past(&measured, &past, &config);
        let worst = worst(&own, &numbers(&case["min_variance"]));
        println!("{size} assets, share {}: worst difference {worst:.1e}", case["share"]);
        assert!(worst < 1e-6, "{own:?}");
    }
}

#[test]
fn views_bend_means_and_covariance_as_in_pyportfolioopt() {
    use tickrace_systematic::estimate::black_litterman::{BlackLittermanTerms, View};
    for case in goldens("black_litterman") {
        let (covariance, prior_weights) = (numbers(&case["covariance"]), numbers(&case["prior_weights"]));
        let tau = case["tau"].as_f64().unwrap();
        let variance: f64 = implied(&covariance, &prior_weights, 1.0)
            .iter()
            .zip(&prior_weights)
            .map(|(row, weight)| row * weight)
            .sum();
        let prior = implied(&covariance, &prior_weights, 0.5 / variance.sqrt());
        assert!(worst(&prior, &numbers(&case["prior"])) < 1e-12);
        let rows: Vec<Vec<f64>> = case["views"].as_array().unwrap().iter().map(numbers).collect();
        let (means, confidences) = (numbers(&case["view_means"]), numbers(&case["confidences"]));
        let views: Vec<(Vec<f64>, f64, f64)> = rows
            .iter()
            .zip(&means)
            .zip(&confidences)
            .map(|((row, mean), sure)| (row.clone(), *mean, *sure))
            .collect();
        let after = posterior(&prior, &covariance, tau, &views).unwrap();
        let (of_means, of_covariance) = (
            worst(&after.means, &numbers(&case["means"])),
            worst(&after.covariance, &numbers(&case["after"])),
        );
        assert!(of_means < 1e-8 && of_covariance < 1e-8, "{of_means} {of_covariance}");
        // The whole way, from a configuration.
        let names = names(&case["names"]);
        let assets = |row: &Vec<f64>| {
            let named = names.iter().cloned().zip(row.iter().copied());
            named.filter(|(_, weight)| *weight != 0.0).collect()
        };
        let view = |(row, mean, confidence): &(Vec<f64>, f64, f64)| View {
            assets: assets(row),
            mean: *mean,
            confidence: *confidence,
        };
        let terms = BlackLittermanTerms {
            prior_weights: names.iter().cloned().zip(prior_weights).collect(),
            tau,
            views: views.iter().map(view).collect(),
        };
        let past = Past { names: names.iter().map(String::as_str).collect(), ..Past::default() };
        let config = OptimiserConfig { black_litterman: terms, ..config(Method::BlackLitterman) };
        config.check("optimiser", &names).unwrap();
        let own = weights_of_past(&estimates(&case), &past, &config);
        let of_weights = worst(&own, &numbers(&case["max_sharpe"]));
        println!(
            "{} assets: means {of_means:.1e}, covariance {of_covariance:.1e}, weights {of_weights:.1e}",
            own.len()
        );
        assert!(of_weights < 1e-6, "{own:?}");
    }
}

#[test]
fn terms_that_make_no_weights_are_refused_by_name() {
    let names = ["CORN".to_owned(), "US10".to_owned()];
    let told = |text: &str| -> String {
        let config: OptimiserConfig = serde_json::from_str(text).unwrap();
        config.check("instrument_weight_estimate.optimiser", &names).unwrap_err().to_string()
    };
    for (text, wanted) in [
        (r#"{"method":"bayes_sharpe"}"#, "sharpe_prior: bayes_sharpe needs one"),
        (r#"{"sharpe_prior":{"mean":0.3,"deviation":0.0}}"#, "sharpe_prior: the deviation"),
        (r#"{"bootstrap":{"runs":0}}"#, "bootstrap.runs"),
        (r#"{"bootstrap":{"inner":"bootstrap"}}"#, "bootstrap.inner"),
        (r#"{"method":"mean_variance","mean_variance":{"objective":"utility"}}"#, "risk_aversion"),
        (r#"{"method":"mean_variance","mean_variance":{"objective":"target_risk"}}"#, "target_risk"),
        (r#"{"method":"mean_variance","mean_variance":{"turnover_penalty":0.1}}"#, "turnover_penalty"),
        (r#"{"mean_variance":{"weight_max":0.0}}"#, "a cap on a weight"),
        (
            r#"{"mean_variance":{"weights_max":{"COFFEE":0.2}}}"#,
            "there is no COFFEE to weigh; there are: CORN US10",
        ),
        (r#"{"risk_parity":{"budgets":{"CORN":-1.0}}}"#, "risk_parity.budgets"),
        (
            r#"{"black_litterman":{"views":[{"assets":{"CORN":1.0},"mean":0.5,"confidence":1.5}]}}"#,
            "a view needs",
        ),
    ] {
        assert!(told(text).contains(wanted), "{text}: {}", told(text));
    }
    assert!(serde_json::from_str::<OptimiserConfig>(r#"{"mean_variance":{"cap":0.1}}"#).is_err());
}
