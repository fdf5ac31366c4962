//! `systematic stress`: windows of the past, jumps of correlations and volatilities, single moves.

use std::path::{Path, PathBuf};

use tickrace_systematic::stress::{Stress, of_system, page};

use super::{Done, Input};
use crate::columns::aligned;
use crate::{Failure, Streams};

/// Arguments of `systematic stress`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  \
    tickrace systematic stress configs/systematic/chapter15.toml --data DIR --out out/stress\n  \
    tickrace systematic stress configs/systematic/chapter15.toml --data DIR --set stress.moves=deviations \\\n    \
    --set 'stress.windows=[{name=\"Autumn of 2008\",first=\"2008-09-15\",last=\"2008-10-31\"}]'\n\n\
    Windows, correlations, multipliers and moves stand in the table [stress] of the configuration; well-known bad times and\n\
    usual shocks where it is absent. Writes stress.json and stress.html.")]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Folder for the results; by default out/ and the name of the configuration with -stress
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Runs the verb.
///
/// # Errors
///
/// [`Failure`] with the exit code of its kind.
pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let path = &args.input.config;
    let Done { config, system, earnings, calendar, .. } = args.input.system()?;
    if calendar.is_some() {
        return Err(Failure::usage(format!("{}: bars: stress looks at days alone", path.display())));
    }
    let stress = of_system(&system, &earnings, &config)
        .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let out = args.out.clone().unwrap_or_else(|| Path::new("out").join(format!("{stem}-stress")));
    std::fs::create_dir_all(&out).map_err(|error| Failure::write(&out, error))?;
    let text = serde_json::to_string_pretty(&stress).map_err(Failure::runtime)?;
    for (name, text) in
        [("stress.json", text), ("stress.html", page::html(&format!("Stress {stem}"), &stress))]
    {
        let path = out.join(name);
        std::fs::write(&path, text).map_err(|error| Failure::write(&path, error))?;
    }
    if streams.is_json {
        streams.json(&stress);
    }
    streams.say(&for_people(&stress));
    streams.say(&format!("stress.json and stress.html are in {}", out.display()));
    Ok(())
}

fn for_people(stress: &Stress) -> String {
    let two = |value: f64| format!("{value:.2}");
    let words = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let mut text =
        format!("positions of {}, per cent of {:.0} {}\n\n", stress.today, stress.capital, stress.currency);
    let head = words(&[
        "window",
        "from",
        "to",
        "as run then",
        "lowest",
        "today's positions",
        "lowest",
        "without prices",
    ]);
    let windows = stress.scenarios.iter().map(|one| {
        vec![
            one.name.clone(),
            one.first.clone(),
            one.last.clone(),
            two(one.system_pct),
            two(one.system_worst_pct),
            two(one.today_pct),
            two(one.today_worst_pct),
            format!("{} of {}", one.without_prices.len(), one.instruments.len()),
        ]
    });
    text.push_str(&aligned(&head, &windows.collect::<Vec<_>>()));
    text.push_str(&format!("\nannual risk as it is: {:.2} %\n", stress.risk_pct));
    let shocks = stress.shocks.iter().map(|shock| {
        let level = shock.correlation.map_or_else(|| "all against us".to_owned(), |level| level.to_string());
        vec![level, shock.volatility_multiplier.to_string(), two(shock.risk_pct)]
    });
    text.push_str(&aligned(
        &words(&["correlations", "volatility x", "annual risk"]),
        &shocks.collect::<Vec<_>>(),
    ));
    let mut head = words(&["\nmove against us"]);
    head.extend(
        stress.moves.iter().take(1).flat_map(|one| &one.loss_pct).map(|(by, _)| format!("{by} deviations")),
    );
    let moves = stress.moves.iter().map(|one| {
        let losses = one.loss_pct.iter().map(|(_, loss)| two(*loss));
        [one.name.clone()].into_iter().chain(losses).collect()
    });
    text.push_str(&aligned(&head, &moves.collect::<Vec<_>>()));
    text
}
