import type { JsonObject } from '../../../kernel/json/json-fields.ts'
import type { Feature } from '../../hub/contract/features.ts'
import type { RankingRequest } from '../../hub/contract/ranking.ts'
import { invalidField, usedFields } from '../../hub/parts/request-fields.ts'
import { readText, readTexts } from './read-request.ts'

export const scoreFields = {
  model: 'none',
  text_1: 'none',
  text_2: 'none',
  // Later names for the same.
  data_1: 'none',
  data_2: 'none',
  queries: 'none',
  documents: 'none',
  items: 'none',
  truncate_prompt_tokens: 'truncation',
  use_activation: 'none',
  activation: 'none',
  priority: 'none',
  instruction: 'engine_options',
} satisfies Readonly<Record<string, Feature | 'none'>>

const firstNames = ['text_1', 'data_1', 'queries'] as const
const secondNames = ['text_2', 'data_2', 'documents', 'items'] as const

/** Reads a request for vLLM's `/score`: one text against one or many, or pairs of as many. */
export function readScoreRequest(request: JsonObject): RankingRequest {
  const first = nameIn(request, firstNames)
  const second = nameIn(request, secondNames)
  const documents = readSide(request[second], second)
  const given = readSide(request[first], first)
  if (given.length > 1 && given.length !== documents.length) {
    throw invalidField(first, `must be one text, or as many as ${second}`)
  }
  const queries = given.every((each) => each === given[0]) ? given.slice(0, 1) : given
  const uses = usedFields(request, scoreFields)
  if (queries.length > 1) uses.add('several_queries')
  return { queries, documents, topN: undefined, returnsDocuments: undefined, uses }
}

function nameIn(request: JsonObject, names: readonly [string, ...string[]]): string {
  return names.find((name) => request[name] !== undefined && request[name] !== null) ?? names[0]
}

function readSide(value: unknown, field: string): readonly string[] {
  return Array.isArray(value) ? readTexts(value, field) : [readText(value, field)]
}
