import type { SectionOptions } from '../../../../config/options/sections.ts'

/** What one thread's share of the store may hold. */
export function storeLimits(
  { translation: { storedResponses } }: Pick<SectionOptions<'proxy'>, 'translation'>,
  threads: number,
): { maxResponses: number; maxBytes: number; ttlMs: number; maxRuns: number } {
  const { maxResponses, maxBytes, idleTtlMs, maxBackground } = storedResponses
  return {
    maxResponses: Math.ceil(maxResponses / threads),
    maxBytes: Math.ceil(maxBytes / threads),
    ttlMs: idleTtlMs,
    maxRuns: Math.ceil(maxBackground / threads),
  }
}
