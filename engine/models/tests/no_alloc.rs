//! A network of dense layers is asked without an allocation; the general runtime takes some, so that the counter sees them.
#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

use std::hint::black_box;
use std::path::Path;

use tickrace_models::{OnnxConfig, OnnxModel, Output};
use tickrace_runtime::seal::{Seal, SealedAlloc, seal_thread, sealed_calls};
use tickrace_strategy::Model;

#[global_allocator]
static ALLOCATOR: SealedAlloc = SealedAlloc;

/// Calls of the allocator over a thousand predictions.
fn calls(name: &str) -> u64 {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name);
    let config = OnnxConfig {
        file: file.clone(),
        features: (0..5).map(|place| format!("feature_{place}")).collect(),
        mean: Some(vec![0.1; 5]),
        deviation: Some(vec![2.0; 5]),
        output: Output::Return,
        scale: 1.0,
        residual_deviation: Some(0.5),
    };
    let mut model = OnnxModel::new(&config, std::fs::read(file).unwrap()).unwrap().boxed();
    let mut row = [0.3, -1.0, 2.0, 0.0, 0.7];
    let before = sealed_calls();
    let guard = seal_thread(Seal::Count);
    for _ in 0..1_000 {
        row.rotate_left(1);
        black_box(model.predict(black_box(&row)));
    }
    drop(guard);
    sealed_calls() - before
}

/// One test, because the counter is the process's.
#[test]
fn a_chain_of_dense_layers_takes_no_memory_and_another_network_does() {
    for chain in ["return.onnx", "regressor.onnx", "chain.onnx"] {
        assert_eq!(calls(chain), 0, "{chain}");
    }
    assert!(calls("branching.onnx") > 0);
}
