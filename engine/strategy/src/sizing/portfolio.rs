//! Kelly's fractions of several assets at once, from a shrunk covariance.

use tickrace_stats::{StatsError, ledoit_wolf, solve_positive};

/// Fractions of wealth in several assets: `share x covariance⁻¹ means`, scaled down together where gross leverage would be
/// exceeded.
///
/// Memory is taken when made; neither an update nor a refresh allocates. A refresh costs the square of the assets times the
/// window, and belongs into a policy's upkeep.
///
/// Sources: Merton (1969); Thorp (2006), section 8; covariance after Ledoit and Wolf (2004), see [`ledoit_wolf`].
#[derive(Clone, Debug, PartialEq)]
pub struct KellyPortfolio {
    assets: usize,
    window: usize,
    share: f64,
    leverage_max: f64,
    /// `[window x assets]`, a ring of rows: the order of rows does not matter to a covariance but to its last bits, which
    /// follow from the records alone.
    returns: Box<[f64]>,
    rows: u64,
    means: Box<[f64]>,
    covariance: Box<[f64]>,
    fractions: Box<[f64]>,
}

impl KellyPortfolio {
    /// - `window`: periods of returns the covariance is read from, 2 or more.
    /// - `share`: of the full Kelly portfolio, in (0, 1]; `leverage_max`: bound of the sum of absolute fractions, positive.
    ///
    /// # Errors
    ///
    /// [`StatsError::Parameter`] for an argument out of range.
    pub fn new(assets: usize, window: usize, share: f64, leverage_max: f64) -> Result<Self, StatsError> {
        let fail = |name, wanted, got| Err(StatsError::Parameter { name, wanted, got });
        if assets == 0 {
            return fail("assets", "1 or more", 0.0);
        }
        if window < 2 {
            return fail("window", "2 or more", window as f64);
        }
        if !(share > 0.0 && share <= 1.0) {
            return fail("share", "above 0, up to 1", share);
        }
        if !(leverage_max > 0.0 && leverage_max.is_finite()) {
            return fail("leverage_max", "finite and positive", leverage_max);
        }
        let room = |count: usize| vec![0.0; count].into_boxed_slice();
        Ok(Self {
            assets,
            window,
            share,
            leverage_max,
            returns: room(assets * window),
            rows: 0,
            means: room(assets),
            covariance: room(assets * assets),
            fractions: room(assets),
        })
    }

    /// Takes one period's returns in, one an asset, as fractions; a row with a value that is not finite is left out.
    pub fn update(&mut self, returns: &[f64]) {
        assert!(returns.len() == self.assets, "one return an asset");
        if returns.iter().all(|value| value.is_finite()) {
            let row = usize::try_from(self.rows % self.window as u64).unwrap_or(0) * self.assets;
            self.returns[row..row + self.assets].copy_from_slice(returns);
            self.rows += 1;
        }
    }

    /// Whether the window has filled.
    pub const fn is_full(&self) -> bool {
        self.rows >= self.window as u64
    }

    /// Fractions for expected excess returns `means` per period, one an asset; kept until the next refresh. Gives the share
    /// of the shrinkage target.
    ///
    /// # Errors
    ///
    /// [`StatsError::Short`] before the window has filled; [`StatsError::Singular`] where the returns do not vary;
    /// [`StatsError::NotFinite`]. The fractions are all zero then: what cannot be sized is not held.
    pub fn refresh(&mut self, means: &[f64]) -> Result<f64, StatsError> {
        assert!(means.len() == self.assets, "one mean an asset");
        let solved = self.solve(means);
        if solved.is_err() {
            self.fractions.fill(0.0);
        }
        solved
    }

    /// Signed fractions of wealth, one an asset.
    pub const fn fractions(&self) -> &[f64] {
        &self.fractions
    }

