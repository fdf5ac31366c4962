use super::*;
use crate::account::{ContractCosts, FillPrice, FxRate, cash_costs, position_fills};
use tickrace_stats::BusinessDay;

/// Three years of two instruments whose prices wave.
fn accounts() -> Vec<Account> {
    let days = 800;
    let costs = ContractCosts { point_size: 1.0, spread: 0.5, per_block: 1.0, ..ContractCosts::default() };
    let waves = [17, 29].map(|by| -> Vec<f64> {
        (0..days).map(|day: i32| 100.0 + f64::from(day) * 0.1 + f64::from((day * by) % 41)).collect()
    });
    waves
        .into_iter()
        .map(|values| {
            let price = Series { first: BusinessDay(12_000), values };
            let held = (0..days).map(|day| f64::from(day / 50 % 3)).collect();
            let held = Series { first: price.first, values: held };
            let fills = position_fills(&held, &price, FillPrice::OfDay);
            let fx = FxRate::Constant(1.0);
            let costs = cash_costs(&fills, &costs, &fx, None);
            Account::of_position(&held, &price, 1.0, &fx).with_costs(costs).percent_of(1_000.0)
        })
        .collect()
}

fn page<'a>(accounts: &'a [Account], weight: &'a Series) -> SystemPage<'a> {
    let costs = SharpeCosts { price: 1.0, daily_vol: 0.1, per_trade: 0.002, holding: 0.016 };
    let part = |name: &str, account: &'a Account| InstrumentPart {
        name: name.to_owned(),
        asset_class: "Ags & <Metals>".to_owned(),
        account,
        subsystem: account,
        weight: Some(weight),
        position: 2.0,
        costs,
        turnover: 5.5,
    };
    SystemPage {
        title: "Two <markets>".to_owned(),
        currency: "USD".to_owned(),
        capital: 1_000.0,
        target_pct: 20.0,
        portfolio: Account::sum(accounts),
        instruments: vec![part("CORN", &accounts[0]), part("GOLD", &accounts[1])],
        rules: vec![("ewmac8_32".to_owned(), accounts[0].clone())],
        multiplier: Some(weight),
        config_text: "capital = \"<all>\"".to_owned(),
    }
}

#[test]
fn the_page_has_every_section_and_needs_nothing_else() {
    let accounts = accounts();
    let weight = Series { first: BusinessDay(12_000), values: vec![0.5; 800] };
    let text = html(&page(&accounts, &weight));
    for section in [
        "Account",
        "Figures",
        "By instrument",
        "By rule",
        "Diversification",
        "Costs",
        "Configuration as used",
    ] {
        assert!(text.contains(&format!("<h2>{section}</h2>")), "{section}");
    }
    for plot in [
        "account curves",
        "drawdown",
        "calendar year",
        "correlations of subsystems",
        "instrument weights",
        "net profit by rule",
    ] {
        assert!(text.contains(plot), "{plot}");
    }
    // What a name holds cannot break the page, and nothing is fetched.
    assert!(text.contains("Two &lt;markets&gt;") && !text.contains("<markets>") && !text.contains("<all>"));
    assert!(!text.contains("http") && !text.contains(" src="));
    assert_eq!(text.matches("<svg").count(), text.matches("</svg>").count());
    assert!(!text.contains("NaN") && !text.contains("inf "), "numbers that are none are dashes");
}

#[test]
fn its_figures_are_those_of_the_account() {
    let accounts = accounts();
    let weight = Series { first: BusinessDay(12_000), values: vec![0.5; 800] };
    let page = page(&accounts, &weight);
    let text = html(&page);
    let net = Statistics::of_flow(&page.portfolio.net(), Frequency::BusinessDay).unwrap();
    assert!(text.contains(&format!("<b class=\"good\">{:.2}</b>", net.sharpe)), "{}", net.sharpe);
    let yearly = -Statistics::of_flow(&page.portfolio.costs, Frequency::BusinessDay).unwrap().ann_mean;
    assert!(text.contains(&format!(">{yearly:.2} %</b>")));
}

#[test]
fn a_system_without_a_trade_says_so() {
    let text = html(&SystemPage { title: "empty".to_owned(), ..SystemPage::default() });
    assert!(text.contains("Nothing was earned or lost") && text.ends_with("</html>\n"));
}
