/** Size in bytes up to which undici may still be writing the body when it requests the next part. */
export const watchedBodyBytes = 65_536

/**
 * A body as an iterable of one part. undici does not report that it has written a body, but it requests the next part
 * then. With more than the socket's `writableHighWaterMark`, 64 KiB or less, it waits for the socket before that.
 * The iterable can be read again from the start.
 * @param written called when undici no longer reads the body
 */
export function watchedBody(body: Buffer, written: () => void): AsyncIterable<Buffer> {
  return {
    async *[Symbol.asyncIterator]() {
      yield body
      written()
    },
  }
}
