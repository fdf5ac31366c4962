#!/usr/bin/env python3
"""Writes small ONNX models and what ONNX Runtime predicts with them, for the tests of `engine/models`.

    pip install numpy onnx onnxruntime scikit-learn skl2onnx
    python3 scripts/goldens/onnx_models.py engine/models/tests/goldens

Made: return.onnx (a perceptron with two hidden layers, one return), confident.onnx (the same with a confidence),
classifier.onnx (probability of a rise), regressor.onnx (fitted by scikit-learn, converted by skl2onnx), chain.onnx (every
operator of a plan of dense layers), branching.onnx (a connection past a layer), and two that must be
refused: unknown_operator.onnx (a linear regression in the operators of ai.onnx.ml) and two_inputs.onnx. Predictions stand in
predictions.json with the features they are of.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor

FEATURES = 5


def perceptron(rng, outputs, last=None):
    """Features of unknown batch size through tanh and relu layers; the last operator bounds the output."""
    sizes = [FEATURES, 12, 7, outputs]
    nodes, weights, name = [], [], "features"
    for layer, (rows, columns) in enumerate(zip(sizes, sizes[1:])):
        w = (rng.standard_normal((rows, columns)) / np.sqrt(rows)).astype(np.float32)
        b = (0.1 * rng.standard_normal(columns)).astype(np.float32)
        weights += [numpy_helper.from_array(w, f"w{layer}"), numpy_helper.from_array(b, f"b{layer}")]
        is_last = layer == len(sizes) - 2
        nodes.append(helper.make_node("Gemm", [name, f"w{layer}", f"b{layer}"], [f"sum{layer}"]))
        operator = last if is_last else ("Tanh" if layer == 0 else "Relu")
        name = f"sum{layer}"
        if operator:
            nodes.append(helper.make_node(operator, [name], [f"out{layer}"]))
            name = f"out{layer}"
    graph = helper.make_graph(
        nodes,
        "perceptron",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["batch", FEATURES])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", outputs])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def chain(rng):
    """Every operator that a plan of dense layers knows, one after another, and weights stated both ways round."""
    weights, nodes, name = [], [], "features"

    def constant(label, values):
        weights.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), label))
        return label

    def then(operator, *others, first=True, **attributes):
        nonlocal name
        inputs = [name, *others] if first else [*others, name]
        nodes.append(helper.make_node(operator, inputs, [f"at{len(nodes)}"], **attributes))
        name = f"at{len(nodes) - 1}"

    then("Sub", constant("mean", rng.standard_normal(FEATURES)))
    then("Div", constant("deviation", 0.5 + rng.random((1, FEATURES))))
    then("MatMul", constant("w0", rng.standard_normal((FEATURES, 9)) / 2))
    then("Add", constant("b0", rng.standard_normal(9)), first=False)
    then("LeakyRelu", alpha=0.2)
    then("Gemm", constant("w1", rng.standard_normal((11, 9)) / 3), constant("b1", rng.standard_normal(11)), transB=1, alpha=0.5, beta=2.0)
    then("Elu", alpha=1.5)
    then("Mul", constant("half", 0.5))
    then("Sub", constant("one", [1.0]), first=False)
    then("Clip", constant("low", -1.5), constant("high", 2.5))
    then("Gemm", constant("w2", rng.standard_normal((11, 6)) / 3))
    then("Softplus")
    then("Reshape", "shape")
    weights.append(numpy_helper.from_array(np.asarray([1, 6], dtype=np.int64), "shape"))
    then("Softmax", axis=1)
    then("Gemm", constant("w3", rng.standard_normal((6, 1))), constant("b3", [0.1]))
    then("Identity")
    return network(nodes, name, weights, 1)


def branching(rng):
    """A connection past a layer, which is no chain."""
    weights = [
        numpy_helper.from_array((rng.standard_normal((FEATURES, FEATURES)) / 2).astype(np.float32), "w0"),
        numpy_helper.from_array(rng.standard_normal((FEATURES, 1)).astype(np.float32), "w1"),
    ]
    nodes = [
        helper.make_node("MatMul", ["features", "w0"], ["layer"]),
        helper.make_node("Relu", ["layer"], ["bent"]),
        helper.make_node("Add", ["bent", "features"], ["past"]),
        helper.make_node("MatMul", ["past", "w1"], ["return"]),
    ]
    return network(nodes, "return", weights, 1)


def network(nodes, name, weights, outputs):
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, FEATURES])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, outputs])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def two_inputs():
    """Adds two inputs: a model that takes no single row of features."""
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, FEATURES]) for name in "abc"]
    graph = helper.make_graph([helper.make_node("Add", ["a", "b"], ["c"])], "two", values[:2], values[2:])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def main(folder):
    rng = np.random.default_rng(7)
    folder.mkdir(parents=True, exist_ok=True)
    x = rng.standard_normal((400, FEATURES)).astype(np.float32)
    y = np.tanh(x[:, 0] - 0.5 * x[:, 1] * x[:, 2]) + 0.1 * rng.standard_normal(400)
    regressor = MLPRegressor(hidden_layer_sizes=(16, 8), max_iter=400, random_state=1).fit(x, y)
    models = {
        "return": perceptron(rng, 1),
        "confident": perceptron(rng, 2, "Sigmoid"),
        "classifier": perceptron(rng, 1, "Sigmoid"),
        "regressor": to_onnx(regressor, x[:1], target_opset=17),
        "unknown_operator": to_onnx(LinearRegression().fit(x, y), x[:1], target_opset=17),
        "two_inputs": two_inputs(),
        # Of a generator of their own: what stands above stays as it was.
        "chain": chain(np.random.default_rng(11)),
        "branching": branching(np.random.default_rng(12)),
    }
    rows = (3.0 * rng.standard_normal((25, FEATURES))).astype(np.float32)
    told = {"features": rows.astype(float).tolist(), "predictions": {}}
    for name, model in models.items():
        (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
        print(name, sorted({node.op_type for node in model.graph.node}), [o.name for o in model.graph.output])
        if name in ("unknown_operator", "two_inputs"):
            continue
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        inputs = session.get_inputs()[0].name
        out = [session.run(None, {inputs: row[None, :]})[0].reshape(-1).astype(float).tolist() for row in rows]
        told["predictions"][name] = out
    (folder / "predictions.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
