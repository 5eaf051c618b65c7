// npm marks the bin on install; a checkout has to do it itself.
import { chmodSync } from 'node:fs'

chmodSync(new URL('../dist/cli/surgeon.js', import.meta.url), 0o755)
