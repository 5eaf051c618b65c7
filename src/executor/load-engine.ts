import type { Engine, EngineName, ExecutionProvider } from './engine.ts'

/** Each engine is its own module, loaded when asked for: one that is missing does not hurt the others. */
const modules: Readonly<
  Record<
    EngineName,
    { readonly package: string; readonly load: (provider?: ExecutionProvider) => Promise<Engine> }
  >
> = {
  onnxruntime: {
    package: 'onnxruntime-node',
    load: async (provider) => (await import('./onnxruntime-engine.ts')).onnxruntimeEngine(provider),
  },
  xnnpack: {
    package: "koffi, with Debian's libxnnpack0.20241108 or libxnnpack0,",
    load: async () => (await import('./xnnpack-engine.ts')).xnnpackEngine(),
  },
  wasm: {
    package: 'onnxruntime-web',
    load: async () => (await import('./wasm-engine.ts')).wasmEngine(),
  },
  tensorflow: {
    package: '@tensorflow/tfjs-node',
    load: async () => (await import('./tensorflow-engine.ts')).tensorflowEngine(),
  },
}

/**
 * @param provider For engine `onnxruntime`: what it is to compute on.
 * @throws {Error} with the package to install where the engine cannot be loaded on this machine.
 */
export async function loadEngine(name: EngineName, provider?: ExecutionProvider): Promise<Engine> {
  const module = modules[name]
  try {
    return await module.load(provider)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause)
    throw new Error(
      `Cannot load engine ${name}: package ${module.package} must be installed and run on ${process.platform}-${process.arch} (${reason}). ` +
        `Engine wasm runs wherever Node runs.`,
      { cause },
    )
  }
}
