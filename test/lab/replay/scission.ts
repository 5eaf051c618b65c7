/** A file as Scission writes it: two models, one of them four blocks whose tensors shrink. */
export function scissionText(msPerBlock: readonly number[] = [10, 20, 30, 40]): string {
  const bytes = [802_816, 200_704, 50_176, 4000]
  const rows = msPerBlock.map((ms, i) => `toy,${2 * i},${2 * i + 1},${ms / 1000},${bytes[i]}`)
  return [
    'model,block_first_layer,block_last_layer,seconds,output_bytes',
    'other,0,3,0.001,400',
    ...rows,
    '',
  ].join('\n')
}
