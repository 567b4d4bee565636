import type { ComponentChildren } from 'preact'
import type { Loaded } from '../live/resource.ts'
import { Loading, Trouble } from './notice.tsx'

/** Shows what was loaded, that it is loading, or why it was not. */
export function LoadedView<T>({
  loaded: { value, error },
  children,
}: {
  loaded: Loaded<T>
  children: (value: T) => ComponentChildren
}) {
  return (
    <>
      {error !== undefined && <Trouble error={error} isStale={value !== undefined} />}
      {value !== undefined ? children(value) : error === undefined && <Loading />}
    </>
  )
}
