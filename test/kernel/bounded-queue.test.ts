import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { BoundedQueue, QueueFullError } from '../../src/kernel/bounded-queue.ts'

/** A task that ends on demand. */
function held() {
  let finish = () => {}
  const done = new Promise<void>((resolve) => {
    finish = resolve
  })
  return { finish, task: () => done }
}

describe('BoundedQueue', () => {
  it('limits running and waiting tasks, and rejects and counts the rest', async () => {
    const queue = new BoundedQueue({ concurrency: 2, capacity: 1 })
    const tasks = [held(), held(), held(), held()]
    const results = tasks.map(({ task }) => queue.push(task))
    assert.equal(queue.running, 2)
    assert.equal(queue.waiting, 1)
    await assert.rejects(async () => results[3], QueueFullError)
    assert.equal(queue.dropped, 1)
    for (const { finish } of tasks) finish()
    await Promise.all(results.slice(0, 3))
    assert.equal(queue.running, 0)
  })

  it('continues after a task that failed', async () => {
    const queue = new BoundedQueue({ concurrency: 1, capacity: 5 })
    await assert.rejects(
      queue.push(() => Promise.reject(new Error('task'))),
      /task/,
    )
    assert.equal(await queue.push(async () => 7), 7)
  })
})
