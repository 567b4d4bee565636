import type { UpstreamFetch } from '../connections/fetch.ts'

/** Lists of models of OpenAI's API and of Ollama's. */
const paths = ['/v1/models', '/api/tags'] as const
const timeoutMs = 2_000
const maxBytes = 64 * 1024
/** A server that wants credentials for its list is one too. */
const found: ReadonlySet<number> = new Set([200, 401, 403])

/** Whether an inference server answers at a base URL: a list of models as JSON, or a refusal to show it. */
export async function answersAsServer(fetch: UpstreamFetch, baseUrl: string): Promise<boolean> {
  for (const path of paths) {
    try {
      const answer = await fetch({
        url: `${baseUrl}${path}`,
        headers: [],
        timeoutMs,
        maxBytes,
        dropsBody: true,
      })
      const isJson = answer.header('content-type')?.includes('json') === true
      if (found.has(answer.statusCode) && (isJson || answer.statusCode !== 200)) return true
    } catch {
      // Nothing listens, or something else does: the next path would fail alike.
      return false
    }
  }
  return false
}
