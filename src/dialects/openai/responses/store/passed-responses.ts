import { memberSpans } from '../../../../kernel/json/body-members.ts'
import type { JsonSpan } from '../../../../kernel/json/json-bytes.ts'
import { KeyNames } from '../../../../kernel/json/key-names.ts'
import type { EndedAnswer } from '../../../hub/format.ts'
import type { KeptResponse, ResponseStore } from './stored.ts'

const names: readonly string[] = ['store', 'previous_response_id']
const marks: readonly Buffer[] = names.map((name) => Buffer.from(`"${name}"`))
const places = new KeyNames<number>(names.map((name, place) => [name, place]))
/** IDs that may name two responses or items: Ollama's end in a number below a million. */
const repeatable = /^[a-z]+_\d{1,7}$/

/**
 * Whether the gateway keeps the response to a request that passes through: unless the client forbids it, or the request
 * continues a response that the gateway does not have.
 */
export function isKept(body: Buffer): boolean {
  if (!marks.some((mark) => body.includes(mark))) return true
  const [store, previous] = memberSpans(body, places) ?? []
  return textOf(body, store) !== 'false' && (previous === undefined || textOf(body, previous) === 'null')
}

/** The response that a request continues; undefined for none. */
export function continuedResponse(body: Buffer): string | undefined {
  if (!body.includes('"previous_response_id"')) return undefined
  const text = textOf(body, memberSpans(body, places)?.[1])
  return text?.startsWith('"') === true ? text.slice(1, -1) : undefined
}

function textOf(body: Buffer, span: JsonSpan | undefined): string | undefined {
  return span && body.toString('latin1', span.start, span.end)
}

/** Whether another response may have the ID of an answer or of one of its items. */
export function mayRepeat({ id, itemIds }: EndedAnswer): boolean {
  return repeatable.test(id) || itemIds.some((itemId) => repeatable.test(itemId))
}

/** The responses of the store that have such an ID. */
export async function repeated({ id, itemIds }: EndedAnswer, store: ResponseStore): Promise<KeptResponse[]> {
  const found = [await store.get(id)]
  for (const itemId of itemIds) found.push(await store.withItem(itemId))
  return found.flatMap((kept) => kept ?? [])
}
