import type { ComponentChildren } from 'preact'
import type { ApiError } from '../api/api-error.ts'
import type { Loaded } from '../live/resource.ts'
import { Empty, Loading, Trouble } from './notice.tsx'

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
      {error !== undefined && !isToldAbove(error) && <Trouble error={error} isStale={value !== undefined} />}
      {value !== undefined && children(value)}
      {value === undefined && (error === undefined ? <Loading /> : <Empty title="Nothing to show" />)}
    </>
  )
}

/** What concerns the whole page stands above the views. */
function isToldAbove({ trouble }: ApiError): boolean {
  return trouble === 'unreachable' || trouble === 'signed_out'
}
