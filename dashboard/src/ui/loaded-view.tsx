import type { ComponentChildren } from 'preact'
import type { ApiError } from '../api/api-error.ts'
import type { Loaded } from '../live/resource.ts'
import { Empty, Loading, Trouble } from './notice.tsx'

/** Shows the loaded value, a loading state, or the error. */
export function LoadedView<T>({
  loaded: { value, error },
  children,
}: {
  loaded: Loaded<T>
  children: (value: T) => ComponentChildren
}) {
  return (
    <>
      {error !== undefined && !isShownAbove(error) && <Trouble error={error} isStale={value !== undefined} />}
      {value !== undefined && children(value)}
      {value === undefined && (error === undefined ? <Loading /> : <Empty title="Nothing to show" />)}
    </>
  )
}

/** Errors that concern the whole page are shown above the views. */
function isShownAbove({ trouble }: ApiError): boolean {
  return trouble === 'unreachable' || trouble === 'signed_out'
}
