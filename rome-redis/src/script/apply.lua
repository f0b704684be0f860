-- Steps of one partition, one after the other: checks, then effects, then the outcome of each.
--
-- KEYS 1 meta, then all that checks and effects touch.
-- ARGV 1 owner, then the program of each step, then what the programs take, in order; of a prepared one at last its
-- primary and its lease, 4 bytes each. An argument costs the server more than the bytes in it, so all that is small and not
-- data is packed into the program:
--   bytes 1-8 lane, 9-16 number, 17 flags (1 write in any case, so that WAIT has what to wait for; 2 an effect adds; 4 the first
--   datum is unchanged_since; 8 the last check and the first effect are one, below), 18 what to do, below, 19 number of programs,
--   20-21 where in ARGV its data begin, 22 number of reads, 23 number of all checks, 24 number of sentinels; 25-28 schema, 29-40
--   the three numbers again, where one of them is 255 or more; 41-44 where in the program and 45-48 after how many data the
--   checks begin that `unchanged_since` does not stand for; then checks, sentinels, effects.
-- What to do: 0 one; 1 prepare; 2 push; 3 push and abort; 4 finish, aborted; 5 finish, committed, with the effects that were
-- prepared; 6 the same, for a caller who saw none prepared. Steps other than 0 come alone.
--
-- Answers one string for a step that came alone, or a list of them: 'D' seq; 'R' n or 'C' n, a read or a check that failed; 'S'
-- gate; 'B', id, primary and '1' if its lease is over, a prepared transaction in the way; 'X', aborted; 'U', undecided; 'T',
-- it is prepared after all; 'A' and what was recorded; 'L', a later one of the lane was decided; 'E', to be adopted first; 'F'
-- or 'G', another database or none; 'O' n, effect n overflows; 'N' n, effect n adds to what is no counter; 'M' and an entry
-- without its record; 'Z', it failed and should come alone; 'Y', `seq` is no number.
--
-- Nothing may fail after the first effect: Redis keeps what a failed script has done. So whatever can fail is tried
-- before: sums are computed, and the type of each key is proved by its sentinel. Where several steps come together the error
-- of one is caught, so that the others end as if it had not come; what it did before stays, as when it comes alone.
--
-- A server without memory refuses the first write of a script alone, and no removal. So what adds nothing that lasts, to repeat or to
-- end something, begins with a removal, if need be of the field 'none', which is never there.
local ARGV, KEYS = ARGV, KEYS
local meta, owner, first_program = KEYS[1], ARGV[1], ARGV[2]
local programs = byte(first_program, 19)

local state
if programs == 1 then
  state = call('HMGET', meta, 'owner', 'seq', 'gate', 'pending', sub(first_program, 1, 8))
else
  local fields = { 'owner', 'seq', 'gate', 'pending' }
  for i = 1, programs do fields[4 + i] = sub(ARGV[1 + i], 1, 8) end
  state = call('HMGET', meta, unpack(fields))
