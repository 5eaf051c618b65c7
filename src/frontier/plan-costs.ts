/** One codec in which a tensor may cross. */
export interface CrossingOption {
  readonly codec: string
  /** On the edge and on the backend, whole microseconds. */
  readonly encodeUs: number
  readonly decodeUs: number
  readonly bytes: number
}

/** What a plan is made of, before any price is known. Everything is a whole number of at least 0. */
export interface PlanCosts {
  /** By layer index. Input layers cost nothing, as they are on the edge whatever the plan. */
  readonly edgeUs: Float64Array
  readonly backendUs: Float64Array
  /** By tensor id; a tensor without options may not cross. */
  readonly crossings: readonly (readonly CrossingOption[])[]
}

/**
 * What is paid for a plan, all in one unit: microseconds, say, where the prices of the machines are how much slower than
 * profiled they are and that of a byte is 8e6 / uplink bps.
 */
export interface Prices {
  /** Of a microsecond on the edge and on the backend, and of a byte on the uplink. */
  readonly edge: number
  readonly backend: number
  readonly uplink: number
  /** Of each tensor that crosses, whatever its size. */
  readonly perTensor: number
  /** Of every plan but the local one: round trip, queue, result. */
  readonly remote: number
}

/** A wound with the codec of each crossing tensor, and what it takes. */
export interface FrontierPlan {
  /** Layer indices, ascending. */
  readonly head: readonly number[]
  /** Tensor ids, ascending, each with its codec. */
  readonly crossing: readonly { readonly tensor: number; readonly codec: string }[]
  readonly edgeUs: number
  readonly uplinkBytes: number
  readonly backendUs: number
}

/** What a plan costs at prices. */
export function planPrice(plan: FrontierPlan, layers: number, prices: Prices): number {
  const machines = prices.edge * plan.edgeUs + prices.backend * plan.backendUs
  const link = prices.uplink * plan.uplinkBytes + prices.perTensor * plan.crossing.length
  return machines + link + (plan.head.length < layers ? prices.remote : 0)
}
