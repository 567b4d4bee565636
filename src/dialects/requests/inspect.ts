import { type FieldSpan, findField, findQueryField } from '../../http/body/form-fields.ts'
import { readMediaType } from '../../http/body/media-type.ts'
import { GatewayError } from '../../kernel/errors.ts'
import type { BodyEdit } from '../../kernel/json/body-edit.ts'
import type { MemberSkipper } from '../../kernel/json/body-members.ts'
import {
  type BodyKeys,
  type JsonSpan,
  nameAt,
  type ScannedBody,
  scanBody,
} from '../../kernel/json/body-scan.ts'
import { openBrace, openBracket, skipSpace } from '../../kernel/json/json-bytes.ts'
import { checkModelName } from '../../kernel/names/model-name.ts'
import { type RequestNeeds, readNeeds } from '../../routing/models/needs.ts'
import { answerFormOf } from '../answers/form-finder.ts'
import { operationOf } from './operation.ts'

/** Position of a model name outside a JSON body: in a form or in the query. */
export interface TextPlace extends FieldSpan {
  readonly in: 'form' | 'query'
}

/** What routing needs to know about a request. */
export interface Inspection {
  readonly model: string | undefined
  /** Position of the name in a JSON body. */
  readonly modelSpan: JsonSpan | undefined
  /** Position of the name if it is not in a JSON body. */
  readonly modelPlace: TextPlace | undefined
  /** Whether the client requests a stream. */
  readonly isStream: boolean
  /** Whether the client rules a stream out, for APIs that stream by default. */
  readonly isStreamOff: boolean
  /** Bytes of a JSON body that are for the model; undefined if the body has not been read. */
  readonly promptBytes: number | undefined
  /** Keys at the top of a JSON body; undefined if the body has not been read. */
  readonly keys: BodyKeys | undefined
  /** Undefined if the body does not restrict the choice of endpoints. */
  readonly needs: (() => RequestNeeds) | undefined
  /** Whether the body may limit the length or number of answers. */
  readonly mayLimitOutput: boolean
  /** Makes the endpoint report the usage of a stream whose client does not request it. */
  readonly usageEdit: BodyEdit | undefined
  /** The content type to send instead of the client's; undefined keeps it. */
  readonly contentType: string | undefined
}

/** For a request without readable content. */
export const noInspection: Inspection = {
  model: undefined,
  modelSpan: undefined,
  modelPlace: undefined,
  isStream: false,
  isStreamOff: false,
  promptBytes: undefined,
  keys: undefined,
  needs: undefined,
  // What was not read may contain anything.
  mayLimitOutput: true,
  usageEdit: undefined,
  contentType: undefined,
}

const jsonType = 'application/json'

/**
 * Reads the model and the needs from the raw bytes. A JSON object is read under any content type except those of binary
 * data: `curl -d` declares every body a form, and most endpoints ignore the type.
 * @param path as sent to the endpoint
 * @param query with its `?`, or ''
 * @throws GatewayError invalid_json if the content type is JSON and the body is not, invalid_request if the model of an
 * inference request is not a string or its name is too long
 */
export function inspectRequest(
  body: Buffer | null,
  contentType: string | undefined,
  path: string,
  query = '',
): Inspection {
  const inspection = inspectBody(body, contentType, path)
  return query === '' || inspection.model !== undefined ? inspection : withQueryModel(inspection, query)
}

function inspectBody(body: Buffer | null, contentType: string | undefined, path: string): Inspection {
  if (body === null) return noInspection
  if (contentType === jsonType) return inspectJson(body, path, undefined)
  const { kind } = readMediaType(contentType ?? '')
  if (kind === 'json') return inspectJson(body, path, undefined)
  if (kind === 'multipart' || kind === 'binary') return noInspection
  if (body[skipSpace(body, 0)] === openBrace) {
    const scanned = scanBody(body)
    // A strict server refuses JSON under another type.
    if (scanned !== undefined) return inspectScanned(body, scanned, path, jsonType)
  }
  return kind === 'form' ? inspectForm(body) : noInspection
}

