/** An image or a document in a body: its bytes are no text. */
const base64Mark = Buffer.from(';base64,')
const quote = 0x22

export interface TextSize {
  /** Without encoded images and documents. */
  readonly bytes: number
  /** Images and documents, as data URLs. */
  readonly images: number
}

/** How much of a JSON body is text. */
export function textSize(body: Buffer): TextSize {
  let bytes = body.length
  let images = 0
  let mark = body.indexOf(base64Mark)
  while (mark >= 0) {
    const end = body.indexOf(quote, mark)
    if (end < 0) break
    bytes -= end - mark
    images++
    mark = body.indexOf(base64Mark, end)
  }
  return { bytes, images }
}
