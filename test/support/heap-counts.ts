/** Counts what a heap snapshot has, by class, and functions by name and place in the source. */
import { createReadStream } from 'node:fs'
import { getHeapSnapshot } from 'node:v8'

interface Meta {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[]
      readonly node_types: readonly [readonly string[], ...unknown[]]
      readonly location_fields: readonly string[]
    }
  }
}

/** Sections that are read; edges are most of a snapshot. */
const wanted = ['nodes', 'locations', 'strings'] as const
type Section = (typeof wanted)[number]

export interface HeapCounts {
  /** Bytes of all objects. */
  readonly bytes: number
  /** The same by type: `object`, `string`, `code`, … */
  readonly bytesByType: Readonly<Record<string, number>>
  /** Number by `Class`, `name() script:line:column`, `(strings)` or `(native) name`. */
  readonly counts: ReadonlyMap<string, number>
}

/** Of a file. */
export function heapCounts(path: string): Promise<HeapCounts> {
  return countIn(createReadStream(path, { encoding: 'utf8', highWaterMark: 1_048_576 }))
}

/** Of this thread now. */
export function heapNow(): Promise<HeapCounts> {
  return countIn(getHeapSnapshot().setEncoding('utf8'))
}

async function countIn(snapshot: AsyncIterable<string>): Promise<HeapCounts> {
  const { head, lists } = await readSections(snapshot)
  const { meta } = (JSON.parse(head) as Meta).snapshot
  const nodes = numbersOf(lists.nodes)
  const strings = JSON.parse(lists.strings) as string[]
  const places = placesOf(numbersOf(lists.locations), meta.location_fields)
  const types = meta.node_types[0]
  const [typeAt, nameAt, sizeAt] = ['type', 'name', 'self_size'].map((field) =>
    meta.node_fields.indexOf(field),
  ) as [number, number, number]
  const counts = new Map<string, number>()
  const bytesByType: Record<string, number> = {}
  let bytes = 0
  for (let at = 0; at < nodes.length; at += meta.node_fields.length) {
    const own = nodes[at + sizeAt] ?? 0
    const type = types[nodes[at + typeAt] ?? -1] ?? ''
    bytes += own
    bytesByType[type] = (bytesByType[type] ?? 0) + own
    const name = strings[nodes[at + nameAt] ?? -1] ?? ''
    const key = keyOf(type, name, places.get(at))
    if (key !== undefined) counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return { bytes, bytesByType, counts }
}

function keyOf(type: string, name: string, place = ''): string | undefined {
  if (type === 'object') return name
  if (type === 'closure') return `${name}() ${place}`
  if (type === 'native') return `(native) ${name}`
  return type.endsWith('string') ? '(strings)' : undefined
}

function placesOf(locations: readonly number[], fields: readonly string[]): Map<number, string> {
  const [indexAt = 0, ...placeAt] = ['object_index', 'script_id', 'line', 'column'].map((field) =>
    fields.indexOf(field),
  )
  const places = new Map<number, string>()
  for (let at = 0; at < locations.length; at += fields.length)
    places.set(locations[at + indexAt] ?? -1, placeAt.map((field) => locations[at + field]).join(':'))
  return places
}

/** What has grown from each count to the next by at least `least`, the most first. */
export function grown(
  series: readonly ReadonlyMap<string, number>[],
  least: number,
): [name: string, counts: number[]][] {
  const increase = (counts: readonly number[]) => (counts.at(-1) ?? 0) - (counts[0] ?? 0)
  return [...(series.at(-1)?.keys() ?? [])]
    .map((name): [string, number[]] => [name, series.map((counts) => counts.get(name) ?? 0)])
    .filter(([, counts]) => counts.every((count, at) => at === 0 || count - (counts[at - 1] ?? 0) >= least))
    .sort(([, a], [, b]) => increase(b) - increase(a))
}

async function readSections(snapshot: AsyncIterable<string>) {
  const lists: Record<Section, string> = { nodes: '', locations: '', strings: '' }
  let head: string | undefined
  let rest = ''
  let inSection: string | undefined
  let parts: string[] = []
  const take = (text: string) => {
    if (wanted.some((name) => name === inSection)) parts.push(text)
  }
  const finish = () => {
    const name = wanted.find((each) => each === inSection)
    if (name !== undefined) lists[name] = `[${parts.join('')}]`
    parts = []
  }
  // A list ends where the next one begins; strings, which are last, end with the file.
  const begins = /\],\n"(\w+)":\[|\},\n"(\w+)":\[/
  for await (const chunk of snapshot) {
    rest += chunk
    for (;;) {
      const found = inSection === 'strings' ? null : begins.exec(rest)
      if (found === null) break
      const before = rest.slice(0, found.index)
      if (head === undefined) head = `${before}}}`
      take(before)
      finish()
      inSection = found[1] ?? found[2]
      rest = rest.slice(found.index + found[0].length)
    }
    if (head === undefined) continue
    // What may begin a mark stays.
    take(rest.slice(0, Math.max(0, rest.length - 64)))
    rest = rest.slice(Math.max(0, rest.length - 64))
  }
  take(rest.slice(0, rest.lastIndexOf(']')))
  finish()
  return { head: head ?? '', lists }
}

function numbersOf(list: string): number[] {
  return JSON.parse(list) as number[]
}
