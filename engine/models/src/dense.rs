//! Networks of one row after another, evaluated in place: dense layers, scalings and activations in a chain.
//!
//! Most networks that predict the next seconds are such chains, and small. This plan of one holds its weights by input, keeps two
//! rows of its own and takes nothing while it runs: no memory, no thread, no vector instruction that another processor lacks. Sums
//! are taken in the order of the inputs, and functions come from `libm`, so that the same row gives the same bits everywhere.
//!
//! [`Dense::of`] gives nothing where a network is more than that, and whoever asks uses the general runtime.
//!
//! Source of the operators: ONNX, "Operator Schemas", versions of operator set 9 and later.

use rten_onnx::onnx::{DataType, GraphProto, ModelProto, NodeProto, TensorProto};

/// One step on a row.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    /// `y[o] = bias[o] + sum over i of x[i] weight[i][o]`; weights by input, then output.
    Affine { weights: Box<[f32]>, bias: Box<[f32]> },
    /// `y = x * times + plus`, by place.
    Scale { times: Box<[f32]>, plus: Box<[f32]> },
    /// `y = x / by`, by place: a product with the reciprocal would round twice.
    Divide { by: Box<[f32]> },
    /// A function of each number alone.
    Each(Activation),
    /// `exp(x - max) / sum of exp(x - max)`.
    Softmax,
}

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Activation {
    Relu,
    LeakyRelu(f32),
    Elu(f32),
    Tanh,
    Sigmoid,
    Softplus,
    Clip(f32, f32),
}

impl Activation {
    #[inline]
    fn of(self, x: f32) -> f32 {
        match self {
            Self::Relu => x.max(0.0),
            Self::LeakyRelu(slope) => {
                if x < 0.0 {
                    slope * x
                } else {
                    x
                }
            }
            Self::Elu(scale) => {
                if x < 0.0 {
                    scale * libm::expm1f(x)
                } else {
                    x
                }
            }
            Self::Tanh => libm::tanhf(x),
            Self::Sigmoid => 1.0 / (1.0 + libm::expf(-x)),
            Self::Softplus => x.max(0.0) + libm::log1pf(libm::expf(-x.abs())),
            Self::Clip(low, high) => x.max(low).min(high),
        }
    }
}

/// A chain of steps with the rows it works on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dense {
    steps: Box<[Step]>,
    width: usize,
    /// The row now, and the one a step writes; as wide as the widest.
    row: Box<[f32]>,
    next: Box<[f32]>,
}

impl Dense {
    /// The plan of a network that takes one row of `width` numbers, where it is such a chain.
    pub fn of(bytes: &[u8], width: usize) -> Option<Self> {
        let graph = ModelProto::parse_buf(bytes).ok()?.graph?;
        let constants = Constants(&graph);
        let input = graph.input.iter().filter_map(|value| value.name.as_deref());
        let mut inputs = input.filter(|name| constants.find(name).is_none());
        let (mut at, None) = (inputs.next()?, inputs.next()) else { return None };
        let end = graph.output.first()?.name.as_deref()?;
        let (mut steps, mut now, mut widest) = (Vec::new(), width, width);
        // Every node is passed at most once.
        for _ in 0..=graph.node.len() {
            if at == end {
                let blank = || vec![0.0; widest].into_boxed_slice();
                return Some(Self { steps: steps.into(), width, row: blank(), next: blank() });
            }
            let mut readers = graph.node.iter().filter(|node| node.input.iter().any(|name| name == at));
            let (node, None) = (readers.next()?, readers.next()) else { return None };
            if let Some(step) = step(node, at, now, &constants)? {
                if let Step::Affine { bias, .. } = &step {
                    now = bias.len();
                }
                steps.push(step);
            }
            widest = widest.max(now);
            at = node.output.first()?;
        }
        None
    }

    /// The place to write a row of input into.
    pub fn input(&mut self) -> &mut [f32] {
        &mut self.row[..self.width]
    }

    /// Runs the chain on the row written last; the row that comes out.
    pub fn run(&mut self) -> &[f32] {
        let mut now = self.width;
        for step in &self.steps {
            let row = &mut self.row[..now];
            match step {
                Step::Affine { weights, bias } => {
                    let next = &mut self.next[..bias.len()];
                    next.copy_from_slice(bias);
                    for (x, column) in row.iter().zip(weights.chunks_exact(bias.len())) {
                        for (sum, weight) in next.iter_mut().zip(column) {
                            *sum += x * weight;
                        }
                    }
                    now = bias.len();
                    std::mem::swap(&mut self.row, &mut self.next);
                }
                Step::Scale { times, plus } => {
                    for ((x, times), plus) in row.iter_mut().zip(times).zip(plus) {
                        *x = *x * times + plus;
                    }
                }
                Step::Divide { by } => row.iter_mut().zip(by).for_each(|(x, by)| *x /= by),
                Step::Each(function) => row.iter_mut().for_each(|x| *x = function.of(*x)),
                Step::Softmax => {
                    let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                    let mut sum = 0.0;
                    for x in row.iter_mut() {
                        *x = libm::expf(*x - most);
                        sum += *x;
                    }
                    row.iter_mut().for_each(|x| *x /= sum);
                }
            }
        }
        &self.row[..now]
    }
}

