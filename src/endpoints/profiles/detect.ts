import { valueAt } from '../../kernel/json/pointer.ts'
import type { FetchedAnswer } from '../connections/fetch.ts'
import type { BackendProfile, DetectionProbe } from './profile.ts'

/** Requests a path of the endpoint. An error ends the detection: the server does not answer. */
export type DetectionFetch = (path: string) => Promise<FetchedAnswer>

/** What a server's answers reveal. */
export interface Detection {
  /** undefined if no profile matches. */
  readonly profile: BackendProfile | undefined
  /** Whether the server refused a path for lack of credentials. */
  readonly wantsCredentials: boolean
}

/**
 * Detects the backend type of an inference server: the first profile, in detection order, with a matching probe. Each
 * path is requested once. An answer with an error status still identifies its server by its headers: a server that is
 * loading a model answers 503 to all paths.
 */
export async function detectProfile(
  profiles: readonly BackendProfile[],
  fetch: DetectionFetch,
): Promise<Detection> {
  const answers = new Map<string, Answer>()
  let wantsCredentials = false
  const ordered = [...profiles].sort((a, b) => a.detection.order - b.detection.order)
  for (const profile of ordered) {
    for (const probe of profile.detection.probes) {
      let answer = answers.get(probe.path)
      if (answer === undefined) {
        answer = readAnswer(await fetch(probe.path))
        answers.set(probe.path, answer)
        const { statusCode } = answer.fetched
        if (statusCode === 401 || statusCode === 403) wantsCredentials = true
      }
      if (matches(answer, probe)) return { profile, wantsCredentials }
    }
  }
  return { profile: undefined, wantsCredentials }
}

interface Answer {
  readonly fetched: FetchedAnswer
  readonly text: string
  readonly json: unknown
}

function readAnswer(fetched: FetchedAnswer): Answer {
  const text = fetched.body.toString('utf8')
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = undefined
  }
  return { fetched, text, json }
}

function matches({ fetched, text, json }: Answer, { match }: DetectionProbe): boolean {
  const isOk = fetched.statusCode >= 200 && fetched.statusCode < 300
  const isByHeader = match.header !== undefined && match.has === undefined && match.equals === undefined
  if (!isOk && !isByHeader) return false
  if (match.has !== undefined && valueAt(json, match.has) === undefined) return false
  for (const [pointer, expected] of Object.entries(match.equals ?? {})) {
    if (valueAt(json, pointer) !== expected) return false
  }
  for (const [name, part] of Object.entries(match.header ?? {})) {
    const value = fetched.header(name.toLowerCase())
    if (value === undefined || !value.toLowerCase().includes(part.toLowerCase())) return false
  }
  return match.text === undefined || text.includes(match.text)
}
