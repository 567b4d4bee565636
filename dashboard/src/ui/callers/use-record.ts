import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { ApiError } from '../../api/api-error.ts'

/**
 * A record of the shown page, or loaded if it is on another.
 * @param load must be the same function for one record
 */
export function useRecord<Row>(
  id: string,
  listed: Row | undefined,
  load: (id: string, abort: AbortSignal) => Promise<Row>,
): { readonly row: Row | undefined; readonly error: ApiError | undefined } {
  const isListed = listed !== undefined
  const loaded = useSignal<Row | undefined>(undefined)
  const error = useSignal<ApiError | undefined>(undefined)
  useEffect(() => {
    if (isListed) return
    const abort = new AbortController()
    load(id, abort.signal).then(
      (row) => {
        loaded.value = row
      },
      (reason: unknown) => {
        if (reason instanceof ApiError) error.value = reason
      },
    )
    return () => abort.abort()
  }, [id, isListed])
  return { row: listed ?? loaded.value, error: isListed ? undefined : error.value }
}
