// The functions that allocate most, from V8's sampling heap profile.
import type { HeapProfiler } from 'node:inspector'

const shownFunctions = 60
/** Callers shown of each. */
const shownCallers = 4

type Node = HeapProfiler.SamplingHeapProfileNode

/** Rows of bytes per request and function, most first. */
export function allocators(
  { head }: HeapProfiler.SamplingHeapProfile,
  requests: number,
  withStacks: boolean,
): [bytes: string, name: string][] {
  const bytes = new Map<string, number>()
  const visit = (node: Node, callers: readonly string[]): void => {
    const stack = [nameOf(node), ...callers]
    const key = stack.slice(0, withStacks ? shownCallers : 1).join(' < ')
    if (node.selfSize > 0) bytes.set(key, (bytes.get(key) ?? 0) + node.selfSize)
    for (const child of node.children) visit(child, stack)
  }
  visit(head, [])
  const total = [...bytes.values()].reduce((sum, each) => sum + each, 0)
  const most = [...bytes].sort(([, one], [, other]) => other - one).slice(0, shownFunctions)
  return [['all', total] as const, ...most.map(([key, each]) => [key, each] as const)].map(([key, each]) => [
    (each / requests).toFixed(0).padStart(7),
    key,
  ])
}

function nameOf({ callFrame: { functionName, url, lineNumber } }: Node): string {
  const file = url.replace(/^.*\/((?:node_modules|src|plugins|routes)\/)/, '$1')
  return `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`
}
