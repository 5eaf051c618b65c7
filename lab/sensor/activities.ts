/**
 * Windows of a made-up accelerometer that somebody carries: what the bundled model `activity` was trained on
 * (`scripts/train-activity.mjs`) and what `surgeon demo --sensor` sends. Physics in outline only: gravity in some
 * direction, one motion, noise; a real device's windows differ, and need a model trained on them.
 */
import { seededRandom } from '../replay/random.ts'

/** In the order of the model's classes. */
export const activities = ['still', 'walking', 'running', 'vibration', 'fall'] as const
export type Activity = (typeof activities)[number]

/** Samples of a window, at 50 a second: 1.28 s. */
export const windowSamples = 64
const samplesPerSecond = 50
/** m/s². */
const gravity = 9.81

type Vector = readonly [number, number, number]

/**
 * One window of an activity: [64, 3], m/s².
 * @param seed Another one gives another person, speed, orientation and noise.
 */
export function activityWindow(activity: Activity, seed: number): number[][] {
  const random = seededRandom(seed)
  const between = (low: number, high: number) => low + (high - low) * random()
  const down = direction(random)
  const side = perpendicular(down, direction(random))
  const motion = motions[activity](between)
  const noise = between(0.05, 0.3)
  return Array.from({ length: windowSamples }, (_, i) => {
    const { weight, along, across } = motion(i / samplesPerSecond)
    return [0, 1, 2].map(
      (axis) => down[axis]! * (weight * gravity + along) + side[axis]! * across + noise * gaussian(random),
    )
  })
}

/** Share of gravity that is felt, and what is added along it and across it, m/s². */
interface Motion {
  readonly weight: number
  readonly along: number
  readonly across: number
}

type Between = (low: number, high: number) => number

const motions: Readonly<Record<Activity, (between: Between) => (seconds: number) => Motion>> = {
  still: () => () => ({ weight: 1, along: 0, across: 0 }),
  walking: (between) => steps(between(1.5, 2.2), between(1.2, 3.5), between(0.2, 0.5), between(0, 1)),
  running: (between) => steps(between(2.4, 3.3), between(6, 12), between(0.4, 0.8), between(0, 1)),
  vibration: (between) => {
    const [hertz, strength, phase] = [between(8, 20), between(0.8, 4), between(0, 1)]
    return (seconds) => {
      const angle = 2 * Math.PI * (hertz * seconds + phase)
      return { weight: 1, along: strength * Math.sin(angle), across: strength * 0.6 * Math.cos(angle) }
    }
  },
  fall: (between) => {
    const [begin, length, impact] = [between(0.1, 0.6), between(0.2, 0.4), between(20, 45)]
    return (seconds) => {
      const since = seconds - begin - length
      if (since < -length) return { weight: 1, along: 0, across: 0 }
      if (since < 0) return { weight: 0.1, along: 0, across: 0 }
      // The impact rings out within a fifth of a second.
      const ringing = impact * Math.exp(-since / 0.05)
      return { weight: 1, along: ringing * Math.cos(60 * since), across: 0.5 * ringing }
    }
  },
}

/** A gait: each step with a share of its second harmonic, and a sway of half its rate. */
function steps(hertz: number, strength: number, second: number, phase: number): (seconds: number) => Motion {
  return (seconds) => {
    const angle = 2 * Math.PI * (hertz * seconds + phase)
    const along = strength * (Math.sin(angle) + second * Math.sin(2 * angle))
    return { weight: 1, along, across: 0.3 * strength * Math.sin(angle / 2) }
  }
}

function direction(random: () => number): Vector {
  const raw = [gaussian(random), gaussian(random), gaussian(random)] as const
  return scaled(raw)
}

/** The part of `other` that is across `to`. */
function perpendicular(to: Vector, other: Vector): Vector {
  const shared = to[0] * other[0] + to[1] * other[1] + to[2] * other[2]
  return scaled([other[0] - shared * to[0], other[1] - shared * to[1], other[2] - shared * to[2]])
}

function scaled([x, y, z]: Vector): Vector {
  const length = Math.hypot(x, y, z) || 1
  return [x / length, y / length, z / length]
}

/** Normal, by Box and Muller's transform. */
function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
