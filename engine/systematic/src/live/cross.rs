//! What instruments say of each other: medians of an asset class, means of factors, weights that count where there is something
//! to weigh.

use super::member::Member;
use super::operator::{EwMean, RunningSum};
use super::plan::Plan;
use super::tape::Tape;
use crate::raw::{Demean, FACTOR_COM, mean, median};

/// Weights smoothed over days, as [`crate::forecast::smoothed_weights`] has them.
#[derive(Clone, Debug)]
pub(super) struct Smoothed {
    stated: Vec<f64>,
    means: Vec<EwMean>,
    /// Of the last day; sum 1 where any counts.
    pub weights: Vec<f64>,
}

impl Smoothed {
    pub fn new(stated: Vec<f64>, span: f64) -> Self {
        let (means, weights) = (vec![EwMean::of_span(span); stated.len()], vec![f64::NAN; stated.len()]);
        Self { stated, means, weights }
    }

    /// - `is_known`: by place, whether there is something to weigh.
    pub fn push(&mut self, is_known: impl Fn(usize) -> bool) {
        let count = self.stated.len();
        let is_any = (0..count).any(&is_known);
        for place in 0..count {
            // Where nothing is known all weights stay as they are.
            let counts = !is_any || is_known(place);
            let weight = if counts { self.stated[place] } else { 0.0 };
            self.weights[place] = self.means[place].push(weight);
        }
        let sum: f64 = self.weights.iter().copied().filter(|weight| !weight.is_nan()).sum();
        let per_sum = 1.0 / if sum == 0.0 { 1e-4 } else { sum };
        self.weights.iter_mut().for_each(|weight| *weight *= per_sum);
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        self.means.iter_mut().for_each(|mean| mean.keep(tape));
        self.weights.iter_mut().for_each(|weight| tape.number(weight));
    }
}

/// What is kept of all instruments together.
#[derive(Clone, Debug)]
pub(super) struct Cross {
    class_prices: Vec<RunningSum>,
    /// By factor: the long average of the mean over all.
    historic: Vec<EwMean>,
    shares: Smoothed,
    /// Whether any instrument has a subsystem.
    has_begun: bool,
    /// Lent to each figure in turn.
    row: Vec<f64>,
}

impl Cross {
    pub fn new(plan: &Plan, members: usize) -> Self {
        Self {
            class_prices: vec![RunningSum::default(); plan.classes.len()],
            historic: vec![EwMean::of_com(FACTOR_COM); plan.factors.len()],
            shares: Smoothed::new(plan.shares.clone(), plan.share_span),
            has_begun: false,
            row: Vec::with_capacity(members),
        }
    }

    /// Gives each instrument what it is compared with today.
    pub fn compare(&mut self, plan: &Plan, members: &mut [Member]) {
        let Self { class_prices, historic, row, .. } = self;
        for (class, sum) in class_prices.iter_mut().enumerate() {
            let of_class = |place: usize| plan.class_of[place] == class;
            gather(row, members, of_class, |member| member.norm_return());
            let price = sum.push(median(row));
            gather(row, members, of_class, |member| member.smoothed_carry());
            let carry = median(row);
            for (_, member) in members.iter_mut().enumerate().filter(|(place, _)| of_class(*place)) {
                member.class = [price, carry];
            }
        }
        for (place, (factor, historic)) in plan.factors.iter().zip(historic).enumerate() {
            let mut over = |members: &[Member], of: &dyn Fn(usize) -> bool| {
                gather(row, members, of, |member| member.factor_filled(place));
                mean(row)
            };
            match factor.method {
                Demean::Own => {
                    for member in members.iter_mut() {
                        let own = member.own_average(place);
                        member.references[place] = own;
                    }
                }
                Demean::CurrentAll | Demean::HistoricAll => {
                    let all = over(members, &|_| true);
                    let all = if factor.method == Demean::HistoricAll { historic.push(all) } else { all };
                    members.iter_mut().for_each(|member| member.references[place] = all);
                }
                Demean::AssetClass => {
                    for class in 0..plan.classes.len() {
                        let of_class = |place: usize| plan.class_of[place] == class;
                        let all = over(members, &of_class);
                        for (_, member) in
                            members.iter_mut().enumerate().filter(|(place, _)| of_class(*place))
                        {
                            member.references[place] = all;
                        }
                    }
                }
            }
        }
    }

    /// Gives each instrument its weight.
    pub fn weigh(&mut self, members: &mut [Member]) {
        self.has_begun |= members.iter().any(|member| member.is_combined);
        if !self.has_begun {
            return;
        }
        self.shares.push(|place| !members[place].subsystem_filled().is_nan());
        for (member, weight) in members.iter_mut().zip(&self.shares.weights) {
            member.share = *weight;
        }
    }

    pub fn keep(&mut self, tape: &mut Tape<'_>) {
        self.class_prices.iter_mut().for_each(|sum| sum.keep(tape));
        self.historic.iter_mut().for_each(|mean| mean.keep(tape));
        self.shares.keep(tape);
        tape.flag(&mut self.has_begun);
    }
}

fn gather(
    row: &mut Vec<f64>,
    members: &[Member],
    of: impl Fn(usize) -> bool,
    figure: impl Fn(&Member) -> f64,
) {
    row.clear();
    row.extend(members.iter().enumerate().filter(|(place, _)| of(*place)).map(|(_, member)| figure(member)));
}
