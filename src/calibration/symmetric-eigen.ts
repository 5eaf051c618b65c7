export interface Eigen {
  /** Largest first. */
  readonly values: Float64Array<ArrayBuffer>
  /** Row i is the unit vector of value i. */
  readonly vectors: Float64Array<ArrayBuffer>
}

/** Relative to the largest entry. */
const negligible = 1e-30

/**
 * Eigenvalues and orthonormal eigenvectors of a symmetric n x n matrix (row-major, not changed): Householder reduction
 * to tridiagonal form, then implicit QL (EISPACK tred2 and tql2, after the public-domain JAMA). O(n^3).
 */
export function symmetricEigen(matrix: Float64Array, n: number): Eigen {
  const largest = matrix.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  if (largest === 0) return { values: new Float64Array(n), vectors: identity(n) }
  // Scaled, and what is lost to rounding anyway left out: products of the smallest numbers would vanish and divide.
  const v = matrix.map((value) => (Math.abs(value) < negligible * largest ? 0 : value / largest))
  const diagonal = new Float64Array(n)
  const beside = new Float64Array(n)
  tridiagonalise(v, n, diagonal, beside)
  implicitQl(v, n, diagonal, beside)
  const order = [...diagonal.keys()].toSorted((a, b) => diagonal[b]! - diagonal[a]!)
  const vectors = new Float64Array(n * n)
  for (const [i, from] of order.entries()) vectors.set(v.subarray(from * n, (from + 1) * n), i * n)
  return { values: Float64Array.from(order, (i) => diagonal[i]! * largest), vectors }
}

function identity(n: number): Float64Array<ArrayBuffer> {
  return new Float64Array(n * n).map((_, i) => (i % (n + 1) === 0 ? 1 : 0))
}

function tridiagonalise(v: Float64Array, n: number, d: Float64Array, e: Float64Array): void {
  for (let j = 0; j < n; j++) d[j] = v[j * n + n - 1]!
  for (let i = n - 1; i > 0; i--) {
    let scale = 0
    let h = 0
    for (let k = 0; k < i; k++) scale += Math.abs(d[k]!)
    if (scale === 0) {
      e[i] = d[i - 1]!
      for (let j = 0; j < i; j++) {
        d[j] = v[j * n + i - 1]!
        v[j * n + i] = 0
        v[i * n + j] = 0
      }
    } else {
      for (let k = 0; k < i; k++) {
        d[k] = d[k]! / scale
        h += d[k]! * d[k]!
      }
      let f = d[i - 1]!
      let g = f > 0 ? -Math.sqrt(h) : Math.sqrt(h)
      e[i] = scale * g
      h -= f * g
      d[i - 1] = f - g
      e.fill(0, 0, i)
      for (let j = 0; j < i; j++) {
        f = d[j]!
        v[i * n + j] = f
        g = e[j]! + v[j * n + j]! * f
        for (let k = j + 1; k < i; k++) {
          g += v[j * n + k]! * d[k]!
          e[k] = e[k]! + v[j * n + k]! * f
        }
        e[j] = g
      }
      f = 0
      for (let j = 0; j < i; j++) {
        e[j] = e[j]! / h
        f += e[j]! * d[j]!
      }
      const half = f / (h + h)
      for (let j = 0; j < i; j++) e[j] = e[j]! - half * d[j]!
      for (let j = 0; j < i; j++) {
        f = d[j]!
        g = e[j]!
        for (let k = j; k < i; k++) v[j * n + k] = v[j * n + k]! - (f * e[k]! + g * d[k]!)
        d[j] = v[j * n + i - 1]!
        v[j * n + i] = 0
      }
    }
    d[i] = h
  }
  for (let i = 0; i < n - 1; i++) {
    v[i * n + n - 1] = v[i * n + i]!
    v[i * n + i] = 1
    const h = d[i + 1]!
    if (h !== 0) {
      for (let k = 0; k <= i; k++) d[k] = v[(i + 1) * n + k]! / h
      for (let j = 0; j <= i; j++) {
        let g = 0
        for (let k = 0; k <= i; k++) g += v[(i + 1) * n + k]! * v[j * n + k]!
        for (let k = 0; k <= i; k++) v[j * n + k] = v[j * n + k]! - g * d[k]!
      }
    }
    for (let k = 0; k <= i; k++) v[(i + 1) * n + k] = 0
  }
  for (let j = 0; j < n; j++) {
    d[j] = v[j * n + n - 1]!
    v[j * n + n - 1] = 0
  }
  v[n * n - 1] = 1
  e[0] = 0
}

/** Vectors lie in rows here: each rotation runs along two of them. */
function implicitQl(rows: Float64Array, n: number, d: Float64Array, e: Float64Array): void {
  for (let i = 1; i < n; i++) e[i - 1] = e[i]!
  e[n - 1] = 0
  let shift = 0
  let largest = 0
  for (let l = 0; l < n; l++) {
    largest = Math.max(largest, Math.abs(d[l]!) + Math.abs(e[l]!))
    let m = l
    while (m < n - 1 && Math.abs(e[m]!) > Number.EPSILON * largest) m++
    // Where m is l already, e[l] is that small, too.
    while (Math.abs(e[l]!) > Number.EPSILON * largest) {
      let g = d[l]!
      let p = (d[l + 1]! - g) / (2 * e[l]!)
      let r = p < 0 ? -Math.hypot(p, 1) : Math.hypot(p, 1)
      d[l] = e[l]! / (p + r)
      d[l + 1] = e[l]! * (p + r)
      const next = d[l + 1]!
      let h = g - d[l]!
      for (let i = l + 2; i < n; i++) d[i] = d[i]! - h
      shift += h
      p = d[m]!
      let c = 1
      let c2 = 1
      let c3 = 1
      const beside = e[l + 1]!
      let s = 0
      let s2 = 0
      for (let i = m - 1; i >= l; i--) {
        c3 = c2
        c2 = c
        s2 = s
        g = c * e[i]!
        h = c * p
        r = Math.hypot(p, e[i]!)
        e[i + 1] = s * r
        s = e[i]! / r
        c = p / r
        p = c * d[i]! - s * g
        d[i + 1] = h + s * (c * g + s * d[i]!)
        const a = i * n
        const b = a + n
        for (let k = 0; k < n; k++) {
          const first = rows[a + k]!
          const second = rows[b + k]!
          rows[b + k] = s * first + c * second
          rows[a + k] = c * first - s * second
        }
      }
      p = (-s * s2 * c3 * beside * e[l]!) / next
      e[l] = s * p
      d[l] = c * p
    }
    d[l] = d[l]! + shift
    e[l] = 0
  }
}
