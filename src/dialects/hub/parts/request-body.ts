import { isUtf8 } from 'node:buffer'
import { GatewayError } from '../../../kernel/errors.ts'
import type { MemberSkipper } from '../../../kernel/json/body-members.ts'
import { skipSpace } from '../../../kernel/json/json-bytes.ts'
import { type JsonScan, JsonScanner, scanJson } from '../../../kernel/json/json-depth.ts'
import { isObject, type JsonObject } from '../../../kernel/json/json-fields.ts'
import { LongTextFinder, type LongTextPlan, LongTexts } from '../../../kernel/json/long-texts.ts'
import { parseLossless } from '../../../kernel/json/lossless.ts'
import type { BodyBytes } from '../../../kernel/memory/body-bytes.ts'
import { valuesFor } from '../../../kernel/memory/memory-limit.ts'

/** Deepest nesting that is translated: serializing deeper values would overflow the stack. */
const maxDepth = 400
/** Number of values that can be parsed and translated with the available heap. */
const heapValues = valuesFor()

/** In a smaller body, replacing long texts saves nothing. */
const minShortBytes = 4_096

/** A request that has been parsed. */
export interface ParsedRequest {
  readonly request: JsonObject
  /** What the marks in the request stand for; undefined if it has none. */
  readonly texts: LongTexts | undefined
  /** By which the marks were set; undefined if there are none. */
  readonly plan?: LongTextPlan | undefined
}

/**
 * Parses a request that is to be translated, without its long texts: marks stand for what is between their first and
 * their last characters.
 * @param minBytes a smaller body is parsed in full
 * @throws GatewayError invalid_json, invalid_request
 */
export function parseShort(body: Buffer, plan: LongTextPlan, minBytes = minShortBytes): ParsedRequest {
  const scan = new RequestScan(body, plan, minBytes)
  scan.all()
  return scan.parse()
}

/** Prepares `parse`, which equals `parseShort`, while something else passes the members of a request. */
export class RequestScan implements MemberSkipper {
  readonly #body: Buffer
  readonly #plan: LongTextPlan
  readonly #finder: LongTextFinder | undefined
  readonly #scanner: JsonScanner

  /** @param minBytes a smaller body is parsed in full */
  constructor(body: Buffer, plan: LongTextPlan, minBytes = minShortBytes) {
    this.#body = body
    this.#plan = plan
    this.#finder = body.length < minBytes ? undefined : new LongTextFinder(body, plan)
    this.#scanner = new JsonScanner(body, maxDepth, heapValues, this.#finder)
  }

  /** @throws GatewayError invalid_request */
  member(keyStart: number, start: number): number {
    const end = this.#scanner.member(keyStart, start)
    if (end < 0) refuseExcess(this.#scanner, heapValues)
    return end
  }

  /** Passes the whole body. @throws GatewayError invalid_request */
  all(): void {
    this.#scanner.pass(skipSpace(this.#body, 0), 0)
    refuseExcess(this.#scanner, heapValues)
  }

  /**
   * Parses the request once all of it has been passed.
   * @throws GatewayError invalid_json, invalid_request
   */
  parse(): ParsedRequest {
    const body = this.#body
    const { hasLongNumbers } = this.#scanner
    const cuts = this.#finder?.cuts
    // Decoding would replace invalid bytes.
    const texts =
      cuts !== undefined && cuts.length > 0 && isUtf8(body) ? new LongTexts(body, cuts) : undefined
    const request = parseObject(texts?.text() ?? body.toString('utf8'), hasLongNumbers)
    return { request, texts, plan: this.#plan }
  }
}

/**
 * Uses a request without its long texts and its runs of messages if that is possible, else without the texts, else in
 * full.
 * @param use uses `writeBody`
 * @throws GatewayError invalid_json, invalid_request
 */
export function shortOrFull<Result>(
  body: Buffer,
  short: ParsedRequest,
  use: (parsed: ParsedRequest) => Result,
): Result {
  let parsed = short
  while (parsed.texts !== undefined) {
    try {
      return use(parsed)
    } catch {
      // Using it in full reports what is wrong with it, or succeeds.
      parsed = lessShort(body, parsed)
    }
  }
  return use(parsed)
}

function lessShort(body: Buffer, { texts, plan }: ParsedRequest): ParsedRequest {
  return texts?.hasRuns === true && plan !== undefined
    ? parseShort(body, { ...plan, messages: undefined }, 0)
    : { request: parseRequest(body), texts: undefined }
}

/**
 * Writes JSON for an endpoint.
 * @param texts of the request that was read
 * @throws Error if they cannot be put into what is written, because some of them have been changed or left out
 */
export function writeBody(value: JsonObject, texts: LongTexts | undefined): BodyBytes {
  const json = JSON.stringify(value)
  if (texts === undefined) return Buffer.from(json)
  const body = texts.write(json)
  if (body === undefined) throw new Error('The long texts of the request have been changed.')
  return body
}

/**
 * Parses a request that is to be translated.
 * @throws GatewayError invalid_json, invalid_request
 */
export function parseRequest(body: Buffer): JsonObject {
  const hasLongNumbers = scanRequest(body)
  return parseObject(body.toString('utf8'), hasLongNumbers)
}

/**
 * @param maxValues members and items of all objects and lists together
 * @returns whether a number may be too long for `JSON.parse`
 * @throws GatewayError invalid_request if there are more, or if they are nested too deeply to be serialized
 */
export function scanRequest(body: Buffer, maxValues: number = heapValues): boolean {
  const scan = scanJson(body, maxDepth, maxValues)
  refuseExcess(scan, maxValues)
  return scan.hasLongNumbers
}

function refuseExcess({ excess }: JsonScan, maxValues: number): void {
  if (excess === 'depth') refuse(`the request is nested more than ${maxDepth} levels deep`)
  if (excess === 'values') refuse(`the request has more than ${maxValues} values`)
}

function parseObject(text: string, hasLongNumbers: boolean): JsonObject {
  const request = parse(text, hasLongNumbers)
  return isObject(request) ? request : refuse('the request body must be an object')
}

function parse(text: string, hasLongNumbers: boolean): unknown {
  try {
    return hasLongNumbers ? parseLossless(text) : JSON.parse(text)
  } catch (error) {
    throw new GatewayError('invalid_json', undefined, { cause: error })
  }
}

function refuse(message: string): never {
  throw new GatewayError('invalid_request', message)
}
