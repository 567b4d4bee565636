// One streamed chat through a running demo gateway: must end with [DONE] and name its endpoint.
const [address] = process.argv.slice(2)
const deadline = Date.now() + 20_000
for (;;) {
  const ready = await fetch(`${address}/internal/ready`)
  if (ready.status === 200) break
  if (Date.now() > deadline) throw new Error(`not ready: ${await ready.text()}`)
  await new Promise((resolve) => setTimeout(resolve, 100))
}
const response = await fetch(`${address}/v1/chat/completions`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({
    model: 'llama3.2:3b',
    stream: true,
    max_tokens: 8,
    messages: [{ role: 'user', content: 'hello' }],
  }),
})
const text = await response.text()
if (response.status !== 200 || !text.trimEnd().endsWith('data: [DONE]')) {
  throw new Error(`unexpected answer ${response.status}: ${text.slice(0, 500)}`)
}
console.log(`streamed through ${response.headers.get('x-olla-endpoint')}`)
