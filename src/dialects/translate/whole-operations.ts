import type { JsonObject } from '../../kernel/json/json-fields.ts'
import type { AnswerForm } from '../contract/answer-form.ts'
import type { Dialect } from '../contract/dialect.ts'
import type { Fates, Feature } from '../hub/contract/features.ts'
import type { WholeCall, WholeRequest } from '../hub/contract/whole.ts'
import type { WholeFormat } from '../hub/exchange/exchange-format.ts'
import type { RequestVariant } from '../variants/request-variant.ts'
import { wholeVariant } from './whole-variant.ts'

/** An operation whose answers are never streamed, on one path of clients. */
export interface WholeOperation {
  /** Of its format. */
  readonly name: string
  /** Operations translate into those of the same family. */
  readonly family: string
  readonly path: string
  readonly fields: Readonly<Record<string, Feature | 'none'>>
  readonly fates: Fates
  readonly isForClientsOnly: boolean
  readonly immediateAnswer?: undefined
  /** @throws GatewayError invalid_request that names the field */
  read(request: JsonObject): ReadExchange
}

/** A client's request that has been read. */
export interface ReadExchange {
  /** Of the format that the request has: a path may have several. */
  readonly name: string
  readonly uses: ReadonlySet<Feature>
  to(operation: WholeOperation, sent: SentExchange): RequestVariant
}

/** How a request is sent to an endpoint. */
export interface SentExchange extends Omit<WholeCall<WholeRequest>, 'request'> {
  readonly path: string
  readonly sentModel: string
}

interface Listed<Request extends WholeRequest, Answer> {
  readonly format: WholeFormat<Request, Answer>
  readonly dialect: Dialect
}

/** The operations of all dialects: those of endpoints, best first, then the same on further paths of clients. */
export function wholeOperations(dialects: readonly Dialect[]): readonly WholeOperation[] {
  return [
    ...operationsOf(
      dialects.flatMap((dialect) => dialect.embeddings?.map((format) => ({ format, dialect })) ?? []),
    ),
    ...operationsOf(
      dialects.flatMap((dialect) => dialect.rankings?.map((format) => ({ format, dialect })) ?? []),
    ),
  ]
}

function operationsOf<Request extends WholeRequest, Answer>(
  listed: readonly Listed<Request, Answer>[],
): WholeOperation[] {
  const main = (each: Listed<Request, Answer>) => operation(each, each.format.path, listed)
  // A format that must recognize its requests shares its paths with one that takes all others, which comes first.
  const plain = listed.filter(({ format }) => format.matches === undefined)
  return [
    ...plain.map(main),
    ...plain.flatMap((each) =>
      (each.format.otherPaths ?? []).map((path) => ({
        ...operation(each, path, listed),
        isForClientsOnly: true,
      })),
    ),
    ...listed.filter((each) => !plain.includes(each)).map(main),
  ]
}

function operation<Request extends WholeRequest, Answer>(
  { format, dialect }: Listed<Request, Answer>,
  path: string,
  listed: readonly Listed<Request, Answer>[],
): WholeOperation {
  const { name, family, fields, fates, isForClientsOnly = false } = format
  const form = dialect.answers.find((each) => each.owns(path))
  return {
    name,
    family,
    path,
    fields,
    fates,
    isForClientsOnly,
    read(request) {
      const client = formatOf(request, format, path, listed)
      const read = client.readRequest(request)
      return {
        name: client.name,
        uses: read.uses,
        to: (to, { path: sentPath, sentModel, ...call }) =>
          wholeVariant({
            client,
            endpoint: named(to.name, listed),
            call: { ...call, request: read },
            path: sentPath,
            sentModel,
            errors: dialect.errors,
            form: owned(form, path),
            mode: 'translated',
          }),
      }
    },
  }
}

/** The format of a request on a path that several formats may share. */
function formatOf<Request extends WholeRequest, Answer>(
  request: JsonObject,
  ofPath: WholeFormat<Request, Answer>,
  path: string,
  listed: readonly Listed<Request, Answer>[],
): WholeFormat<Request, Answer> {
  const sharing = listed.find(
    ({ format: { path: own, otherPaths = [], matches } }) =>
      (own === path || otherPaths.includes(path)) && matches?.(request) === true,
  )
  return sharing?.format ?? ofPath
}

function named<Request extends WholeRequest, Answer>(
  name: string,
  listed: readonly Listed<Request, Answer>[],
): WholeFormat<Request, Answer> {
  const found = listed.find(({ format }) => format.name === name)
  if (found === undefined) throw new Error(`No format "${name}" in this family.`)
  return found.format
}

function owned(form: AnswerForm | undefined, path: string): AnswerForm {
  if (form === undefined) throw new Error(`No form of answers for ${path}.`)
  return form
}
