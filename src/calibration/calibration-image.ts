/** A picture to calibrate with. */
export interface CalibrationImage {
  /** Decides to which fold it belongs, with nothing else. */
  readonly name: string
  readonly read: () => Promise<Uint8Array>
  /** Index of the right class. */
  readonly label?: number
}
