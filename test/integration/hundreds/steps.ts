/** Counts function calls exactly, so that the cost of a decision does not depend on the load of the machine. */
import { Session } from 'node:inspector/promises'

/**
 * @param rooms parts of paths whose functions count
 * @returns calls during `work`
 */
export async function countCalls(rooms: readonly string[], work: () => Promise<unknown>): Promise<number> {
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
    await session.post('Profiler.takePreciseCoverage')
    await work()
    const { result } = await session.post('Profiler.takePreciseCoverage')
    let calls = 0
    for (const { url, functions } of result) {
      if (!rooms.some((room) => url.includes(room))) continue
      for (const { ranges, functionName } of functions)
        if (functionName !== '') calls += ranges[0]?.count ?? 0
    }
    await session.post('Profiler.stopPreciseCoverage')
    return calls
  } finally {
    session.disconnect()
  }
}
