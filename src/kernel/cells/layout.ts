import type { TablePlace } from './table-place.ts'

/** Builds a table in the memory of its place. See `kinds.ts`; a room may define its own kinds. */
export type CellKind<Table> = (place: TablePlace) => Table

export type CellKinds = Readonly<Record<string, CellKind<unknown>>>

/** The tables that the kinds build, by name. */
export type Tables<Kinds extends CellKinds> = { readonly [Name in keyof Kinds]: ReturnType<Kinds[Name]> }

/** Row counts of the tables for endpoints and models: shared memory does not grow. */
export interface Capacities {
  readonly endpoints: number
  /** All models without their own row share the last one. */
  readonly models: number
}

/** Tables that a room declares, under a name that no other room uses. */
export interface CellLayout<Kinds extends CellKinds> {
  readonly name: string
  readonly kinds: (capacities: Capacities) => Kinds
}

/** The tables of a layout. */
export type CellsOf<Layout> = Layout extends CellLayout<infer Kinds> ? Tables<Kinds> : never

export function cellLayout<Kinds extends CellKinds>(
  name: string,
  kinds: (capacities: Capacities) => Kinds,
): CellLayout<Kinds> {
  return { name, kinds }
}

export function buildTables<Kinds extends CellKinds>(kinds: Kinds, place: TablePlace): Tables<Kinds> {
  const tables = Object.entries(kinds).map(([name, build]) => [name, build(place.part(name))] as const)
  return Object.fromEntries(tables) as Tables<Kinds>
}