/// Numbers that stand in the file.
struct Constants<'a>(&'a GraphProto);

impl Constants<'_> {
    fn find(&self, name: &str) -> Option<&TensorProto> {
        let made = |node: &&NodeProto| {
            node.op_type.as_deref() == Some("Constant") && node.output.first().is_some_and(|out| out == name)
        };
        let stored = self.0.initializer.iter().find(|tensor| tensor.name.as_deref() == Some(name));
        stored.or_else(|| {
            let node = self.0.node.iter().find(made)?;
            node.attribute.iter().find(|one| one.name.as_deref() == Some("value"))?.t.as_ref()
        })
    }

    /// Shape and numbers of a tensor in single precision that stands in the file itself.
    fn numbers(&self, name: &str) -> Option<(Vec<usize>, Vec<f32>)> {
        let tensor = self.find(name)?;
        if tensor.data_type != Some(DataType::FLOAT) || !tensor.external_data.is_empty() {
            return None;
        }
        let shape: Vec<usize> =
            tensor.dims.iter().map(|size| usize::try_from(*size).ok()).collect::<Option<_>>()?;
        let values: Vec<f32> = match &tensor.raw_data {
            Some(raw) => {
                let raw = raw.borrow();
                raw.chunks_exact(4).map(|one| f32::from_le_bytes([one[0], one[1], one[2], one[3]])).collect()
            }
            None => tensor.float_data.clone(),
        };
        let count = shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size))?;
        (values.len() == count).then_some((shape, values))
    }

    /// One number for each place of a row.
    fn row(&self, name: &str, width: usize) -> Option<Box<[f32]>> {
        let (shape, values) = self.numbers(name)?;
        // A constant that made the row a table is more than a chain.
        let is_row = shape.iter().rev().skip(1).all(|size| *size == 1);
        match values.len() {
            1 => Some(vec![values[0]; width].into()),
            count if count == width && is_row => Some(values.into()),
            _ => None,
        }
    }
}

/// The attribute of a node that is a number, with what stands for it where it is left out.
fn real(node: &NodeProto, name: &str, absent: f32) -> f32 {
    let found = node.attribute.iter().find(|one| one.name.as_deref() == Some(name));
    found.and_then(|one| one.f).unwrap_or(absent)
}

fn whole(node: &NodeProto, name: &str, absent: i64) -> i64 {
    let found = node.attribute.iter().find(|one| one.name.as_deref() == Some(name));
    found.and_then(|one| one.i).unwrap_or(absent)
}

