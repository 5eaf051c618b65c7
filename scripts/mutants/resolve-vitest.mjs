const ours = new URL('vitest-in-process.mjs', import.meta.url).href

/** A hook for modules: tests that ask for Vitest get ours, which asks for the real one. */
export function resolve(specifier, context, next) {
  if (specifier !== 'vitest' || context.parentURL === ours) return next(specifier, context)
  return { url: ours, shortCircuit: true }
}
