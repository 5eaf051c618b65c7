// ONNX Runtime's native build reports to its vendor by default since 1.29: it looks up a collector's name, and leaves an
// identity and a queue in the cache directory and log files in the temporary one. This turns it off, before it is loaded:
// whoever loads it (onnx-runtime.ts) or starts a thread that will (inference-thread-link.ts) imports this first.
// Written on the main thread, as the environment must not change while native code of another thread may read it.
const variable = 'ORT_DISABLE_TELEMETRY'
if (process.env[variable] !== '1') process.env[variable] = '1'