/**
 * Reads a JSON body.
 * @param skipper passes the values of its members
 * @throws as `inspectRequest` does
 */
export function inspectJson(
  body: Buffer,
  path: string,
  contentType: string | undefined,
  skipper?: MemberSkipper,
): Inspection {
  const scanned = scanBody(body, skipper)
  if (scanned !== undefined) return inspectScanned(body, scanned, path, contentType)
  // An array is valid JSON too, but names no model.
  if (body[skipSpace(body, 0)] === openBracket) return noInspection
  throw new GatewayError('invalid_json')
}

function inspectScanned(
  body: Buffer,
  scanned: ScannedBody,
  path: string,
  contentType: string | undefined,
): Inspection {
  if (scanned.wrongModelType !== undefined && operationOf(path).isInference)
    throw new GatewayError('invalid_request', `model field must be a string, got ${scanned.wrongModelType}`)
  if (scanned.isModelAmbiguous)
    throw new GatewayError('invalid_request', 'model field is given twice, in two spellings')
  let model = scanned.model?.trim()
  let { modelSpan } = scanned
  // Ollama's Go clients send an empty `model` if they name the model in `name`.
  if (model === undefined || model === '') {
    const span =
      scanned.nameSpan !== undefined && operationOf(path).acceptsName ? scanned.nameSpan : undefined
    const name = span === undefined ? '' : nameAt(body, span.start, span.end)?.trim()
    model = name === '' ? undefined : name
    modelSpan = model === undefined ? undefined : span
  }
  if (model !== undefined) checkModelName(model)
  return {
    model,
    modelSpan,
    modelPlace: undefined,
    isStream: scanned.stream === true,
    isStreamOff: scanned.stream === false,
    promptBytes: scanned.promptBytes,
    keys: scanned.keys,
    needs: () => readNeeds(body, scanned, path),
    mayLimitOutput: scanned.mayLimitOutput,
    usageEdit:
      scanned.stream === true ? answerFormOf('POST', path)?.editForUsage?.(body, scanned) : undefined,
    contentType,
  }
}

function inspectForm(body: Buffer): Inspection {
  const field = findField(body, 'model')
  if (field === undefined) return noInspection
  const { value, start, end } = field
  checkModelName(value)
  return { ...noInspection, model: value, modelPlace: { in: 'form', start, end } }
}

/**
 * @param model from the form
 * @throws GatewayError invalid_request if the name is too long
 */
export function inspectUpload(model: string | undefined, query: string): Inspection {
  const named = model?.trim() ?? ''
  checkModelName(named)
  return named === '' ? withQueryModel(noInspection, query) : { ...noInspection, model: named }
}

/** Takes the model from the query if the body names none (llama.cpp's `/props?model=`). */
function withQueryModel(inspection: Inspection, query: string): Inspection {
  const field = findQueryField(query, 'model')
  if (field === undefined) return inspection
  const { value, start, end } = field
  checkModelName(value)
  return { ...inspection, model: value, modelSpan: undefined, modelPlace: { in: 'query', start, end } }
}

/** The content type for a JSON body whose own content type is not JSON; undefined keeps the client's. */
export function jsonTypeFor(contentType: string | undefined): string | undefined {
  if (contentType === jsonType) return undefined
  return readMediaType(contentType ?? '').kind === 'json' ? undefined : jsonType
}

const bom = Buffer.from([0xef, 0xbb, 0xbf])

/**
 * Removes the byte order mark from a JSON text, where RFC 8259 section 8.1 forbids it and strict parsers refuse it.
 * Returns any other body unchanged.
 */
export function withoutBom(body: Buffer): Buffer {
  if (body[0] !== 0xef || !body.subarray(0, 3).equals(bom)) return body
  const first = body[skipSpace(body, 3)]
  return first === openBrace || first === openBracket ? body.subarray(3) : body
}
