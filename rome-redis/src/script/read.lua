-- Answers reads from one state: the way out when the partition changes faster than pipelines can follow.
--
-- KEYS 1 meta, then what is read. ARGV: for each read its op and arguments.
--   'g' hash, record                          -> value
--   'z' index, entry                          -> its score
--   'u' hash of claims, columns, hash of rows -> {claim, row}
--   'c' ordered keys, lo, hi                  -> number
--   's' ordered keys, hash, mode, lo, hi, reverse, most, most bytes -> {members, records}; {members, records, 1} if the bytes were
--       too many: then the last member has no record and only shows that the span goes on
-- Answers {{seq, who is prepared, what is retired}, replies}, and if any is, their records and the time.
local replies, at, count = {}, 1, #ARGV
while at <= count do
  local op, key = ARGV[at], KEYS[tonumber(ARGV[at + 1])]
  local reply
  if op == 'g' then
    reply, at = call('HGET', key, ARGV[at + 2]), at + 3
  elseif op == 'z' then
    reply, at = call('ZSCORE', key, ARGV[at + 2]), at + 3
  elseif op == 'u' then
    local claim = call('HGET', key, ARGV[at + 2])
    local row = claim and sub(claim, 17)
    if row and not string.find(row, '[^%z]') then row = row .. '\0' end
    reply = { claim, row and call('HGET', KEYS[tonumber(ARGV[at + 3])], row) }
    at = at + 4
  elseif op == 'c' then
    reply, at = call('ZLEXCOUNT', key, ARGV[at + 2], ARGV[at + 3]), at + 4
  else
    local hash, mode = KEYS[tonumber(ARGV[at + 2])], ARGV[at + 3]
    local found = spans.members(key, ARGV[at + 4], ARGV[at + 5], ARGV[at + 6] == '1', tonumber(ARGV[at + 7]))
    local behind, left, cut = {}, tonumber(ARGV[at + 8]), nil
    if mode ~= 'n' then
      -- Few at first, as nothing is known of how long the records are.
      local start, size = 1, 16
      while start <= #found and not cut do
        local part = {}
        for i = start, math.min(start + size - 1, #found) do part[#part + 1] = found[i] end
        for i, record in ipairs(spans.records(hash, part, mode == 'r')) do
          local position = start + i - 1
          behind[position] = record
          left = left - #found[position] - (record and #record or 0)
          if left <= 0 and position < #found then
            cut = 1
            for beyond = #found, position + 2, -1 do found[beyond] = nil end
            break
          end
        end
        start, size = start + size, CHUNK
      end
    end
    reply, at = { found, behind, cut }, at + 9
  end
  -- A hole would end the reply.
  replies[#replies + 1] = reply or false
end
local look = call('HMGET', KEYS[1], 'seq', 'pending', 'gone')
local pending = look[2] or ''
if pending == '' then return { look, replies } end
local records = {}
for at = 1, #pending, 16 do
  records[#records + 1] = call('HGET', KEYS[1], 'x' .. sub(pending, at, at + 15))
end
return { look, replies, records, call('TIME') }
