/** Resolves a JSON pointer without escapes: `/data/0/id`. */
export function valueAt(document: unknown, pointer: string): unknown {
  let value = document
  for (const key of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = Reflect.get(value, key)
  }
  return value
}
