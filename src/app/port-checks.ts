import { createServer } from 'node:net'

/**
 * Checks whether several threads can listen on one port (Node 22.12 and later, if the system can).
 * @returns the reason why not; undefined if they can
 */
export async function whyNoSharedPort(host: string): Promise<string | undefined> {
  const server = createServer()
  try {
    await listen(server, { host, port: 0, reusePort: true })
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    server.close()
  }
}

/**
 * Checks before the start that a port can be taken, so that a gateway which cannot serve does not probe endpoints.
 * @param port 0 for any
 * @throws Error if it cannot
 */
export async function assertFree(host: string, port: number): Promise<void> {
  if (port === 0) return
  const server = createServer()
  await listen(server, { host, port })
  await new Promise<void>((resolve) => server.close(() => resolve()))
}

function listen(
  server: ReturnType<typeof createServer>,
  options: { host: string; port: number; reusePort?: boolean },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, resolve)
  })
}
