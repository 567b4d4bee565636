import type { BackendProfile } from '../../endpoints/profiles/profile.ts'
import type { JsonObject } from '../../kernel/json/json-fields.ts'
import type { GatheredAnswer, RequestVariant } from '../variants/request-variant.ts'

const defaultPath = '/v1/models'

/**
 * For a request that no endpoint of another API needs to see, such as one that only loads a model: the endpoint shows
 * with its model list that it answers, and the client gets an answer of the gateway.
 */
export function checkedVariant(profile: BackendProfile | undefined, answer: JsonObject): RequestVariant {
  return {
    method: 'GET',
    path: profile?.modelDiscoveryPath ?? defaultPath,
    query: '',
    body: null,
    mode: 'translated',
    answer: ({ statusCode }) => (statusCode >= 400 ? undefined : discarded(answer)),
  }
}

function discarded(answer: JsonObject): GatheredAnswer {
  return {
    isOver: true,
    push: () => undefined,
    end: () => ({
      statusCode: 200,
      headers: ['Content-Type', 'application/json; charset=utf-8'],
      body: Buffer.from(JSON.stringify(answer)),
    }),
  }
}
