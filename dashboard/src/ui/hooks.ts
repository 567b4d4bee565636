import type { Signal } from '@preact/signals'
import { useEffect, useState } from 'preact/hooks'
import type { Loaded, Resource } from '../live/resource.ts'

/** The resource's latest value, kept current while the component is mounted. */
export function useResource<T>(resource: Resource<T>): Loaded<T> {
  useEffect(() => resource.watch(), [resource])
  return resource.state.value
}

export function useMedia(query: string): boolean {
  const [list] = useState(() => matchMedia(query))
  const [matches, setMatches] = useState(list.matches)
  useEffect(() => {
    const changed = () => setMatches(list.matches)
    list.addEventListener('change', changed)
    return () => list.removeEventListener('change', changed)
  }, [list])
  return matches
}

/** Too narrow for tables. */
export const useIsNarrow = () => useMedia('(max-width: 56rem)')

/** Writes the value of a text field or a select into a signal. */
export function writeTo(target: Signal<string>) {
  return (event: { currentTarget: { value: string } }) => {
    target.value = event.currentTarget.value
  }
}
