-- Steps of one partition, one after the other: checks, then effects, then the outcome of each.
--
-- KEYS 1 meta, then all that checks and effects touch.
-- ARGV 1 owner, then the program of each step, then what the programs take, in order; of a prepared one at last its
-- primary and its lease, 4 bytes each. An argument costs the server more than the bytes in it, so all that is small and not
-- data is packed into the program:
--   bytes 1-8 lane, 9-16 number, 17 flags (FLAG_*), 18 what to do (STEP_*), 19 number of programs, 20-21 where in ARGV its data
--   begin, 22 number of reads, 23 number of all checks, 24 number of sentinels; 25-28 schema, 29-40 the three numbers again, where
--   one of them is 255 or more; 41-44 where in the program and 45-48 after how many data the checks begin that `unchanged_since`
--   does not stand for; then checks, sentinels, effects, each an OP_* and the positions of its keys.
-- The names in capitals are numbers that script/names.rs puts in their stead. Steps other than STEP_ONE come alone.
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

-- Functions are made anew in each run, which costs about as much as a look into a hash. So each is made only if one of the steps
-- may need it: that of a call is known by its header, those of several are all made.
local batch, known_outcome, first_failed_check, sums_of, make_sentinels, several_partitions = nil, nil, nil, nil, nil, nil
-- What several steps leave for the end of the call.
if programs > 1 then
  -- Records are what the steps leave in meta. By their positions, the sorted sets to which members are added or from which some
  -- are removed: a command costs more than a member, so these go there together, before anyone looks. No member is in both lists
  -- of a set. If someone else has broken the key of a set, the steps whose members wait for it, at the negative of their number,
  -- are answered with that; the others and all records are not lost with it.
  local records, recorded, changed, added, removed, broken = {}, 0, false, {}, {}, {}
  -- Dirty is whether this call has written anything. Nothing waits before a first write: a server without memory may still refuse
  -- that, and takes all that follows, so what waits is not refused any more.
  batch = { current = 0, dirty = false }

  function batch.note(lane, outcome, has_changed)
    records[recorded + 1], records[recorded + 2] = lane, outcome
    recorded, changed = recorded + 2, changed or has_changed
  end

  local function send(command, lists)
    for set, members in pairs(lists) do
      lists[set] = nil
      local reply = redis.pcall(command, KEYS[set], unpack(members))
      if type(reply) == 'table' then
        for i = 1, programs do
          if members[-i] then broken[i] = reply end
        end
      end
    end
  end

  function batch.settle()
    send('ZREM', removed)
    send('ZADD', added)
  end

  function batch.add(set, member)
    if not batch.dirty then
      call('ZADD', KEYS[set], '0', member)
      batch.dirty = true
      return
    end
    local others = removed[set]
    if others and others[member] then batch.settle() end
    local members = added[set]
    if members then
      local n = #members
      members[n + 1], members[n + 2], members[member], members[-batch.current] = '0', member, true, true
    else
      added[set] = { '0', member, [member] = true, [-batch.current] = true }
    end
  end

  function batch.remove(set, member)
    if not batch.dirty then
      call('ZREM', KEYS[set], member)
      batch.dirty = true
      return
    end
    local others = added[set]
    if others and others[member] then batch.settle() end
    local members = removed[set]
    if members then
      members[#members + 1], members[member], members[-batch.current] = member, true, true
    else
      removed[set] = { member, [member] = true, [-batch.current] = true }
    end
  end

  -- Writes all that waits; `answers` has the answer to each step.
  function batch.finish(answers)
    batch.settle()
    if changed then
      records[recorded + 1], records[recorded + 2] = 'seq', seq
      call('HSET', meta, unpack(records))
    elseif recorded > 0 then
      redis.pcall('HSET', meta, unpack(records))
    end
    for i, reply in pairs(broken) do answers[i] = reply end
  end
end

-- What the record of a lane says of this program's number: 'A' and its outcome, or 'L'; nil if it has not come yet.
if batch or state[5] then
  known_outcome = function(last, program)
    -- By bytes: struct.unpack takes several times as long. Halves of 32 bits are exact.
    local a1, a2, a3, a4, a5, a6, a7, a8 = byte(last, 1, 8)
    local b1, b2, b3, b4, b5, b6, b7, b8 = byte(program, 9, 16)
    local before_hi, before_lo = ((a1 * 256 + a2) * 256 + a3) * 256 + a4, ((a5 * 256 + a6) * 256 + a7) * 256 + a8
    local hi, lo = ((b1 * 256 + b2) * 256 + b3) * 256 + b4, ((b5 * 256 + b6) * 256 + b7) * 256 + b8
    if before_hi == hi and before_lo == lo then return 'A' .. sub(last, 9) end
    if before_hi > hi or (before_hi == hi and before_lo > lo) then return 'L' end
  end
end

-- Tests checks, whose operations are at `at` and whose data at `data`, from number `first` to `last`. Returns where the operations
-- and the data behind them are, then the number of the first check that failed, or nil, and what to answer at once, or nil.
if batch or first_checks > 1 or (first_checks == 1 and first_flags % FLAG_SPANS < FLAG_FUSED) then
  first_failed_check = function(program, at, data, first, last)
    for i = first, last do
      local held = true
      local op, k1, k2, h1, h2, mode, reverse = byte(program, at, at + 6)
      local key = KEYS[k1 * 256 + k2]
      if op == OP_ABSENT then -- hash: key
        held = call('HEXISTS', key, ARGV[data]) == 0
        at, data = at + 3, data + 1
      elseif op == OP_VERSION then -- hash: key, version
        local value = call('HGET', key, ARGV[data])
        held = value and sub(value, 1, 16) == ARGV[data + 1]
        at, data = at + 3, data + 2
      elseif op == OP_COUNT then -- set: lo, hi, limit, n
        if batch then batch.settle() end
        local n = call('ZLEXCOUNT', key, ARGV[data], ARGV[data + 1])
        held = math.min(n, tonumber(ARGV[data + 2])) == tonumber(ARGV[data + 3])
        at, data = at + 3, data + 4
      else -- OP_SAME, set, hash, mode, reverse: lo, hi, most, n, digest
        if batch then batch.settle() end
        local hash, most = KEYS[h1 * 256 + h2], tonumber(ARGV[data + 2])
        local visited, digest, dangling =
          spans.digest(key, hash, mode, ARGV[data], ARGV[data + 1], reverse == 1, most)
        if dangling then return at, data, nil, 'M' .. dangling end
        held = visited == tonumber(ARGV[data + 3]) and digest == ARGV[data + 4]
        at, data = at + 7, data + 5
      end
      if not held then return at, data, i end
    end
    return at, data
  end
end

-- The values of counters after the additions of a step, by where in the program these are. Instead, what to answer if one of
-- them cannot be made: then no effect has happened yet.
if batch or first_flags % FLAG_UNCHANGED_SINCE >= FLAG_ADDS then
  sums_of = function(program, effects, data)
    local sums, written, zero = {}, {}, string.rep('\0', 16)
    local n = 0
    for i = effects, #program, 5 do
      local op, k1, k2 = byte(program, i, i + 2)
      local k, key, value = k1 * 256 + k2, ARGV[data], ARGV[data + 1]
      local space = written[k]
      if not space then
        space = {}
        written[k] = space
      end
      local adds = op == OP_ADD or op == OP_ADD_VERSIONED
      if adds then
        local before = space[key]
        if before == nil then
          before = call('HGET', KEYS[k], key)
          if before and op == OP_ADD_VERSIONED then before = sub(before, 17) end
        end
        before = before or zero
        if #before ~= 16 then return nil, 'N' .. n end
        -- The sum of two i128. Limbs of 32 bits are exact in a double.
        local a1, a2, a3, a4 = unpack_bytes('>I4I4I4I4', before)
        local b1, b2, b3, b4 = unpack_bytes('>I4I4I4I4', value)
        local s1, s2, s3, s4 = a1 + b1, a2 + b2, a3 + b3, a4 + b4
        if s4 >= 4294967296 then s4, s3 = s4 - 4294967296, s3 + 1 end
        if s3 >= 4294967296 then s3, s2 = s3 - 4294967296, s2 + 1 end
        if s2 >= 4294967296 then s2, s1 = s2 - 4294967296, s1 + 1 end
        if s1 >= 4294967296 then s1 = s1 - 4294967296 end
        local negative = a1 >= 2147483648
        if negative == (b1 >= 2147483648) and negative ~= (s1 >= 2147483648) then return nil, 'O' .. n end
        local sum = pack('>I4I4I4I4', s1, s2, s3, s4)
        space[key], sums[i] = sum, sum
      elseif op == OP_PUT then
        space[key] = value
      elseif op == OP_PUT_VERSIONED then
        space[key] = sub(value, 17)
      elseif op == OP_DELETE then
        space[key] = false
      end
      n = n + 1
      data = data + ((adds or op == OP_PUT or op == OP_PUT_VERSIONED) and 2 or 1)
    end
    return sums
  end
end

-- Each key of a partition keeps a member that is never removed. So no key vanishes in the middle of a script, and a key of the
-- wrong type, someone else's, is met before the first effect. A retired space has no such member any more, and gets none by what
-- is removed from it. Returns the error if there is one.
if batch or first_sentinels > 0 then
  make_sentinels = function(program, at, effects)
    local gone = call('HGET', meta, 'gone')
    for i = at, effects - 1, 3 do
      local op, k1, k2 = byte(program, i, i + 2)
      local key, made = KEYS[k1 * 256 + k2], nil
      local retired = gone and string.find(gone, ';' .. sub(key, string.find(key, '}:', 1, true) + 2) .. ';', 1, true)
      if op == OP_HASH_SENTINEL then
        made = redis.pcall('HEXISTS', key, '')
        if made == 0 and not retired then made = redis.pcall('HSET', key, '', '') end
      else -- OP_SET_SENTINEL
        made = redis.pcall('ZSCORE', key, '')
        if not made and not retired then made = redis.pcall('ZADD', key, '0', '') end
      end
      if type(made) == 'table' and made.err then return made end
    end
  end
end

-- Carries out the effects from `at` on, whose data begin at `data`.
local function write_effects(program, at, data, sums)
  for i = at, #program, 5 do
    local op, h1, h2, z1, z2 = byte(program, i, i + 4)
    local hash, set, key = h1 * 256 + h2, z1 * 256 + z2, ARGV[data]
    data = data + 1
    if op == OP_PUT_ENTRY then
      if batch then batch.add(hash, key) else call('ZADD', KEYS[hash], '0', key) end
    elseif op == OP_DELETE_ENTRY then
      if batch then batch.remove(hash, key) else call('ZREM', KEYS[hash], key) end
    elseif op == OP_DELETE then
      local was_there = call('HDEL', KEYS[hash], key) == 1
      if batch then batch.dirty = true end
      if was_there then
        if batch then batch.remove(set, key) else call('ZREM', KEYS[set], key) end
      end
    elseif op == OP_RAISE_GATE then
      if not gate or tonumber(key) > tonumber(gate) then
        gate = key
        call('HSET', KEYS[1], 'gate', gate)
      end
    elseif op == OP_RETIRE then
      -- Without its sentinel, nobody takes what is found there for all of it without a look at meta.
      if batch then batch.settle() end
      local gone = call('HGET', KEYS[1], 'gone') or ';'
      if not string.find(gone, ';' .. key, 1, true) then call('HSET', KEYS[1], 'gone', gone .. key) end
      if hash ~= set then call('HDEL', KEYS[hash], '') end
      call('ZREM', KEYS[set], '')
      if batch then batch.dirty = true end
    else
      local value = ARGV[data]
      data = data + 1
      if op == OP_ADD then
        value = sums[i]
      elseif op == OP_ADD_VERSIONED then
        value = sub(program, 1, 16) .. sums[i]
      end
      local is_new = call('HSET', KEYS[hash], key, value) == 1
      if batch then batch.dirty = true end
      if is_new then
        if batch then batch.add(set, key) else call('ZADD', KEYS[set], '0', key) end
      end
    end
  end
end

-- Records the outcome of a step, and answers with it. `changed` says whether it raised `seq`.
local function record(program, outcome, changed)
  local lane, decided = sub(program, 1, 8), sub(program, 9, 16) .. outcome
  if batch then
    batch.note(lane, decided, changed)
  elseif changed then
    call('HSET', meta, 'seq', seq, lane, decided)
  else
    -- If there is no memory to record a refusal, a repeat is judged anew; it has no effects either.
    redis.pcall('HSET', meta, lane, decided)
  end
  return outcome
end

-- Steps of transactions on several partitions, which come alone.
if first_step ~= STEP_ONE then
  several_partitions = function()
    -- Answers a step for which that is all there is to do: a push, a repeated prepare, an abort, or the end of what is not
    -- prepared, which leaves a tombstone so that it cannot be prepared later. Returns nil for others.
    local function finish_or_tombstone(program, step, always_write, prepared_at, record_stays)
      local lane, number, field = sub(program, 1, 8), sub(program, 9, 16), 'x' .. sub(program, 1, 16)
      if step == STEP_PUSH then
        if always_write then
          call('HDEL', meta, 'none')
          call('HSET', meta, 'seq', seq)
        end
        return 'U'
      elseif step == STEP_PREPARE and prepared_at then
        local record = call('HGET', meta, field)
        if always_write then
          call('HDEL', meta, 'none')
          call('HSET', meta, field, record)
        end
        return 'D' .. sub(record, 14, 13 + byte(record, 13))
      elseif step == STEP_PUSH_ABORT or step == STEP_ABORT or (step > STEP_ABORT and not prepared_at) then
        -- First of all, even if it is not there.
        call('HDEL', meta, field)
        if not prepared_at then
          call('HSET', meta, lane, number .. 'X')
          return 'X'
        end
        call('HSET', meta, 'pending', locks.without(pending, prepared_at))
        if not record_stays then call('HSET', meta, lane, number .. 'X') end
        return step == STEP_PUSH_ABORT and 'X' or 'D' .. seq
      end
    end

    -- Keeps a transaction that passed its checks, as the `belongs`th byte of the list says.
    local function prepare(program, checks, sentinels, effects, start, belongs)
      local primary, lease = unpack_bytes('>I4I4', ARGV[#ARGV])
      if effects <= #program then seq = locks.raise(seq) end
      local record = locks.record(program, checks, sentinels, start, primary, lease, seq)
      local id = sub(program, 1, 16)
      local list = sub(pending, 1, belongs - 1) .. id .. sub(pending, belongs)
      call('HSET', meta, 'x' .. id, record, 'pending', list, 'seq', seq)
      return 'D' .. seq
    end

    -- Ends a prepared transaction whose effects have been carried out.
    local function end_committed(program, effects, prepared_at, record_stays)
      if effects <= #program then seq = locks.raise(seq) end
      call('HSET', meta, 'seq', seq, 'pending', locks.without(pending, prepared_at))
      if not record_stays then call('HSET', meta, sub(program, 1, 8), sub(program, 9, 16) .. 'D' .. seq) end
      return 'D' .. seq
    end

    return { finish_or_tombstone = finish_or_tombstone, prepare = prepare, end_committed = end_committed }
  end
end

-- Carries out one step; `last` is the record of its lane, and bytes 17 to 24 of its program follow.
local function carry_out(program, last, flags, step, _, start_high, start_low, reads, checks, sentinels)
  if reads == 255 or checks == 255 or sentinels == 255 then
    reads, checks, sentinels = unpack_bytes('>I4I4I4', program, 29)
  end
  local start, unchanged_since = start_high * 256 + start_low, nil
  if flags >= FLAG_SPANS then flags = flags - FLAG_SPANS end
  local fused = flags >= FLAG_FUSED
  if fused then flags = flags - FLAG_FUSED end
  if flags >= FLAG_UNCHANGED_SINCE then
    flags, unchanged_since, start = flags - FLAG_UNCHANGED_SINCE, ARGV[start], start + 1
  end
  local adds, always_write = flags >= FLAG_ADDS, flags % FLAG_ADDS == FLAG_ALWAYS_WRITE

  local several, prepared_at, belongs = nil, nil, nil
  if step ~= STEP_ONE then
    several = several_partitions()
    if step ~= STEP_PUSH then prepared_at, belongs = locks.find(pending, sub(program, 1, 16)) end
  end
  local finishes = prepared_at and step > STEP_PUSH_ABORT
  if finishes and step == STEP_COMMIT_UNSEEN then return 'T' end

  -- Has it been decided before?
  local known = last and known_outcome(last, program)
  if known and not finishes then
    if always_write then
      call('HDEL', meta, 'none')
      call('HSET', meta, sub(program, 1, 8), last)
    end
    return known
  end
  -- What is prepared beside such a record was left over by a failover that lost an answer.
  local record_stays = known
  if several then
    local answer = several.finish_or_tombstone(program, step, always_write, prepared_at, record_stays)
    if answer then return answer end
  end

  -- May it be carried out? What is finished was tested when it was prepared.
  local last_check = fused and checks - 1 or checks
  if step <= STEP_PREPARE then
    if gate and tonumber(gate) > unpack_bytes('>I4', program, 25) then return record(program, 'S' .. gate) end
    if pending ~= '' then
      local reason = locks.blocking(pending, program, last_check, sentinels, start)
      if reason then return record(program, reason) end
    end
  end
  local at, data, first = HEADER + 1, start, 1
  if unchanged_since == seq then
    local after_reads, data_after_reads = unpack_bytes('>I4I4', program, 41)
    first, at, data = reads + 1, after_reads, start + data_after_reads
  end
  local failed, answer = nil, nil
  if first <= last_check then
    at, data, failed, answer = first_failed_check(program, at, data, first, last_check)
    if answer then return answer end
  end
  if failed then return record(program, failed <= reads and 'R' .. failed - 1 or 'C' .. failed - 1 - reads) end
  local effects = at + sentinels * 3
  if step == STEP_ONE and effects > #program then return record(program, 'D' .. seq) end

  -- All that can fail comes before the first effect.
  local sums = nil
  if adds then
    sums, answer = sums_of(program, effects, data)
    if answer then return answer end
  end
  if sentinels > 0 then
    answer = make_sentinels(program, at, effects)
    if answer then return answer end
  end
  if step == STEP_PREPARE then return several.prepare(program, checks, sentinels, effects, start, belongs) end

  -- First of all, as above.
  if step == STEP_COMMIT then call('HDEL', meta, 'x' .. sub(program, 1, 16)) end
  local rest = effects
  if fused then
    -- The put that the last check is about: the check and the write in one.
    local _, h1, h2, z1, z2 = byte(program, effects, effects + 4)
    local set, key = z1 * 256 + z2, ARGV[data]
    if call('HSETNX', KEYS[h1 * 256 + h2], key, ARGV[data + 1]) == 0 then
      return record(program, checks <= reads and 'R' .. checks - 1 or 'C' .. checks - 1 - reads)
    end
    if batch then
      batch.dirty = true
      batch.add(set, key)
    else
      call('ZADD', KEYS[set], '0', key)
    end
    rest, data = effects + 5, data + 2
  end
  write_effects(program, rest, data, sums)
  if step == STEP_COMMIT then return several.end_committed(program, effects, prepared_at, record_stays) end

  -- Nine times of ten only the last digit of `seq` changes. To calculate and print the number would take longer than a command.
  local digit = byte(seq, #seq)
  if digit < 57 then
    seq = sub(seq, 1, -2) .. string.char(digit + 1)
  elseif #seq < 16 then
    seq = string.format('%.0f', seq + 1)
  else
    -- Those before in this call have counted on without storing it.
    if batch then call('HSET', meta, 'seq', seq) end
    call('HINCRBY', meta, 'seq', '1')
    seq = call('HGET', meta, 'seq')
  end
  return record(program, 'D' .. seq, true)
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
if programs == 1 then
  if damaged then return 'Y' end
  local reads, checks, sentinels = first_reads, first_checks, first_sentinels
  return carry_out(first_program, state[5], first_flags, first_step, 1, start_high, start_low, reads, checks, sentinels)
end

local answers = {}
for i = 1, programs do
  batch.current = i
  local fine, answer = true, 'Y'
  if not damaged then fine, answer = pcall(carry_out, ARGV[1 + i], state[4 + i], byte(ARGV[1 + i], 17, 24)) end
  answers[i] = fine and answer or 'Z'
end
batch.finish(answers)
return answers
