import { readFileSync } from 'node:fs'

/** Processes that the first thread of another one has started, as Linux knows them: `ps` may not be installed. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}