    fn solve(&mut self, means: &[f64]) -> Result<f64, StatsError> {
        if !self.is_full() {
            return Err(StatsError::Short {
                needed: self.window,
                got: usize::try_from(self.rows).unwrap_or(0),
            });
        }
        if let Some(index) = means.iter().position(|mean| !mean.is_finite()) {
            return Err(StatsError::NotFinite { index });
        }
        let shrunk = ledoit_wolf(&self.returns, self.assets, &mut self.means, &mut self.covariance)?;
        self.fractions.copy_from_slice(means);
        solve_positive(&mut self.covariance, &mut self.fractions)?;
        let gross: f64 = self.fractions.iter().map(|fraction| (self.share * fraction).abs()).sum();
        let scale = self.share * if gross > self.leverage_max { self.leverage_max / gross } else { 1.0 };
        self.fractions.iter_mut().for_each(|fraction| *fraction *= scale);
        Ok(shrunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tickrace_stats::Rng;

    /// Two assets of one and two per cent a day, correlation one half; ten years of days.
    fn fed(share: f64, leverage_max: f64) -> (KellyPortfolio, Vec<[f64; 2]>) {
        let mut portfolio = KellyPortfolio::new(2, 2_500, share, leverage_max).unwrap();
        let mut rng = Rng::new(14);
        let rows: Vec<[f64; 2]> = (0..2_500)
            .map(|_| {
                let (a, b) = (rng.normal(), rng.normal());
                [0.01 * a, 0.02 * (0.5 * a + 0.75f64.sqrt() * b)]
            })
            .collect();
        rows.iter().for_each(|row| portfolio.update(row));
        (portfolio, rows)
    }

    #[test]
    fn fractions_are_those_of_the_inverse_written_out() {
        let (mut portfolio, _) = fed(0.5, 100.0);
        portfolio.refresh(&[0.0004, 0.0004]).unwrap();
        // Covariance [[1, 1], [1, 4]] x 1e-4; its inverse [[4, -1], [-1, 1]] / 3 x 1e4; times the means (4, 0). Half: (2, 0).
        let got = portfolio.fractions();
        assert!((got[0] - 2.0).abs() < 0.2 && got[1].abs() < 0.1, "{got:?}");
    }

    #[test]
    fn no_other_portfolio_grows_faster_on_the_returns_it_was_read_from() {
        let (mut portfolio, rows) = fed(1.0, 100.0);
        let means = [0.0005, 0.0003];
        portfolio.refresh(&means).unwrap();
        let centre = |at: usize| rows.iter().map(|row| row[at]).sum::<f64>() / rows.len() as f64;
        let off = [centre(0), centre(1)];
        let growth = |held: [f64; 2]| {
            let of = |sign: f64| {
                let day = |row: &[f64; 2], at: usize| held[at] * (means[at] + sign * (row[at] - off[at]));
                rows.iter().map(|row| (1.0 + day(row, 0) + day(row, 1)).ln()).sum::<f64>()
            };
            of(1.0) + of(-1.0)
        };
        let best = [portfolio.fractions()[0], portfolio.fractions()[1]];
        for (a, b) in [(0.5, 0.0), (-0.5, 0.0), (0.0, 0.4), (0.0, -0.4), (0.5, -0.3)] {
            assert!(growth(best) > growth([best[0] + a, best[1] + b]), "{a} {b}");
        }
    }

    #[test]
    fn leverage_is_bounded_and_what_cannot_be_sized_is_not_held() {
        let (mut portfolio, _) = fed(1.0, 1.5);
        portfolio.refresh(&[0.0004, -0.0004]).unwrap();
        let gross: f64 = portfolio.fractions().iter().map(|fraction| fraction.abs()).sum();
        assert!((gross - 1.5).abs() < 1e-12);
        assert_eq!(portfolio.refresh(&[f64::NAN, 0.0]), Err(StatsError::NotFinite { index: 0 }));
        assert_eq!(portfolio.fractions(), [0.0, 0.0]);
        let mut young = KellyPortfolio::new(2, 10, 1.0, 1.0).unwrap();
        young.update(&[0.1, f64::NAN]);
        young.update(&[0.1, 0.2]);
        assert_eq!(young.refresh(&[0.1, 0.1]), Err(StatsError::Short { needed: 10, got: 1 }));
    }
}
