import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import type { UsageRow } from './usage-row.ts'

/** Rows that a serving thread has collected; answered once the control thread has them. */
const usageTopic: Topic<readonly UsageRow[], true> = 'callers.usage.rows'

/** The control thread has this long to take a thread's last rows. */
const lastRowsMs = 5_000

/** Takes the rows of all threads. */
export function receiveUsage(link: PeerLink, add: (rows: readonly UsageRow[]) => void): void {
  link.on(usageTopic, (rows): true => {
    add(rows)
    return true
  })
}

export function sendUsage(link: PeerLink, rows: readonly UsageRow[]): void {
  if (rows.length > 0) link.sendToControl(usageTopic, rows)
}

/** Sends the last rows of a thread, and waits until they have arrived. */
export async function sendLastUsage(link: PeerLink, rows: readonly UsageRow[]): Promise<void> {
  if (rows.length > 0) await link.requestControl(usageTopic, rows, lastRowsMs)
}
