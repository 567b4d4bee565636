import type { ServerResponse } from 'node:http'
import type { Fault } from './faults.ts'

/**
 * Writes one answer, part by part at a pace, with whatever fault was asked for. All kinds and dialects write
 * through it, so every fault works everywhere.
 */
export class Answer {
  readonly #response: ServerResponse
  readonly #fault: Fault | undefined
  #timer: NodeJS.Timeout | undefined
  #parts = 0

  constructor(response: ServerResponse, fault: Fault | undefined) {
    this.#response = response
    this.#fault = fault
    response.on('close', () => clearTimeout(this.#timer))
    response.on('error', () => {})
  }

  get isGone(): boolean {
    return this.#response.destroyed
  }

  json(body: unknown, status = 200): void {
    this.text(JSON.stringify(body), 'application/json', status)
  }

  text(body: string, contentType: string, status = 200): void {
    const malformed = this.#fault?.kind === 'malformed' ? body.slice(0, Math.ceil(body.length / 2)) : body
    const bytes = Buffer.from(malformed)
    const announced = this.#fault?.kind === 'truncate' ? bytes.length + 100 : bytes.length
    this.#begin(() => {
      this.#response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': announced })
      if (this.#diesAtHead()) return
      if (this.#fault?.kind === 'die')
        this.#response.write(bytes.subarray(0, bytes.length / 2), () => this.#cut())
      else if (this.#fault?.kind === 'truncate') this.#response.write(bytes, () => this.#response.destroy())
      else if (this.#fault?.kind === 'drip') this.#drip(bytes)
      else this.#response.end(bytes)
    })
  }

  /** @param paceMs between two parts; 0 sends as fast as the reader takes */
  stream(parts: readonly string[], contentType: string, firstMs: number, paceMs: number): void {
    this.#begin(() => {
      this.#response.writeHead(200, { 'Content-Type': contentType, 'Cache-Control': 'no-cache' })
      if (this.#diesAtHead()) return
      this.#response.flushHeaders()
      this.#timer = setTimeout(() => this.#next(parts, 0, paceMs), firstMs)
    })
  }

  #begin(run: () => void): void {
    if (this.#fault?.kind === 'delay') this.#timer = setTimeout(run, this.#fault.delayMs ?? 1000)
    else run()
  }

  #diesAtHead(): boolean {
    if (this.#fault?.kind !== 'reset_after_headers') return false
    this.#response.flushHeaders()
    setImmediate(() => this.#response.socket?.resetAndDestroy())
    return true
  }

  #next(parts: readonly string[], index: number, paceMs: number): void {
    for (let at = index; at < parts.length; at++) {
      if (this.isGone) return
      if (this.#fault?.kind === 'die' && this.#parts >= (this.#fault.chunks ?? 1)) {
        this.#cut()
        return
      }
      const isFree = this.#write(parts[at] ?? '')
      this.#parts++
      const go = () => this.#next(parts, at + 1, paceMs)
      if (!isFree) {
        this.#response.once('drain', go)
        return
      }
      if (paceMs > 0) {
        this.#timer = setTimeout(go, paceMs)
        return
      }
    }
    if (this.#fault?.kind === 'truncate') this.#response.destroy()
    else this.#response.end()
  }

  #write(part: string): boolean {
    return this.#response.write(this.#fault?.kind === 'malformed' ? part.replaceAll('}', '') : part)
  }

  #drip(bytes: Buffer, at = 0): void {
    if (this.isGone) return
    if (at >= bytes.length) {
      this.#response.end()
      return
    }
    this.#response.write(bytes.subarray(at, at + 1))
    this.#timer = setTimeout(() => this.#drip(bytes, at + 1), this.#fault?.delayMs ?? 5)
  }

  /** What was written goes out first: the reader shall see so much and no more. */
  #cut(): void {
    setImmediate(() => {
      if (this.#response.writableLength > 0) this.#cut()
      else this.#response.socket?.destroy()
    })
  }
}
