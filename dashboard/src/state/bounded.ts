/** The list with `item` at its end, without its oldest items beyond `limit`. */
export function appended<T>(list: readonly T[], item: T, limit: number): readonly T[] {
  return list.length < limit ? [...list, item] : [...list.slice(list.length - limit + 1), item]
}
