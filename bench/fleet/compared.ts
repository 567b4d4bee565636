import { estimated, ollaSessions, plainStrategy, prefixSessions } from './own-policies.ts'
import { cacheAware, type NamedPolicy, oracle, randomChoice, scorers } from './policies.ts'

const usual = { readingMs: 1_000, hasLine: false }
const withLine = { readingMs: 1_000, hasLine: true }

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
  { name: 'expected latency with the line', ...withLine, create: estimated },
  {
    name: 'the same, swap_batch_wait 60 s',
    ...withLine,
    line: { swapBatchWaitMs: 60_000 },
    create: estimated,
  },
  { name: 'the same, swap_batch 0', ...withLine, line: { swapBatch: 0 }, create: estimated },
  { name: 'oracle', ...usual, create: oracle },
]
