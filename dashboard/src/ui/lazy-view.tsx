import { signal } from '@preact/signals'
import type { FunctionComponent } from 'preact'
import { useEffect } from 'preact/hooks'
import { Empty, Loading } from './notice.tsx'

/** A component whose code is loaded when it is first shown. */
export function lazyView<Props extends object>(
  load: () => Promise<FunctionComponent<Props>>,
): FunctionComponent<Props> {
  const found = signal<FunctionComponent<Props> | 'failed' | undefined>(undefined)
  return function LazyView(props: Props) {
    useEffect(() => {
      if (typeof found.peek() === 'function') return
      load().then(
        (View) => (found.value = View),
        () => (found.value = 'failed'),
      )
    }, [])
    const View = found.value
    if (View === undefined) return <Loading />
    if (View === 'failed') return <Empty title="This could not be loaded">Reload the page.</Empty>
    return <View {...props} />
  }
}
