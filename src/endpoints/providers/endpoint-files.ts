import { parseDocument } from 'yaml'
import type { FoundEndpoint } from './contract/contract.ts'
import { isObject } from './contract/json-values.ts'
import { labelSettings } from './contract/labels.ts'
import { isServerUrl } from './contract/same-server.ts'

/** Nesting of YAML aliases is bounded by this many nodes, so that a small file cannot become a large one. */
const maxAliases = 100

/**
 * Reads a file of endpoints: a list, or an object with the list `endpoints`, of endpoints as in the configuration file
 * (`url`, `name`, `type`, …) or of target groups of Prometheus' `file_sd` (`targets`, `labels`). In target groups the label
 * `__scheme__` gives the protocol, and the labels `type`, `weight`, `priority` and `tags` set those keys.
 *
 * @param keys keys that an endpoint may have, besides `url` and `name`
 * @throws SyntaxError with a message that names the place
 */
export function readEndpointFile(text: string, keys: ReadonlySet<string>): FoundEndpoint[] {
  const document = parseDocument(text)
  const [problem] = document.errors
  if (problem !== undefined) throw new SyntaxError(problem.message.split('\n', 1)[0] ?? 'is not YAML or JSON')
  const value: unknown = document.toJS({ maxAliasCount: maxAliases })
  const list = isObject(value) && Object.keys(value).length === 1 ? value.endpoints : value
  if (!Array.isArray(list)) throw new SyntaxError('is not a list of endpoints')
  return list.flatMap((entry: unknown, at) => {
    if (!isObject(entry)) throw new SyntaxError(`[${at}] is not an object`)
    return 'targets' in entry ? targetGroup(entry, at) : [listedEndpoint(entry, at, keys)]
  })
}

function listedEndpoint(
  entry: Readonly<Record<string, unknown>>,
  at: number,
  keys: ReadonlySet<string>,
): FoundEndpoint {
  const { url, name, ...settings } = entry
  if (typeof url !== 'string' || !isServerUrl(url))
    throw new SyntaxError(`[${at}].url is not an http or https URL`)
  if (name !== undefined && (typeof name !== 'string' || name === ''))
    throw new SyntaxError(`[${at}].name is not a text`)
  const unknown = Object.keys(settings).find((key) => !keys.has(key))
  if (unknown !== undefined) throw new SyntaxError(`[${at}].${unknown} is not a key of an endpoint`)
  return { url, name: name ?? new URL(url).host, settings, labels: {}, isReady: true }
}

function targetGroup(entry: Readonly<Record<string, unknown>>, at: number): FoundEndpoint[] {
  const { targets, labels = {}, ...others } = entry
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw new SyntaxError(`[${at}].${unknown} is not a key of a target group`)
  if (!Array.isArray(targets) || !isObject(labels)) throw new SyntaxError(`[${at}] is not a target group`)
  const texts: Record<string, string> = {}
  for (const [key, value] of Object.entries(labels)) {
    if (typeof value !== 'string') throw new SyntaxError(`[${at}].labels.${key} is not a text`)
    texts[key] = value
  }
  const settings = labelSettings(texts, (key) => `[${at}].labels.${key}`)
  return targets.map((target: unknown) => {
    const url =
      typeof target !== 'string' || target.includes('://')
        ? target
        : `${texts.__scheme__ ?? 'http'}://${target}`
    if (typeof url !== 'string' || !isServerUrl(url))
      throw new SyntaxError(`[${at}].targets: ${JSON.stringify(target)} is not host:port`)
    return { url, name: new URL(url).host, settings, labels: texts, isReady: true }
  })
}
