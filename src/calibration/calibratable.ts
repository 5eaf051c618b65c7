import {
  type ClassesOutput,
  type Manifest,
  type PictureInput,
  requirePicture,
} from '../model-graph/manifest.ts'

/** What calibration knows how to compare. @throws {TypeError} where the model is no classifier of pictures. */
export function calibratable(manifest: Manifest): {
  readonly input: PictureInput
  readonly output: ClassesOutput
} {
  const { name, output } = manifest
  if ('topK' in output) return { input: requirePicture(manifest), output }
  throw new TypeError(
    `Cannot calibrate model ${name}: kind of its output must be classes, current value is ${output.kind}`,
  )
}
