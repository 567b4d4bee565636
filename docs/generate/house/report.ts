// `npm run house`: the rooms, the imports between them, and what is against their order.
import { circles, folderCircles, importGraph, sourceFiles } from './import-graph.ts'
import { mayImport, roomOf, rooms } from './rooms.ts'

const imports = importGraph(['src', 'plugins', 'routes'])
const inSource = imports.filter(({ from, to }) => from.startsWith('src/') && to.startsWith('src/'))
const between = inSource.filter(({ from, to }) => roomOf(from) !== roomOf(to))
const against = between.filter(({ from, to }) => !mayImport(roomOf(from), roomOf(to)))
const atRunTime = inSource.filter(({ isType }) => !isType)

const files = sourceFiles(['src'])
const names = [...rooms.map(({ name }) => name), 'gateway', 'app']
const rows = names.map((room) => {
  const own = files.filter((path) => roomOf(path) === room)
  const lower = new Map<string, number>()
  for (const { from, to } of between) {
    if (roomOf(from) === room) lower.set(roomOf(to), (lower.get(roomOf(to)) ?? 0) + 1)
  }
  const arrows = names.filter((name) => lower.has(name)).map((name) => `${name} ${lower.get(name)}`)
  return `${room.padEnd(10)} ${String(own.length).padStart(3)} files → ${arrows.join(', ') || 'nothing'}`
})

const arrows = new Set(between.map(({ from, to }) => `${roomOf(from)} ${roomOf(to)}`))
const lines = [
  ...rows,
  '',
  `${names.length} rooms, ${arrows.size} arrows, ${between.length} imports between rooms`,
  `${against.length} imports against the order (${against.filter(({ isType }) => !isType).length} at run time)`,
  ...against.map(({ from, to, isType }) => `  ${from} → ${to}${isType ? ' (type)' : ''}`),
  `circles of files: ${circles(atRunTime.map(pair)).length} at run time, ${circles(inSource.map(pair)).length} with types`,
  `circles of folders: ${folderCircles(atRunTime).length} at run time, ${folderCircles(inSource).length} with types`,
  ...folderCircles(inSource).map((folders) => `  ${folders.join(', ')}`),
]
process.stdout.write(`${lines.join('\n')}\n`)

function pair({ from, to }: { readonly from: string; readonly to: string }): readonly [string, string] {
  return [from, to]
}
