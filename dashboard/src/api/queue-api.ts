/** The routes of the waiting line. */
import { getJson, internalUrl, request } from './http.ts'
import type { WaitingView } from './types.ts'

export const readQueue = (signal?: AbortSignal) => getJson<WaitingView>(internalUrl('queue'), signal)

export async function moveUp(id: string): Promise<void> {
  await request(internalUrl(`queue/${encodeURIComponent(id)}/move-up`), {
    method: 'POST',
    // A header that a form of another page cannot set.
    headers: { 'X-Olla-Gateway': '1' },
  })
}
