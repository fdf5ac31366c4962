//! Networks against ONNX Runtime, and files that are none. Goldens: scripts/goldens/onnx_models.py.
#![allow(clippy::unwrap_used, reason = "all of this is test code, helpers included")]

use std::path::{Path, PathBuf};

use serde_json::Value;
use tickrace_models::{OnnxConfig, OnnxModel, Output, read};
use tickrace_strategy::Model;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens").join(name)
}

fn config(file: &str, output: Output) -> OnnxConfig {
    OnnxConfig {
        file: golden(file),
        features: (0..5).map(|place| format!("feature_{place}")).collect(),
        mean: None,
        deviation: None,
        output,
        scale: 1.0,
        residual_deviation: (output == Output::Return).then_some(0.5),
    }
}

fn open(file: &str, output: Output) -> OnnxModel {
    OnnxModel::new(&config(file, output), std::fs::read(golden(file)).unwrap()).unwrap()
}

/// Rows of features, and what ONNX Runtime gave for each.
fn expected(name: &str) -> Vec<(Vec<f64>, Vec<f64>)> {
    let told: Value = serde_json::from_slice(&std::fs::read(golden("predictions.json")).unwrap()).unwrap();
    let numbers = |value: &Value| -> Vec<f64> {
        value.as_array().unwrap().iter().map(|one| one.as_f64().unwrap()).collect()
    };
    let rows = told["features"].as_array().unwrap();
    let predictions = told["predictions"][name].as_array().unwrap();
    rows.iter().zip(predictions).map(|(row, told)| (numbers(row), numbers(told))).collect()
}

#[test]
fn predictions_are_those_of_onnx_runtime() {
    // By the plan of dense layers, but for the one with a branch.
    for (name, is_general) in [("return", false), ("regressor", false), ("chain", false), ("branching", true)]
    {
        let mut model = open(&format!("{name}.onnx"), Output::Return);
        assert_eq!(model.is_general(), is_general, "{name}");
        for (row, told) in expected(name) {
            let got = model.predict(&row).unwrap().value;
            assert!((got - told[0]).abs() <= 1e-6 * told[0].abs().max(1.0), "{name}: {got} {told:?}");
        }
    }
    let mut confident = open("confident.onnx", Output::ReturnAndConfidence);
    let mut classifier = open("classifier.onnx", Output::Probability);
    for ((row, pair), (_, rise)) in expected("confident").into_iter().zip(expected("classifier")) {
        let got = confident.predict(&row).unwrap();
        assert!((got.value - pair[0]).abs() <= 1e-6 && (got.confidence - pair[1]).abs() <= 1e-6, "{got:?}");
        let got = classifier.predict(&row).unwrap();
        assert!((got.value - (2.0 * rise[0] - 1.0)).abs() <= 2e-6, "{got:?} {rise:?}");
        assert_eq!(got.confidence, got.value.abs());
    }
}

#[test]
fn features_are_standardised_before_the_network_sees_them() {
    let (row, _) = expected("return").remove(3);
    let mut plain = open("return.onnx", Output::Return);
    let mut config = config("return.onnx", Output::Return);
    let mean = [10.0, -3.0, 0.5, 100.0, 0.0];
    let deviation = [2.0, 0.25, 1.0, 8.0, 4.0];
    (config.mean, config.deviation) = (Some(mean.to_vec()), Some(deviation.to_vec()));
    let mut scaled = OnnxModel::new(&config, std::fs::read(golden("return.onnx")).unwrap()).unwrap();
    // Powers of two: nothing is lost in between but the last digits of the shift.
    let shifted: Vec<f64> = (0..5).map(|place| row[place] * deviation[place] + mean[place]).collect();
    let (plain, scaled) = (plain.predict(&row).unwrap(), scaled.predict(&shifted).unwrap());
    assert!((plain.value - scaled.value).abs() < 1e-6, "{plain:?} {scaled:?}");
}

#[test]
fn one_row_gives_one_prediction_in_every_copy_and_at_every_time() {
    let model = open("return.onnx", Output::Return);
    let rows = expected("return");
    let mut copies = [model.boxed(), model.boxed()];
    let first: Vec<_> = rows.iter().map(|(row, _)| copies[0].predict(row).unwrap()).collect();
    let backwards = rows.iter().rev().map(|(row, _)| copies[1].predict(row).unwrap());
    assert!(first.iter().rev().copied().eq(backwards), "bit for bit");
}

/// What is said of a network that is not taken.
fn refusal(config: &OnnxConfig, bytes: Vec<u8>) -> String {
    OnnxModel::new(config, bytes).map(|_| ()).unwrap_err()
}

#[test]
fn networks_of_another_shape_are_refused_in_words() {
    let bytes = |file: &str| std::fs::read(golden(file)).unwrap();
    let mut narrow = config("return.onnx", Output::Return);
    narrow.features.pop();
    let told = refusal(&narrow, bytes("return.onnx"));
    assert!(told.contains("[batch, 5]") && told.contains("[1, 4]"), "{told}");
    let told = refusal(&config("return.onnx", Output::ReturnAndConfidence), bytes("return.onnx"));
    assert!(told.contains("gives 1 numbers") && told.contains("is 2"), "{told}");
    let told = refusal(&config("confident.onnx", Output::Return), bytes("confident.onnx"));
    assert!(told.contains("gives 2 numbers"), "{told}");
    let told = refusal(&config("two_inputs.onnx", Output::Return), bytes("two_inputs.onnx"));
    assert!(told.contains("2 inputs"), "{told}");
    let told = refusal(&config("unknown_operator.onnx", Output::Return), bytes("unknown_operator.onnx"));
    assert!(told.contains("LinearRegressor"), "{told}");
}

