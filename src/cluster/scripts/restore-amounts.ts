import { stateTtlMs } from './keys.ts'
import { script, serverNow } from './script.ts'

/** Time in which all replicas report what they know. */
const reportMs = 10_000

/**
 * Restores amounts of limits to a server that has lost the last ones: it was restored from an old dump or flushed, or a
 * replica of it took over that lacked them. Each gateway reports what it saw last. The first report of a bucket raises it;
 * a later report that saw the bucket after that one replaces it, and keeps what was added since.
 *
 * Keys: alive, calls of the replica, reports, then a hash for each limit, of amounts by bucket. Arguments: replica, and
 * JSON with
 * - `number`: of the last call of `limits` that the replica has an answer to
 * - `amounts`: index of a key, bucket, the server's time in microseconds when the replica saw it, amount, TTL
 * - `isLast`: whether the replica has reported everything with this
 *
 * Returns `lost` to a replica that is no member, `current` if the server has run that call, and so has lost nothing
 * that the replica knows, or `behind` and the number of the last call that it has run.
 */
export const restoreAmountsScript = script(
  'restore amounts',
  `${serverNow}local me = ARGV[1]
local report = cjson.decode(ARGV[2])
local calls, reports = KEYS[2], KEYS[3]
local mine = redis.call('ZSCORE', KEYS[1], me)
if not mine or tonumber(mine) < now then return { 'lost' } end
local latest = tonumber(redis.call('HGET', calls, 'limits') or '0')
redis.call('PEXPIRE', calls, ${stateTtlMs})
if latest >= report.number then return { 'current' } end
local function whole(n) return string.format('%.0f', n) end
for _, r in ipairs(report.amounts) do
  local key, field, at, amount = KEYS[r[1] + 4], whole(r[2]), r[3], r[4]
  local mark = key .. ' ' .. field
  local current = tonumber(redis.call('HGET', key, field) or '0')
  local seenAt, raisedTo = string.match(redis.call('HGET', reports, mark) or '', '^(%d+) (%d+)$')
  local value
  if not seenAt then
    value = math.max(amount, current)
  elseif at > tonumber(seenAt) then
    value = math.max(0, amount + current - tonumber(raisedTo))
  end
  if value and value ~= current then
    redis.call('HSET', key, field, whole(value))
    if redis.call('PTTL', key) < r[5] then redis.call('PEXPIRE', key, whole(r[5])) end
  end
  if value and (seenAt or amount >= current) then
    redis.call('HSET', reports, mark, whole(at) .. ' ' .. whole(amount))
  end
end
redis.call('PEXPIRE', reports, ${reportMs})
if report.isLast then
  redis.call('HSET', calls, 'limits', whole(report.number))
  redis.call('PEXPIRE', calls, ${stateTtlMs})
end
return { 'behind', latest }
`,
)
