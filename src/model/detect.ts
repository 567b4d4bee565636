import { valueAt } from '../json/pointer.ts'
import type { FetchedAnswer } from '../upstream/fetch.ts'
import type { BackendProfile, DetectionProbe } from './profile.ts'

/** Asks the endpoint for a path; undefined where it does not answer with a 2xx. */
export type DetectionFetch = (path: string) => Promise<FetchedAnswer | undefined>

/**
 * Finds the kind of an inference server: the first profile, in detection order, of which one probe matches.
 * Each path is asked for once.
 */
export async function detectProfile(
  profiles: readonly BackendProfile[],
  fetch: DetectionFetch,
): Promise<BackendProfile | undefined> {
  const asked = new Map<string, Promise<Answer | undefined>>()
  const ordered = [...profiles].sort((a, b) => a.detection.order - b.detection.order)
  for (const profile of ordered) {
    for (const probe of profile.detection.probes) {
      let answer = asked.get(probe.path)
      if (answer === undefined) {
        answer = fetch(probe.path).then((fetched) =>
          fetched === undefined ? undefined : readAnswer(fetched),
        )
        asked.set(probe.path, answer)
      }
      const got = await answer
      if (got !== undefined && matches(got, probe)) return profile
    }
  }
  return undefined
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