/// The step of a node that reads `at`, of `width` numbers: outer `None` where it is none of a chain, inner where it changes
/// no number.
fn step(node: &NodeProto, at: &str, width: usize, constants: &Constants<'_>) -> Option<Option<Step>> {
    if node.domain.as_deref().is_some_and(|domain| !domain.is_empty() && domain != "ai.onnx") {
        return None;
    }
    let is_first = node.input.first().is_some_and(|name| name == at);
    let other = || node.input.get(usize::from(is_first)).filter(|_| node.input.len() == 2);
    let row = |name: Option<&String>| constants.row(name?, width);
    let of = |times: f32, plus: Box<[f32]>| Step::Scale { times: vec![times; width].into(), plus };
    let negated = |row: Box<[f32]>| row.iter().map(|value| -value).collect::<Box<[f32]>>();
    let step = match node.op_type.as_deref()? {
        "Gemm" if is_first && whole(node, "transA", 0) == 0 => {
            let bias = node.input.get(2).filter(|name| !name.is_empty());
            let is_turned = whole(node, "transB", 0) != 0;
            let scales = (real(node, "alpha", 1.0), real(node, "beta", 1.0));
            affine(constants, (node.input.get(1)?, is_turned), bias, scales, width)?
        }
        "MatMul" if is_first => affine(constants, (node.input.get(1)?, false), None, (1.0, 1.0), width)?,
        "Add" => of(1.0, row(other())?),
        "Sub" if is_first => of(1.0, negated(row(other())?)),
        "Sub" => of(-1.0, row(other())?),
        "Mul" => Step::Scale { times: row(other())?, plus: vec![0.0; width].into() },
        "Div" if is_first => Step::Divide { by: row(other())? },
        "Relu" => Step::Each(Activation::Relu),
        "LeakyRelu" => Step::Each(Activation::LeakyRelu(real(node, "alpha", 0.01))),
        "Elu" => Step::Each(Activation::Elu(real(node, "alpha", 1.0))),
        "Tanh" => Step::Each(Activation::Tanh),
        "Sigmoid" => Step::Each(Activation::Sigmoid),
        "Softplus" => Step::Each(Activation::Softplus),
        "Clip" if is_first => {
            let bound = |place: usize, name: &str, absent: f32| match node.input.get(place) {
                Some(bound) if !bound.is_empty() => Some(constants.row(bound, 1)?[0]),
                _ => Some(real(node, name, absent)),
            };
            let (low, high) = (bound(1, "min", f32::NEG_INFINITY)?, bound(2, "max", f32::INFINITY)?);
            Step::Each(Activation::Clip(low, high))
        }
        "Softmax" if matches!(whole(node, "axis", -1), -1 | 1) => Step::Softmax,
        // A row stays what it is; a shape that made it more is found out where the plan is compared with the runtime.
        "Identity" | "Dropout" | "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" if is_first => {
            return Some(None);
        }
        "Cast" if whole(node, "to", 0) == i64::from(DataType::FLOAT.0) => return Some(None),
        _ => return None,
    };
    Some(Some(step))
}

/// `y = alpha x w + beta bias`, the two factors put into the numbers.
fn affine(
    constants: &Constants<'_>,
    (weights, is_turned): (&str, bool),
    bias: Option<&String>,
    (alpha, beta): (f32, f32),
    width: usize,
) -> Option<Step> {
    let (shape, values) = constants.numbers(weights)?;
    let [rows, columns] = shape[..] else { return None };
    let (inputs, outputs) = if is_turned { (columns, rows) } else { (rows, columns) };
    if inputs != width || outputs == 0 {
        return None;
    }
    let weight = |input: usize, output: usize| {
        alpha * values[if is_turned { output * columns + input } else { input * columns + output }]
    };
    let weights = (0..inputs).flat_map(|input| (0..outputs).map(move |output| (input, output)));
    let bias = match bias {
        Some(name) => constants.row(name, outputs)?.iter().map(|value| beta * value).collect(),
        None => vec![0.0; outputs].into(),
    };
    Some(Step::Affine { weights: weights.map(|(input, output)| weight(input, output)).collect(), bias })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_those_of_the_operator_schemas() {
        // Values worked out by hand from the schemas' formulas, to seven digits.
        for (function, x, y) in [
            (Activation::Relu, -1.5, 0.0),
            (Activation::LeakyRelu(0.01), -2.0, -0.02),
            (Activation::Elu(2.0), -1.0, -1.264_241_1),
            (Activation::Tanh, 0.5, 0.462_117_2),
            (Activation::Sigmoid, -2.0, 0.119_202_92),
            (Activation::Softplus, 1.0, 1.313_261_7),
            (Activation::Softplus, 100.0, 100.0),
            (Activation::Clip(-1.0, 2.0), 3.0, 2.0),
        ] {
            assert!((function.of(x) - y).abs() < 1e-6, "{function:?} of {x}: {}", function.of(x));
        }
    }

    #[test]
    fn a_chain_of_all_steps_is_what_one_works_out_by_hand() {
        let steps = [
            Step::Scale { times: [2.0, 1.0].into(), plus: [0.0, -1.0].into() },
            // Two in, three out.
            Step::Affine { weights: [1.0, 2.0, 3.0, 4.0, 5.0, 6.0].into(), bias: [0.5, 0.0, -20.0].into() },
            Step::Each(Activation::Relu),
            Step::Divide { by: [2.0, 4.0, 1.0].into() },
            Step::Softmax,
        ];
        let blank = || vec![0.0; 3].into_boxed_slice();
        let mut dense = Dense { steps: steps.into(), width: 2, row: blank(), next: blank() };
        for _ in 0..2 {
            dense.input().copy_from_slice(&[1.0, 2.0]);
            // (2, 1) -> (6.5, 9, -8) -> (6.5, 9, 0) -> (3.25, 2.25, 0).
            let powers = [3.25_f32.exp(), 2.25_f32.exp(), 1.0];
            let sum: f32 = powers.iter().sum();
            for (got, power) in dense.run().iter().zip(powers) {
                assert!((got - power / sum).abs() < 1e-6, "{got}");
            }
        }
    }
}
