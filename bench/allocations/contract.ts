// What the measuring process and the probe in the gateway's process exchange.

export interface MemoryReading {
  readonly heapBytes: number
  /** Of array buffers, outside V8's heap. */
  readonly bufferBytes: number
}

export type ProbeRequest =
  | { readonly kind: 'collect' | 'read' | 'stop-sampling' }
  | { readonly kind: 'sample'; readonly intervalBytes: number }
