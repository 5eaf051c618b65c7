/** What is measured at each wound. */
export interface CodecChoice {
  /** Codecs of the wound `input`. */
  readonly input: readonly string[]
  /** Stateless codecs of the other wounds. */
  readonly features: readonly string[]
  /** Levels of `klt`. */
  readonly levels: readonly number[]
}
