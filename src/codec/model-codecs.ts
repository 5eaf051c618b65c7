import { join } from 'node:path'
import { findModel } from '../model-graph/find-model.ts'
import { type Calibration, loadCalibration } from './calibration-file.ts'
import { type Codecs, createCodecs } from './create-codecs.ts'

/**
 * The calibration beside a model, by name or path; undefined where there is none.
 * @throws {TypeError} for a calibration of another model.
 */
export async function modelCalibration(source: string, modelHash: string): Promise<Calibration | undefined> {
  const place = await findModel(source)
  if (place.kind === 'zoo') return undefined
  return loadCalibration(join(place.directory, 'calibration.json'), modelHash)
}

/** All codecs of a model, those of its calibration included. */
export async function modelCodecs(source: string, modelHash: string): Promise<Codecs> {
  return createCodecs(await modelCalibration(source, modelHash))
}
