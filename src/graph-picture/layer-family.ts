/** Fill colours by what layers do, light enough for black text. */
const families: readonly (readonly [RegExp, string])[] = [
  [/^InputLayer$/, '#ffffff'],
  [/conv/i, '#cfe2f3'],
  [/^(Dense|Gemm|MatMul|FusedMatMul|LSTM|GRU|RNN|QLinearMatMul)/, '#d9cdec'],
  [/norm/i, '#eeeeee'],
  [/pool|^Reduce/i, '#d5ead3'],
  [/^(Add|Sum|Concat|Multiply|Mul|Sub|Average|Maximum|Minimum|Lambda|CustomScaleLayer)/, '#f7d9c8'],
  [/activ|relu|^Clip|sigmoid|swish|tanh|softmax|gelu|elu$|^Erf/i, '#fdf0c4'],
]

export function familyColour(layerType: string): string {
  return families.find(([pattern]) => pattern.test(layerType))?.[1] ?? '#f8f8f8'
}
