//! Models and features: one prediction of a linear model and of a network, and one event through the example features.
//!
//! The linear model is the network's peer: what the same decision costs without a runtime.
#![allow(missing_docs, clippy::unwrap_used, reason = "a bench, not a library")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use tickrace_models::{OnnxConfig, OnnxModel, Output};
use tickrace_strategy::{FeatureSet, FeaturesConfig, Model};
use tickrace_tests::data::{config, workspace};
use tickrace_types::{Flags, Header, Instrument, Kind, Phase, Record, TopOfBook};

fn predict(criterion: &mut Criterion) {
    let linear = tickrace_models::read(config("models/next_ten_seconds.toml").as_ref()).unwrap();
    let mut linear = linear.model.boxed();
    let row = vec![0.5; linear.features().len()];
    criterion.bench_function("model/predict_linear", |bencher| {
        bencher.iter(|| linear.predict(black_box(&row)));
    });
    let file = workspace().join("engine/models/tests/goldens/return.onnx");
    let bytes = std::fs::read(&file).unwrap();
    let features = (0..5).map(|place| format!("feature_{place}")).collect();
    let (mean, deviation) = (None, None);
    let (output, residual_deviation) = (Output::Return, Some(0.5));
    let config = OnnxConfig { file, features, mean, deviation, output, scale: 1.0, residual_deviation };
    let mut network = OnnxModel::new(&config, bytes).unwrap();
    criterion.bench_function("model/predict_onnx", |bencher| {
        bencher.iter(|| network.predict(black_box(&[0.1, 0.2, 0.3, 0.4, 0.5])));
    });
}

fn features(criterion: &mut Criterion) {
    let text = std::fs::read_to_string(config("features/touch.toml")).unwrap();
    let config: FeaturesConfig = toml::from_str(&text).unwrap();
    let mut set = FeatureSet::new(&config, &Instrument::us_equity("AAPL"));
    let mut now_ns = 1_340_285_400_000_000_000;
    let mut top = TopOfBook {
        bid_px: 99_990_000_000,
        ask_px: 100_010_000_000,
        bid_qty: 100,
        ask_qty: 100,
        phase: Phase::Continuous as u8,
        ..TopOfBook::default()
    };
    // A millisecond apart, lots of the touch changing: one event in a thousand takes a row.
    criterion.bench_function("model/features_event", |bencher| {
        bencher.iter(|| {
            now_ns += 1_000_000;
            top.bid_qty = 100 + u32::from(now_ns % 7_000_000 == 0);
            let kind = Kind::Notice as u8;
            let header = Header { kind, flags: Flags::END_OF_EVENT, ts_recv_ns: now_ns, ..Header::default() };
            let record = Record { header, ..Record::default() };
            black_box(set.on_record(&record, &top, now_ns).is_some())
        });
    });
}

criterion_group!(benches, predict, features);
criterion_main!(benches);
