// Makes the golden models of this folder with TensorFlow.js, each with inputs and outputs:
//   npm install @tensorflow/tfjs@4.22.0
//   NODE_MODULES=$PWD/node_modules node generate.mjs FOLDER
import {createRequire} from 'module';
import fs from 'fs';
import path from 'path';

const require = createRequire(path.join(process.env.NODE_MODULES, 'x.js'));
const layers = require('@tensorflow/tfjs');
const tf = layers;
const L = layers.layers;
const folder = process.argv[2];

// The same numbers at every run.
let seed = 1;
function number() {
  seed = (seed * 16807) % 2147483647;
  return seed / 2147483647 - 0.5;
}
function random(shape) {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(Float32Array.from({length: size}, number), shape);
}
function ids(shape, below) {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(Float32Array.from({length: size}, () => Math.floor((number() + 0.5) * below)), shape);
}
function sequential(...list) {
  const model = layers.sequential();
  list.forEach((layer) => model.add(layer));
  return model;
}

function setWeights(model) {
  const weights = model.weights.map((w) => {
    const value = random(w.shape);
    return w.originalName.endsWith('moving_variance') ? value.add(1) : value.mul(1.6);
  });
  model.weights.forEach((w, i) => w.write(weights[i]));
}

// As the converter quantizes; every weight is cut to the type's grid.
function quantized(artifacts, dtype) {
  const data = new Float32Array(artifacts.weightData);
  const parts = [];
  let at = 0;
  for (const spec of artifacts.weightSpecs) {
    const size = spec.shape.reduce((a, b) => a * b, 1);
    const values = data.subarray(at, at + size);
    at += size;
    if (dtype === 'float16') {
      spec.quantization = {dtype, original_dtype: 'float32'};
      parts.push(Buffer.from(Uint16Array.from(values, half).buffer));
      continue;
    }
    const most = dtype === 'uint8' ? 255 : 65535;
    const min = Math.min(...values);
    const scale = (Math.max(...values) - min) / most;
    spec.quantization = {dtype, scale, min, original_dtype: 'float32'};
    const type = dtype === 'uint8' ? Uint8Array : Uint16Array;
    parts.push(Buffer.from(type.from(values, (v) => Math.round((v - min) / scale)).buffer));
  }
  const joined = Buffer.concat(parts);
  artifacts.weightData =
      joined.buffer.slice(joined.byteOffset, joined.byteOffset + joined.length);
}
// Normal numbers only, cut towards zero.
function half(value) {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0];
  const exponent = ((bits >> 23) & 255) - 112;
  return exponent <= 0 ? 0 : ((bits >>> 16) & 0x8000) | (exponent << 10) | ((bits >> 13) & 0x3ff);
}

async function write(name, model, inputs, {dtype = null, shards = 1} = {}) {
  setWeights(model);
  let artifacts;
  await model.save({save: async (a) => {
    artifacts = a;
    return {modelArtifactsInfo: {dateSaved: new Date(0), modelTopologyType: 'JSON'}};
  }});
  artifacts.weightData = await new Blob([].concat(artifacts.weightData)).arrayBuffer();
  if (dtype) {
    quantized(artifacts, dtype);
    model = await layers.loadLayersModel({load: async () => structuredClone(artifacts)});
  }
  const outputs = [].concat(model.predict(inputs.length === 1 ? inputs[0] : inputs));
  const target = path.join(folder, name);
  fs.mkdirSync(target, {recursive: true});
  const bytes = Buffer.from(artifacts.weightData);
  const size = Math.ceil(bytes.length / shards);
  const paths = [];
  for (let i = 0; i < shards; i++) {
    paths.push(`group1-shard${i + 1}of${shards}.bin`);
    fs.writeFileSync(path.join(target, paths[i]), bytes.subarray(i * size, (i + 1) * size));
  }
  const json = {
    format: 'layers-model', generatedBy: artifacts.generatedBy, convertedBy: null,
    modelTopology: artifacts.modelTopology,
    weightsManifest: [{paths, weights: artifacts.weightSpecs}],
  };
  fs.writeFileSync(path.join(target, 'model.json'), JSON.stringify(json));
  const array = (x) => x.arraySync();
  fs.writeFileSync(path.join(target, 'golden.json'),
      JSON.stringify({inputs: inputs.map(array), outputs: outputs.map(array)}));
}

await tf.setBackend('cpu');
const x = () => random([2, 5, 3]);
const shape = {inputShape: [5, 3]};
await write('lstm', sequential(L.lstm({units: 4, ...shape}), L.dense({units: 2})), [x()]);
await write('gru', sequential(L.gru({units: 4, ...shape})), [x()]);
await write('simple_rnn', sequential(L.simpleRNN({units: 4, ...shape})), [x()]);
await write('stacked', sequential(
    L.lstm({units: 3, returnSequences: true, ...shape}),
    L.lstm({units: 3, returnSequences: true}),
    L.gru({units: 3, recurrentActivation: 'sigmoid'})), [x()], {shards: 3});
await write('bidirectional', sequential(L.bidirectional(
    {layer: L.lstm({units: 3, returnSequences: true}), mergeMode: 'concat', ...shape})), [x()]);
await write('masked', sequential(
    L.embedding({inputDim: 4, outputDim: 3, maskZero: true, inputLength: 5}),
    L.lstm({units: 3, returnSequences: true}), L.gru({units: 2})), [ids([6, 5], 4)]);
await write('stateful', sequential(
    L.lstm({units: 3, stateful: true, batchInputShape: [2, 5, 3]})), [x()]);
await write('distributed', sequential(
    L.timeDistributed({layer: L.dense({units: 4, activation: 'hardSigmoid'}), ...shape}),
    L.gru({units: 2})), [x()]);
const normal = L.batchNormalization({});
await write('normalized', sequential(
    L.conv1d({filters: 4, kernelSize: 2, activation: 'relu', ...shape}), normal,
    L.lstm({units: 2})), [x()]);
const inner = sequential(L.lstm({units: 3, ...shape}), L.dense({units: 2}));
await write('nested', sequential(inner, L.dense({units: 2})), [x()]);
const a = layers.input({shape: [5, 3], name: 'a'});
const b = layers.input({shape: [4, 2], name: 'b'});
const joined = L.concatenate().apply([L.lstm({units: 3}).apply(a), L.lstm({units: 3}).apply(b)]);
await write('two_inputs', layers.model(
    {inputs: [a, b], outputs: L.dense({units: 1}).apply(joined)}), [x(), random([2, 4, 2])]);
for (const dtype of ['uint8', 'uint16', 'float16']) {
  await write(dtype, sequential(L.gru({units: 4, ...shape}), L.dense({units: 2})), [x()], {dtype});
}
await write('masked_bidirectional', sequential(
    L.embedding({inputDim: 4, outputDim: 3, maskZero: true, inputLength: 5}),
    L.bidirectional({layer: L.gru({units: 2, returnSequences: true}), mergeMode: 'sum'}),
    L.lstm({units: 2})), [ids([6, 5], 4)]);
