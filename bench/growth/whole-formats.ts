// Every format without streams, embeddings and rankings: requests are written, read and written again, and answers too.

import { dialects } from '../../src/dialects/all.ts'
import type { EmbeddingsAnswer, EmbeddingsRequest } from '../../src/dialects/hub/contract/embeddings.ts'
import type { RankingAnswer, RankingRequest } from '../../src/dialects/hub/contract/ranking.ts'
import type { WholeRequest } from '../../src/dialects/hub/contract/whole.ts'
import type { WholeFormat } from '../../src/dialects/hub/exchange/exchange-format.ts'
import type { GrowthCase } from './cases.ts'

const times = (bytes: number, each: number) =>
  Array.from({ length: Math.max(1, Math.floor(bytes / each)) }, (_, at) => at)
const usage = { promptTokens: 1 }

interface Exchange<Request, Answer> {
  readonly shape: string
  request(bytes: number): Request
  answer(bytes: number): Answer
}

const embeddings: Exchange<EmbeddingsRequest, EmbeddingsAnswer> = {
  shape: 'many inputs',
  request: (bytes) => ({
    inputs: times(bytes, 40).map((at) => `a text of some words ${at}`),
    dimensions: undefined,
    encoding: 'float',
    uses: new Set(),
  }),
  answer: (bytes) => ({ model: 'm', vectors: times(bytes, 40).map((at) => [at, 0.5, -0.25]), usage }),
}

const rankings: Exchange<RankingRequest, RankingAnswer> = {
  shape: 'many documents',
  request: (bytes) => ({
    queries: ['which one?'],
    documents: times(bytes, 40).map((at) => `a document of some words ${at}`),
    topN: undefined,
    returnsDocuments: true,
    uses: new Set(),
  }),
  answer: (bytes) => ({
    model: 'm',
    scores: times(bytes, 40).map((at) => ({ index: at, score: (at * 7919) % 1_000 })),
    usage,
  }),
}

function casesOf<Request extends WholeRequest, Answer>(
  formats: readonly WholeFormat<Request, Answer>[],
  { shape, request, answer }: Exchange<Request, Answer>,
): GrowthCase[] {
  return formats.map((from) => ({
    reader: `${from.family} of ${from.name}`,
    shape,
    run: (bytes) => {
      const read = from.readRequest(JSON.parse(JSON.stringify(from.writeRequest(request(bytes), 'm'))))
      for (const to of formats) JSON.stringify(to.writeRequest(read, 'm'))
      const call = {
        request: read,
        model: 'm',
        keepsModel: false,
        newId: (prefix: string) => `${prefix}_1`,
        nowMs: () => 0,
        elapsedNs: () => 1,
      }
      const written = from.writeAnswer(answer(bytes), call)
      if (typeof written !== 'string') throw new Error(written.message)
      const reading = from.readAnswer(JSON.parse(written), read)
      if ('failure' in reading) throw new Error(reading.failure.message)
      for (const to of formats) to.writeAnswer(reading.answer, call)
    },
  }))
}

export const wholeFormats: readonly GrowthCase[] = [
  ...casesOf(
    dialects.flatMap((dialect) => dialect.embeddings ?? []),
    embeddings,
  ),
  ...casesOf(
    dialects.flatMap((dialect) => dialect.rankings ?? []),
    rankings,
  ),
]
