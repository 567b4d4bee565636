import { GatewayError } from '../errors.ts'
import type { BodyEdit } from '../json/body-edit.ts'
import { type JsonSpan, scanBody } from '../json/body-scan.ts'
import { type RequestNeeds, readNeeds } from '../model/needs.ts'
import { usageEdit } from '../usage/usage-ask.ts'

/** What routing learns from a request. */
export interface Inspection {
  readonly model: string | undefined
  /** Where the name stands in a JSON body. */
  readonly modelSpan: JsonSpan | undefined
  /** Whether a stream is asked for. */
  readonly isStream: boolean
  /** Undefined where the body says nothing that narrows the choice. */
  readonly needs: (() => RequestNeeds) | undefined
  /** What makes an endpoint tell the usage of a stream whose client does not ask for it. */
  readonly usageEdit: BodyEdit | undefined
}

/** Of a request without a body that can be read. */
export const noInspection: Inspection = {
  model: undefined,
  modelSpan: undefined,
  isStream: false,
  needs: undefined,
  usageEdit: undefined,
}

/**
 * Reads the model and the needs from the raw bytes. A missing content type is read as JSON if it is JSON:
 * curl users forget it, and endpoints accept it.
 * @throws GatewayError invalid_json where JSON was announced and is not there
 */
export function inspectRequest(
  body: Buffer | null,
  contentType: string | undefined,
  path: string,
): Inspection {
  if (body === null) return noInspection
  const type = contentType ?? ''
  const isAnnounced = type === 'application/json' || /^\s*application\/(?:[\w.+-]*\+)?json\b/i.test(type)
  if (!isAnnounced && type !== '') return noInspection
  const scanned = scanBody(body)
  if (scanned === undefined) {
    // A list is JSON as well; it names no model.
    if (!isAnnounced || firstByte(body) === 0x5b) return noInspection
    throw new GatewayError('invalid_json')
  }
  const model = scanned.model?.trim()
  return {
    model: model === '' ? undefined : model,
    modelSpan: scanned.modelSpan,
    isStream: scanned.stream === true,
    needs: () => readNeeds(body, scanned, path),
    usageEdit: usageEdit(body, scanned, path),
  }
}

function firstByte(body: Buffer): number | undefined {
  for (const byte of body) if (byte > 0x20) return byte
  return undefined
}
