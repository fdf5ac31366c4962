//! Weights by groups of groups: each group's weight is shared by what is in it.
//!
//! What is left out leaves its share to its own group; an empty group leaves its share to its neighbours. Weights are brought
//! to a sum of 1 within each group; where groups count more the more there is in them, all together sum to more than 1.
//!
//! Source: `auto_weight_from_grouping` of pysystemtrade 1.80.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Weights by groups, in the words of the reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grouped {
    /// The tree and how it is read.
    pub auto_weight_from_grouping: Grouping,
}

/// A tree and how it is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grouping {
    /// How it is read.
    #[serde(default)]
    pub parameters: GroupTerms,
    /// The groups, by name.
    pub groups: BTreeMap<String, Node>,
}

/// How a tree is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GroupTerms {
    /// Whether a group counts more the more there is in it: `n^(1 / 2 level)`.
    #[serde(rename = "use_approx_DM")]
    pub use_approx_dm: bool,
    /// Whether rules that cost more than `forecast_post_ceiling_cost_SR` leave their share to their group.
    #[serde(rename = "apply_forecast_post_ceiling_cost_SR_before_weighting")]
    pub leaves_out_expensive: bool,
}

/// A name's weight, or a group: names to nodes, and `weight` for its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Node {
    /// A weight.
    Weight(f64),
    /// A group.
    Group(BTreeMap<String, Self>),
}

/// Key of a group's own weight.
const WEIGHT: &str = "weight";

impl Grouping {
    /// What is wrong with it, if anything: a group holds either names or groups, weights are above zero, and no name stands twice.
    pub fn fault(&self) -> Option<String> {
        fault_of("groups", &self.groups).or_else(|| {
            let mut names = Vec::new();
            names_of(&self.groups, &mut names);
            names.sort_unstable();
            let twice = names.windows(2).find(|pair| pair[0] == pair[1])?;
            Some(format!("{} stands in two groups", twice[0]))
        })
    }

    /// Names with a weight, in order.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        names_of(&self.groups, &mut names);
        names.sort_unstable();
        names.into_iter().map(str::to_owned).collect()
    }

    /// Weights by name, without what is left out.
    pub fn weights(&self, is_left_out: &impl Fn(&str) -> bool) -> BTreeMap<String, f64> {
        let mut flat = BTreeMap::new();
        if let Some(tree) = Tree::of(&self.groups, is_left_out) {
            tree.resolve(self.parameters.use_approx_dm, 1, 1.0, &mut flat);
        }
        flat
    }
}

fn fault_of(name: &str, group: &BTreeMap<String, Node>) -> Option<String> {
    let members = || group.iter().filter(|(key, _)| *key != WEIGHT);
    let groups = members().filter(|(_, node)| matches!(node, Node::Group(_))).count();
    if groups != 0 && groups != members().count() {
        return Some(format!("{name} holds both names and groups"));
    }
    for (key, node) in group {
        match node {
            Node::Weight(weight) if !(weight.is_finite() && *weight > 0.0) => {
                return Some(format!("{name}.{key} must be above zero"));
            }
            Node::Group(_) if key == WEIGHT => return Some(format!("{name}.weight must be a number")),
            Node::Weight(_) => {}
            Node::Group(below) => {
                if let Some(fault) = fault_of(&format!("{name}.{key}"), below) {
                    return Some(fault);
                }
            }
        }
    }
    (members().count() == 0).then(|| format!("{name} is empty"))
}

fn names_of<'a>(group: &'a BTreeMap<String, Node>, names: &mut Vec<&'a str>) {
    for (key, node) in group {
        match node {
            Node::Weight(_) if key == WEIGHT => {}
            Node::Weight(_) => names.push(key),
            Node::Group(below) => names_of(below, names),
        }
    }
}

/// A group as far as it is not left out.
struct Tree<'a> {
    weight: f64,
    parts: Vec<Part<'a>>,
}

enum Part<'a> {
    Name(&'a str, f64),
    Group(Tree<'a>),
}

impl<'a> Tree<'a> {
    /// None where nothing is left. Weights of its parts have sum 1.
    fn of(group: &'a BTreeMap<String, Node>, is_left_out: &impl Fn(&str) -> bool) -> Option<Self> {
        let mut tree = Self { weight: 1.0, parts: Vec::new() };
        for (key, node) in group {
            match node {
                Node::Weight(weight) if key == WEIGHT => tree.weight = *weight,
                Node::Weight(_) if is_left_out(key) => {}
                Node::Weight(weight) => tree.parts.push(Part::Name(key, *weight)),
                Node::Group(below) => tree.parts.extend(Self::of(below, is_left_out).map(Part::Group)),
            }
        }
        let sum: f64 = tree.parts.iter().map(Part::weight).sum();
        for part in &mut tree.parts {
            match part {
                Part::Name(_, weight) | Part::Group(Tree { weight, .. }) => *weight /= sum,
            }
        }
        (!tree.parts.is_empty()).then_some(tree)
    }

    fn resolve(&self, is_diversified: bool, level: u8, multiplier: f64, flat: &mut BTreeMap<String, f64>) {
        let diversification = match is_diversified {
            true => (self.parts.len() as f64).powf(0.5 / f64::from(level)),
            false => 1.0,
        };
        let multiplier = multiplier * diversification * self.weight;
        for part in &self.parts {
            match part {
                Part::Name(name, weight) => {
                    flat.insert((*name).to_owned(), weight * multiplier);
                }
                Part::Group(tree) => tree.resolve(is_diversified, level.saturating_add(1), multiplier, flat),
            }
        }
    }
}

impl Part<'_> {
    fn weight(&self) -> f64 {
        match self {
            Self::Name(_, weight) | Self::Group(Tree { weight, .. }) => *weight,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Grouping {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_share_that_is_left_out_stays_in_its_group() {
        let all = tree(
            r#"{"groups": {"trend": {"weight": 0.75, "a": 1.0, "b": 3.0}, "carry": {"weight": 0.25, "c": 1.0}}}"#,
        );
        assert_eq!(all.names(), ["a", "b", "c"]);
        assert!(all.fault().is_none());
        let weights = |left_out: &'static str| all.weights(&|name: &str| left_out.contains(name));
        assert_eq!(weights("")["b"], 0.5625);
        assert_eq!(weights("b"), [("a".to_owned(), 0.75), ("c".to_owned(), 0.25)].into());
        assert_eq!(weights("ab"), [("c".to_owned(), 1.0)].into());
        assert!(weights("abc").is_empty());
    }

    #[test]
    fn a_tree_that_makes_no_sense_is_named() {
        for (text, fault) in [
            (r#"{"groups": {"x": {"a": 1.0, "y": {"b": 1.0}}}}"#, "groups.x holds both names and groups"),
            (r#"{"groups": {"x": {"a": 0.0}}}"#, "groups.x.a must be above zero"),
            (r#"{"groups": {"x": {"weight": 1.0}}}"#, "groups.x is empty"),
            (r#"{"groups": {"x": {"a": 1.0}, "y": {"a": 1.0}}}"#, "a stands in two groups"),
        ] {
            assert_eq!(tree(text).fault().as_deref(), Some(fault));
        }
    }
}
