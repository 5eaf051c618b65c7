import { readFile } from 'node:fs/promises'

/**
 * The whole number that a file of the kernel holds; undefined where it cannot be read or holds none: what is not known is
 * never taken for 0.
 */
export async function readKernelNumber(path: string, base: 10 | 16 = 10): Promise<number | undefined> {
  return parseKernelNumber(await readFile(path, 'utf8').catch(() => ''), base)
}

export function parseKernelNumber(text: string, base: 10 | 16 = 10): number | undefined {
  const digits = text.trim()
  const isNumber = base === 16 ? /^(0x)?[\da-f]+$/i.test(digits) : /^-?\d+$/.test(digits)
  const value = Number.parseInt(digits, base)
  return isNumber && Number.isSafeInteger(value) ? value : undefined
}
