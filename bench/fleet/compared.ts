import { estimated, ollaSessions, plainStrategy, prefixSessions } from './own-policies.ts'
import { cacheAware, type NamedPolicy, oracle, randomChoice, scorers } from './policies.ts'

const usual = { readingMs: 1_000, hasLine: false }

/** The policies that the page compares. */
export const policies: readonly NamedPolicy[] = [
  { name: 'random', ...usual, create: randomChoice },
  { name: 'round robin', ...usual, create: plainStrategy('round-robin') },
  { name: 'least connections', ...usual, create: plainStrategy('least-connections') },
  { name: "Olla's sticky sessions", ...usual, create: ollaSessions },
  { name: 'cache-aware (SGLang gateway)', ...usual, create: cacheAware },
  { name: 'scorers (llm-d)', readingMs: 50, hasLine: false, create: scorers },
  { name: 'prefix sessions', ...usual, create: prefixSessions },
  { name: 'expected latency', ...usual, create: estimated },
  { name: 'expected latency with the line', readingMs: 1_000, hasLine: true, create: estimated },
  {
    name: 'the same without batches for swaps',
    readingMs: 1_000,
    hasLine: true,
    batchesSwaps: false,
    create: estimated,
  },
  { name: 'oracle', ...usual, create: oracle },
]