#[test]
fn torn_and_altered_bytes_never_panic_and_a_torn_network_never_passes() {
    std::panic::set_hook(Box::new(|_| {}));
    let config = config("return.onnx", Output::Return);
    let whole = std::fs::read(golden("return.onnx")).unwrap();
    for length in 0..whole.len() {
        // Its last field names the version of the operators: without it nothing says what they mean.
        let told = OnnxModel::new(&config, whole[..length].to_vec());
        assert!(told.is_err(), "cut at {length} of {}", whole.len());
    }
    let mut place = 12_345_usize;
    for round in 0..600 {
        let mut altered = whole.clone();
        place = (place * 1_103_515_245 + 12_345) % (1 << 31);
        altered[place % whole.len()] ^= 1 << (round % 8);
        let _ = OnnxModel::new(&config, altered);
    }
}

fn model_file(text: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::copy(golden("return.onnx"), folder.path().join("return.onnx")).unwrap();
    read(&path).map(|_| ()).map_err(|error| error.to_string())
}

const NETWORK: &str = r#"kind = "onnx"
file = "return.onnx"
features = ["a", "b", "c", "d", "e"]
output = "return"
scale = 0.0001
residual_deviation = 0.0005
"#;

const LINEAR: &str = r#"kind = "linear"
link = "identity"
intercept = 0.0
residual_deviation = 0.0002
weight = [{ feature = "spread_bps", weight = 1.0, mean = 2.0, deviation = 1.0 }]
"#;

#[test]
fn every_fault_of_a_model_file_is_told_with_its_file_and_key() {
    assert_eq!((model_file(NETWORK), model_file(LINEAR)), (Ok(()), Ok(())));
    let missing = "residual_deviation = 0.0002\n";
    for (text, named) in [
        (NETWORK.replace("return.onnx", "gone.onnx"), "gone.onnx: cannot be read"),
        (NETWORK.replace(r#""a", "b""#, r#""a", "a""#), "features: a stands there twice"),
        (NETWORK.replace("scale = 0.0001", "scale = 0.0"), "scale: must be positive"),
        (NETWORK.replace("residual_deviation = 0.0005\n", ""), "residual_deviation"),
        (NETWORK.replace("\"return\"", "\"returns\""), "returns"),
        (format!("{NETWORK}mean = [0.0]\ndeviation = [1.0]\n"), "mean: has 1 numbers for 5 features"),
        (format!("{NETWORK}mean = [0.0, 0.0, 0.0, 0.0, 0.0]\n"), "mean: must be stated together"),
        (format!("{NETWORK}layers = 3\n"), "layers"),
        (LINEAR.replace("linear", "cubic"), "cubic"),
        (LINEAR.replace(missing, ""), "residual_deviation: must be stated"),
        (format!("scale = 1.0\n{LINEAR}"), "scale: has no meaning"),
        (LINEAR.replace("deviation = 1.0 }", "deviation = 0.0 }"), "weight[0].deviation (spread_bps)"),
        (LINEAR.replace("weight = 1.0", "weight = nan"), "weight[0].weight (spread_bps)"),
        (LINEAR.replace("mean", "means"), "means"),
        ("\u{0}".to_owned(), "model.toml"),
    ] {
        let told = model_file(&text).unwrap_err();
        assert!(told.contains(named) && (told.contains("model.toml") || named.contains("onnx")), "{told}");
    }
    let told = read(&golden("return.onnx")).unwrap_err().to_string();
    assert!(told.contains("no UTF-8"), "{told}");
}

#[test]
fn json_says_the_same_and_the_hash_covers_the_network() {
    let folder = tempfile::tempdir().unwrap();
    let [toml, json] = ["model.toml", "model.json"].map(|name| folder.path().join(name));
    std::fs::write(&toml, NETWORK).unwrap();
    let table: toml::Table = NETWORK.parse().unwrap();
    std::fs::write(&json, serde_json::to_string(&table).unwrap()).unwrap();
    let network = folder.path().join("return.onnx");
    std::fs::copy(golden("return.onnx"), &network).unwrap();
    let (row, _) = expected("return").remove(0);
    let [first, second] = [&toml, &json].map(|path| read(path).unwrap());
    assert_eq!(first.model.boxed().predict(&row), second.model.boxed().predict(&row));
    assert_ne!(first.blake3, second.blake3);
    assert_eq!(first.blake3, read(&toml).unwrap().blake3);
    // Another network of the same shape under the same text.
    let mut other = std::fs::read(&network).unwrap();
    let weight = other.len() / 2;
    other[weight] ^= 1;
    std::fs::write(&network, other).unwrap();
    assert_ne!(first.blake3, read(&toml).map_or(String::new(), |file| file.blake3));
}
