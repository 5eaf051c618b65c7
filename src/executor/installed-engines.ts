import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { programVersion } from '../files/program-version.ts'
import { type EngineName, engineNames } from './engine.ts'
import { locateTensorFlow } from './tensorflow/tensorflow-js.ts'
import { locateXnnpack } from './xnnpack/locate-xnnpack.ts'

/** Version of each engine's package; null where it is not installed or has no build for this machine. */
type InstalledEngines = Readonly<Record<EngineName, string | null>>

/** What a measurement of the engines depends on besides machine and model. */
export interface EngineEnvironment {
  readonly engines: InstalledEngines
  /** Versions of this program and of Node. */
  readonly program: string
  readonly node: string
}

export function engineEnvironment(): EngineEnvironment {
  return { engines: installedEngines(), program: programVersion(), node: process.version }
}

/** Version of an engine's package, if it can be told. */
export function engineVersion(name: EngineName): string | undefined {
  return installedEngines()[name] ?? undefined
}

/** Which engines are there and in which versions, by their files alone: nothing is loaded, so it costs next to nothing. */
function installedEngines(): InstalledEngines {
  const own = createRequire(import.meta.url)
  const found: Record<EngineName, () => string | null> = {
    onnxruntime: () => {
      const root = packageRoot(own, 'onnxruntime-node')
      const builds = join(root, 'bin')
      const isBuilt = readdirSync(builds).some((folder) =>
        existsSync(join(builds, folder, process.platform, process.arch)),
      )
      return isBuilt ? versionOf(root) : null
    },
    xnnpack: () => {
      const library = locateXnnpack()
      if (library === undefined) return null
      // Debian's updates keep its name.
      const size = statSync(library).size
      return `${basename(library)} of ${size} bytes, koffi ${versionOf(packageRoot(own, 'koffi'))}`
    },
    wasm: () => versionOf(packageRoot(own, 'onnxruntime-web')),
    tensorflow: () => {
      const root = packageRoot(locateTensorFlow(), '@tensorflow/tfjs-node')
      // Where it was set up in the cache directory its stamp names the libtensorflow beside it.
      const stamp = join(root, '..', '..', '..', 'stamp')
      return existsSync(stamp) ? readFileSync(stamp, 'utf8').trim() : versionOf(root)
    },
  }
  const version = (name: EngineName): string | null => {
    try {
      return found[name]()
    } catch {
      return null
    }
  }
  return Object.fromEntries(engineNames.map((name) => [name, version(name)])) as Record<
    EngineName,
    string | null
  >
}

/** Where a package lies; its `exports` may hide its package.json from `resolve`. */
function packageRoot(require: NodeJS.Require, name: string): string {
  const folder = require.resolve
    .paths(name)
    ?.map((place) => join(place, name))
    .find((place) => existsSync(join(place, 'package.json')))
  if (folder === undefined) throw new Error(`Cannot find package ${name}: it must be installed`)
  return folder
}

function versionOf(root: string): string {
  return (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }).version
}
