/** An inference server found on this machine. */
export interface FoundServer {
  readonly name: string
  readonly url: string
  /** Always `auto`: a port does not identify the server that listens on it. */
  readonly type: 'auto'
}

/** Checks whether a server at a URL speaks HTTP. */
export type HttpCheck = (url: string, timeoutMs: number) => Promise<boolean>

const httpCheckTimeoutMs = 500

const checkHttp: HttpCheck = async (url, timeoutMs) => {
  try {
    const response = await fetch(`${url}/v1/models`, { signal: AbortSignal.timeout(timeoutMs) })
    await response.body?.cancel()
    return true
  } catch {
    return false
  }
}

/** Finds inference servers on this machine, on the ports listed in their profiles. */
export async function findLocalServers(
  ports: readonly number[],
  speaksHttp: HttpCheck = checkHttp,
): Promise<FoundServer[]> {
  const unique = [...new Set(ports)].sort((a, b) => a - b)
  const found = await Promise.all(
    unique.map(async (port) => {
      const url = `http://127.0.0.1:${port}`
      return (await speaksHttp(url, httpCheckTimeoutMs))
        ? [{ name: `local-${port}`, url, type: 'auto' as const }]
        : []
    }),
  )
  return found.flat()
}
