import { isObject, isText } from '../contract/json-values.ts'
import type { EndpointSlice } from './slices.ts'

type Json = Readonly<Record<string, unknown>>

/** Reads an EndpointSlice from the API's JSON; undefined if it is none. */
export function readSlice(value: unknown): EndpointSlice | undefined {
  if (!isObject(value) || !isObject(value.metadata)) return undefined
  const { metadata } = value
  const name = textOf(metadata.name)
  if (name === undefined) return undefined
  return {
    metadata: {
      name,
      namespace: textOf(metadata.namespace) ?? '',
      resourceVersion: textOf(metadata.resourceVersion) ?? '',
      labels: textsOf(metadata.labels),
      annotations: textsOf(metadata.annotations),
    },
    addressType: textOf(value.addressType) ?? 'IPv4',
    endpoints: listOf(value.endpoints).map((endpoint) => {
      const conditions = isObject(endpoint.conditions) ? endpoint.conditions : {}
      const target = isObject(endpoint.targetRef) ? endpoint.targetRef : {}
      return {
        addresses: Array.isArray(endpoint.addresses) ? endpoint.addresses.filter(isText) : [],
        conditions: {
          ready: flagOf(conditions.ready),
          serving: flagOf(conditions.serving),
          terminating: flagOf(conditions.terminating),
        },
        targetName: textOf(target.name),
      }
    }),
    ports: listOf(value.ports).map(({ name: portName, port }) => ({
      name: textOf(portName) ?? '',
      port: typeof port === 'number' ? port : undefined,
    })),
  }
}

const textOf = (value: unknown) => (isText(value) ? value : undefined)
const flagOf = (value: unknown) => (typeof value === 'boolean' ? value : undefined)
const listOf = (value: unknown): Json[] => (Array.isArray(value) ? value.filter(isObject) : [])

function textsOf(value: unknown): Record<string, string> {
  const texts: Record<string, string> = {}
  if (isObject(value)) for (const [key, text] of Object.entries(value)) if (isText(text)) texts[key] = text
  return texts
}