end
local seq, gate, pending = state[2], state[3], state[4] or ''
-- Functions are made anew in each run, so these only when they are needed.
local keep, note, add_later, remove_later, settle, blame = nil, nil, nil, nil, nil, nil
-- What several steps leave in meta, and whether one of them has changed anything; and by their places the sorted sets to which
-- they add members or from which they remove some. A command costs more than a member, so these go there together, before anyone
-- looks. No member is in both lists of a set. Nothing waits before a first write: a server without memory may still refuse that,
-- and takes all that follows, so what waits is not refused any more. If someone else has broken the key of a set, the steps whose
-- members wait for it, at the negative of their number, are told so; the others and all records are not lost with it.
local current, broken = 0, nil
local records, recorded, changed, added, removed, dirty = nil, 0, false, nil, nil, false
if programs > 1 then
  records, added, removed, broken = {}, {}, {}, {}
  note = function(lane, outcome, has_changed)
    records[recorded + 1], records[recorded + 2] = lane, outcome
    recorded, changed = recorded + 2, changed or has_changed
  end
  blame = function(reply, members)
    if type(reply) ~= 'table' then return end
    for i = 1, programs do
      if members[-i] then broken[i] = reply end
    end
  end
  settle = function()
    for place, members in pairs(removed) do
      removed[place] = nil
      blame(redis.pcall('ZREM', KEYS[place], unpack(members)), members)
    end
    for place, members in pairs(added) do
      added[place] = nil
      blame(redis.pcall('ZADD', KEYS[place], unpack(members)), members)
    end
  end
  add_later = function(place, member)
    if not dirty then
      call('ZADD', KEYS[place], '0', member)
      dirty = true
      return
    end
    local others = removed[place]
    if others and others[member] then settle() end
    local members = added[place]
    if members then
      local n = #members
      members[n + 1], members[n + 2], members[member], members[-current] = '0', member, true, true
    else
      added[place] = { '0', member, [member] = true, [-current] = true }
    end
  end
  remove_later = function(place, member)
    if not dirty then
      call('ZREM', KEYS[place], member)
      dirty = true
      return
    end
    local others = added[place]
    if others and others[member] then settle() end
    local members = removed[place]
    if members then
      members[#members + 1], members[member], members[-current] = member, true, true
    else
      removed[place] = { member, [member] = true, [-current] = true }
    end
  end
end

-- Carries out one step; `last` is the record of its lane.
local function carry_out(program, last)
  local lane, number = sub(program, 1, 8), sub(program, 9, 16)
  local flags, step, _, start_high, start_low, reads, checks, sentinels = byte(program, 17, 24)
  if reads == 255 or checks == 255 or sentinels == 255 then
    reads, checks, sentinels = unpack_bytes('>I4I4I4', program, 29)
  end
  -- Where the program and its data are.
  local at, data, first = 49, start_high * 256 + start_low, 1
  local fused = flags >= 8
  if fused then flags = flags - 8 end
  local unchanged_since = nil
  if flags >= 4 then
    flags, unchanged_since, data = flags - 4, ARGV[data], data + 1
  end
  local start = data
  local writes_always, adds = flags % 2 == 1, flags >= 2

  local id, prepared_at, belongs = nil, nil, nil
  if step == 1 or step > 2 then
    id, keep = sub(program, 1, 16), locks()
    prepared_at, belongs = keep.find(pending, id)
  end
  local finishes = prepared_at and step > 3
  if finishes and step == 6 then return 'T' end

  local record_stays = false
  if last then
    local before = sub(last, 1, 8)
    local known = nil
    if before == number then
      known = 'A' .. sub(last, 9)
    else
      local before_hi, before_lo = unpack_bytes('>I4I4', before)
      local hi, lo = unpack_bytes('>I4I4', number)
      if before_hi > hi or (before_hi == hi and before_lo > lo) then known = 'L' end
    end
    if known and finishes then
      -- What is prepared beside such a record was left over by a failover that lost an answer.
      record_stays = true
    elseif known then
      if writes_always then
        call('HDEL', meta, 'none')
        call('HSET', meta, lane, last)
      end
      return known
    end
  end

  if step == 2 then
    if writes_always then
      call('HDEL', meta, 'none')
      call('HSET', meta, 'seq', seq)
    end
    return 'U'
  elseif step == 1 and prepared_at then
    local record = call('HGET', meta, 'x' .. id)
    if writes_always then
      call('HDEL', meta, 'none')
      call('HSET', meta, 'x' .. id, record)
    end
    return 'D' .. sub(record, 14, 13 + byte(record, 13))
  elseif step == 3 or step == 4 or (step > 4 and not prepared_at) then
    -- First of all, also if it is not there.
    call('HDEL', meta, 'x' .. id)
    if not prepared_at then
      call('HSET', meta, lane, number .. 'X')
      return 'X'
    end
    call('HSET', meta, 'pending', keep.without(pending, prepared_at))
    if not record_stays then call('HSET', meta, lane, number .. 'X') end
    return step == 3 and 'X' or 'D' .. seq
  end

  -- Why it is not carried out. What is finished was tested when it was prepared.
  local refusal = nil
  if step < 2 then
    if gate and tonumber(gate) > unpack_bytes('>I4', program, 25) then
      refusal = 'S' .. gate
    elseif pending ~= '' then
      keep = keep or locks()
      refusal = keep.blocking(pending, program, fused and checks - 1 or checks, sentinels, start)
    end
  end

  if unchanged_since == seq then
    local after_reads, data_after_reads = unpack_bytes('>I4I4', program, 41)
    first, at, data = reads + 1, after_reads, start + data_after_reads
  end
  for i = first, refusal and 0 or (fused and checks - 1 or checks) do
    local held = true
    local op, k1, k2, h1, h2, mode, reverse = byte(program, at, at + 6)
    if op == 78 then -- N hash: key; there is none
      held = call('HEXISTS', KEYS[k1 * 256 + k2], ARGV[data]) == 0
      at, data = at + 3, data + 1
    elseif op == 86 then -- V hash: key, version
      local value = call('HGET', KEYS[k1 * 256 + k2], ARGV[data])
      held = value and sub(value, 1, 16) == ARGV[data + 1]
      at, data = at + 3, data + 2
    elseif op == 67 then -- C zset: lo, hi, limit, n
      if added then settle() end
      local n = call('ZLEXCOUNT', KEYS[k1 * 256 + k2], ARGV[data], ARGV[data + 1])
      held = math.min(n, tonumber(ARGV[data + 2])) == tonumber(ARGV[data + 3])
      at, data = at + 3, data + 4
    else -- E zset hash mode reverse: lo, hi, most, n, digest
      if added then settle() end
      local scan = spans()
      local lo, hi, most, n = ARGV[data], ARGV[data + 1], tonumber(ARGV[data + 2]), tonumber(ARGV[data + 3])
      mode, reverse = string.char(mode), reverse == 1
      local visited, chain = 0, ''
      while visited < most do
        local ask = math.min(CHUNK, most - visited)
        local found = scan.members(KEYS[k1 * 256 + k2], lo, hi, reverse, ask)
        if #found == 0 then break end
        local behind = mode ~= 'n' and scan.records(KEYS[h1 * 256 + h2], found, mode)
        local parts = { chain }
        for place, member in ipairs(found) do
          parts[#parts + 1] = pack('>I4', #member)
          parts[#parts + 1] = member
          if behind then
            if not behind[place] then return 'M' .. member end
            parts[#parts + 1] = sub(behind[place], 1, 16)
          end
        end
        chain = redis.sha1hex(table.concat(parts))
        visited = visited + #found
        if #found < ask then break end
        if reverse then hi = '(' .. found[#found] else lo = '(' .. found[#found] end
      end
      held = visited == n and chain == ARGV[data + 4]
      at, data = at + 7, data + 5
    end
    if not held then
      refusal = i <= reads and 'R' .. i - 1 or 'C' .. i - 1 - reads
      break
    end
  end

  local effects = at + sentinels * 3
  if step == 0 and not refusal and effects > #program then refusal = 'D' .. seq end
  if refusal then
    -- If there is no memory to record it, a repeat is judged anew; it has no effects either.
    if programs == 1 then redis.pcall('HSET', meta, lane, number .. refusal) else note(lane, number .. refusal) end
    return refusal
  end

  -- Effects: op, hash or zset of an index, zset; then key, and for P (a record), Q (a versioned one), A and B (additions
  -- to such) a value; I and x put and remove an entry, d removes a record, G raises the gate, R retires a space.
  local sums = nil
  if adds then
    sums = {}
    local written, zero = {}, string.rep('\0', 16)
    local datum, n = data, 0
    for i = effects, #program, 5 do
      local op, k1, k2 = byte(program, i, i + 2)
      local k, key, value = k1 * 256 + k2, ARGV[datum], ARGV[datum + 1]
      local space = written[k]
      if not space then
        space = {}
        written[k] = space
      end
      if op == 65 or op == 66 then
        local before = space[key]
        if before == nil then
          before = call('HGET', KEYS[k], key)
          if before and op == 66 then before = sub(before, 17) end
        end
        before = before or zero
        if #before ~= 16 then return 'N' .. n end
        -- The sum of two i128. Limbs of 32 bits are exact in a double.
        local a1, a2, a3, a4 = unpack_bytes('>I4I4I4I4', before)
        local b1, b2, b3, b4 = unpack_bytes('>I4I4I4I4', value)
        local s1, s2, s3, s4 = a1 + b1, a2 + b2, a3 + b3, a4 + b4
        if s4 >= 4294967296 then s4, s3 = s4 - 4294967296, s3 + 1 end
        if s3 >= 4294967296 then s3, s2 = s3 - 4294967296, s2 + 1 end
        if s2 >= 4294967296 then s2, s1 = s2 - 4294967296, s1 + 1 end
        if s1 >= 4294967296 then s1 = s1 - 4294967296 end
        local negative = a1 >= 2147483648
        if negative == (b1 >= 2147483648) and negative ~= (s1 >= 2147483648) then return 'O' .. n end
        local sum = pack('>I4I4I4I4', s1, s2, s3, s4)
        space[key], sums[i] = sum, sum
      elseif op == 80 then
        space[key] = value
      elseif op == 81 then
        space[key] = sub(value, 17)
      elseif op == 100 then
        space[key] = false
      end
      n = n + 1
      datum = datum + ((op == 80 or op == 81 or op == 65 or op == 66) and 2 or 1)
    end
  end

  -- Each key of a partition keeps a member that is never removed. So no key vanishes in the middle of a script, and a
  -- key of the wrong type, someone else's, is met before the first effect. A retired space has no such member any more, and gets none
  -- by what is removed from it.
  local gone = sentinels > 0 and call('HGET', meta, 'gone')
  for i = at, effects - 1, 3 do
    local op, k1, k2 = byte(program, i, i + 2)
    local key, made = KEYS[k1 * 256 + k2], nil
    local retired = gone and string.find(gone, ';' .. sub(key, string.find(key, '}:', 1, true) + 2) .. ';', 1, true)
    if op == 104 then -- h
      made = redis.pcall('HEXISTS', key, '')
      if made == 0 and not retired then made = redis.pcall('HSET', key, '', '') end
    else -- z
      made = redis.pcall('ZSCORE', key, '')
      if not made and not retired then made = redis.pcall('ZADD', key, '0', '') end
    end
    if type(made) == 'table' and made.err then return made end
  end

  if step == 1 then
    local primary, lease = unpack_bytes('>I4I4', ARGV[#ARGV])
    if effects <= #program then seq = keep.raise(seq) end
    local record = keep.record(program, checks, sentinels, start, primary, lease, seq)
    local list = sub(pending, 1, belongs - 1) .. id .. sub(pending, belongs)
    call('HSET', meta, 'x' .. id, record, 'pending', list, 'seq', seq)
    return 'D' .. seq
  end

  -- First of all, as above.
  if step == 5 then call('HDEL', meta, 'x' .. id) end

  if fused then
    -- The put that the last check speaks of: the check and the write in one.
    local _, h1, h2, z1, z2 = byte(program, effects, effects + 4)
    local key = ARGV[data]
    if call('HSETNX', KEYS[h1 * 256 + h2], key, ARGV[data + 1]) == 0 then
      local refusal = checks <= reads and 'R' .. checks - 1 or 'C' .. checks - 1 - reads
      if programs == 1 then redis.pcall('HSET', meta, lane, number .. refusal) else note(lane, number .. refusal) end
      return refusal
    end
    dirty = true
    if added then add_later(z1 * 256 + z2, key) else call('ZADD', KEYS[z1 * 256 + z2], '0', key) end
    effects, data = effects + 5, data + 2
  end
  for i = effects, #program, 5 do
    local op, h1, h2, z1, z2 = byte(program, i, i + 4)
    local key = ARGV[data]
    data = data + 1
    if op == 73 then
      if added then add_later(h1 * 256 + h2, key) else call('ZADD', KEYS[h1 * 256 + h2], '0', key) end
    elseif op == 120 then
      if added then remove_later(h1 * 256 + h2, key) else call('ZREM', KEYS[h1 * 256 + h2], key) end
    elseif op == 100 then
      local was_there = call('HDEL', KEYS[h1 * 256 + h2], key) == 1
      dirty = true
      if was_there then
        if added then remove_later(z1 * 256 + z2, key) else call('ZREM', KEYS[z1 * 256 + z2], key) end
      end
    elseif op == 71 then
      if not gate or tonumber(key) > tonumber(gate) then
        gate = key
        call('HSET', meta, 'gate', gate)
      end
    elseif op == 82 then
      -- Without its sentinel, nobody takes what is found there for all of it without a look at meta.
      if added then settle() end
      local gone = call('HGET', meta, 'gone') or ';'
      if not string.find(gone, ';' .. key, 1, true) then call('HSET', meta, 'gone', gone .. key) end
      local hash, ordered = h1 * 256 + h2, z1 * 256 + z2
      if hash ~= ordered then call('HDEL', KEYS[hash], '') end
      call('ZREM', KEYS[ordered], '')
      dirty = true
    else
      local value = ARGV[data]
      data = data + 1
      if op == 65 then
        value = sums[i]
      elseif op == 66 then
        value = sub(program, 1, 16) .. sums[i]
      end
      local is_new = call('HSET', KEYS[h1 * 256 + h2], key, value) == 1
      dirty = true
      if is_new then
        if added then add_later(z1 * 256 + z2, key) else call('ZADD', KEYS[z1 * 256 + z2], '0', key) end
      end
    end
  end

  if step == 5 then
    if effects <= #program then seq = keep.raise(seq) end
    call('HSET', meta, 'seq', seq, 'pending', keep.without(pending, prepared_at))
    if not record_stays then call('HSET', meta, lane, number .. 'D' .. seq) end
    return 'D' .. seq
  end

  local digit = byte(seq, #seq)
  if digit < 57 then
    -- Nine times of ten only the last digit changes. To calculate and print the number would take longer than a command.
    seq = sub(seq, 1, -2) .. string.char(digit + 1)
  elseif #seq < 16 then
    seq = string.format('%.0f', seq + 1)
  else
    -- Those before in this call have counted on without storing it.
    if programs > 1 then call('HSET', meta, 'seq', seq) end
    call('HINCRBY', meta, 'seq', '1')
    seq = call('HGET', meta, 'seq')
  end
  local outcome = 'D' .. seq
  if programs == 1 then call('HSET', meta, 'seq', seq, lane, number .. outcome) else note(lane, number .. outcome, true) end
  return outcome
end

if state[1] ~= owner then
  local id = call('HGET', meta, 'id')
  local answer = not id and 'G' or sub(owner, 1, #id) == id and 'E' or 'F'
  if programs == 1 then return answer end
  local answers = {}
  for i = 1, programs do answers[i] = answer end
  return answers
end
-- What is damaged must fail before the first effect.
local damaged = not seq or string.find(seq, '%D') or seq == ''
if programs == 1 then return damaged and 'Y' or carry_out(first_program, state[5]) end

local answers = {}
for i = 1, programs do
  current = i
  local fine, answer = true, 'Y'
  if not damaged then fine, answer = pcall(carry_out, ARGV[1 + i], state[4 + i]) end
  answers[i] = fine and answer or 'Z'
end
settle()
if changed then
  records[recorded + 1], records[recorded + 2] = 'seq', seq
  call('HSET', meta, unpack(records))
elseif recorded > 0 then
  redis.pcall('HSET', meta, unpack(records))
end
for i, reply in pairs(broken) do answers[i] = reply end
return answers
