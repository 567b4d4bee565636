/** A shorter body undici may still be writing when this says that it is not. */
export const watchedBodyBytes = 65_536

/**
 * A body as an iterable of one part: undici, which does not tell when it has written bytes, asks for the next part
 * then. It waits for that with what is more than a socket's `writableHighWaterMark`, 64 KiB or less. It can be read
 * again from its beginning.
 * @param written the body is read no more
 */
export function watchedBody(body: Buffer, written: () => void): AsyncIterable<Buffer> {
  return {
    async *[Symbol.asyncIterator]() {
      yield body
      written()
    },
  }
}
