import { signal } from '@preact/signals'
import { formatAddress, parseAddress, type ViewId } from '../state/view-address.ts'

/** The current view, from the page's address, so that back, forward and bookmarks work. */
export const address = signal(parseAddress(location.hash))

addEventListener('hashchange', () => {
  address.value = parseAddress(location.hash)
})

export function goTo(view: ViewId, item?: string): void {
  location.hash = formatAddress(view, item)
}
