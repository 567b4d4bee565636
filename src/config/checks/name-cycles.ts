/**
 * Finds cycles of at least two names in a graph, each once, beginning and ending with the same name. A name that refers
 * to itself is not a cycle: an alias may have the name of one of its models.
 */
export function findCycles(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = []
  const done = new Set<string>()
  for (const start of edges.keys()) {
    if (done.has(start)) continue
    // Depth-first without recursion: an alias chain may be as long as a file.
    const trail: { name: string; rest: string[] }[] = []
    const onTrail = new Set<string>()
    const enter = (name: string) => {
      done.add(name)
      onTrail.add(name)
      trail.push({ name, rest: [...(edges.get(name) ?? [])] })
    }
    enter(start)
    for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
      const next = top.rest.pop()
      if (next === undefined) {
        onTrail.delete(top.name)
        trail.pop()
      } else if (next !== top.name && onTrail.has(next)) {
        const from = trail.findIndex(({ name }) => name === next)
        cycles.push([...trail.slice(from).map(({ name }) => name), next])
      } else if (edges.has(next) && !done.has(next)) {
        enter(next)
      }
    }
  }
  return cycles
}
