-- Prepended to apply.lua, after state.lua: what is kept of a transaction that is prepared, and who stands in whose way.
--
-- The record of a prepared transaction is its primary (4 bytes), the end of its lease in milliseconds (8), the length of its
-- `seq` (1) and its `seq` in digits, then all that it locks: an op, and with their lengths the space (the last part of the name
-- of its hash, for an index of its sorted set) and two strings.
--   LOCK_RECORD key, ''   a record that was checked      LOCK_SPAN lo, hi   a span that was checked
--   effects as in the program, with key and value        OP_RAISE_GATE gate, ''   OP_RETIRE names, ''
-- The same rules in Rust are rome_core::store::locks.

-- What deals with locks; made only where someone is prepared or the step is one of several partitions.
local locks = nil
if pending ~= '' or first_step ~= STEP_ONE then
  -- Calls `checked` and `written` with the parts of each lock of the program, whose data begin at `data`.
  local function walk(program, checks, sentinels, data, checked, written)
    local start = string.find(KEYS[1], '}:', 1, true) + 2
    local function space(k1, k2) return sub(KEYS[k1 * 256 + k2], start) end
    -- A sorted set stands beside the hash that its space is named by.
    local beside = { p = 't', v = 'u', b = 'a' }
    local function ordered(k1, k2)
      local name = space(k1, k2)
      if name == 'metak' then return 'meta' end
      return (beside[sub(name, 1, 1)] or sub(name, 1, 1)) .. sub(name, 2)
    end
    local at = HEADER + 1
    for _ = 1, checks do
      local op, k1, k2, h1, h2, mode = byte(program, at, at + 5)
      if op == OP_VERSION or op == OP_ABSENT then
        checked(LOCK_RECORD, space(k1, k2), ARGV[data], '')
        at, data = at + 3, data + (op == OP_VERSION and 2 or 1)
      elseif op == OP_COUNT then
        checked(LOCK_SPAN, ordered(k1, k2), ARGV[data], ARGV[data + 1])
        at, data = at + 3, data + 4
      else
        checked(LOCK_SPAN, ordered(k1, k2), ARGV[data], ARGV[data + 1])
        -- Which rows entries point at is not known here: all of the table.
        if mode == MODE_ROWS then checked(LOCK_SPAN, space(h1, h2), '(', '+') end
        at, data = at + 7, data + 5
      end
    end
    for i = at + sentinels * 3, #program, 5 do
      local op, k1, k2 = byte(program, i, i + 2)
      local key, value = ARGV[data], ''
      data = data + 1
      if op == OP_PUT or op == OP_PUT_VERSIONED or op == OP_ADD or op == OP_ADD_VERSIONED then
        value = ARGV[data]
        data = data + 1
      end
      written(op, op == OP_RAISE_GATE and '' or space(k1, k2), key, value)
    end
  end

  -- Whether a key is less than, equal to or greater than another: below, at or above 0. `<` follows the locale.
  local function compare(a, b)
    for i = 1, math.min(#a, #b), 8 do
      if sub(a, i, i + 7) ~= sub(b, i, i + 7) then
        for j = i, math.min(#a, #b, i + 7) do
          local difference = byte(a, j) - byte(b, j)
          if difference ~= 0 then return difference end
        end
      end
    end
    return #a - #b
  end

  local function contains(lo, hi, key)
    local above = compare(key, sub(lo, 2))
    if above < 0 or (above == 0 and byte(lo) == 40) then return false end
    if hi == '+' then return true end
    local below = compare(key, sub(hi, 2))
    return below < 0 or (below == 0 and byte(hi) == 91)
  end

  local function now()
    local time = call('TIME')
    return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  end

  -- What to keep of the transaction of this program.
  local function record(program, checks, sentinels, data, primary, lease, seq)
    local lease_end = now() + lease
    local high = math.floor(lease_end / 4294967296)
    local parts = { pack('>I4I4I4B', primary, high, lease_end - high * 4294967296, #seq), seq }
    local function lock(op, space, a, b)
      parts[#parts + 1] = pack('>BI2c0I4c0I4c0', op, #space, space, #a, a, #b, b)
    end
    walk(program, checks, sentinels, data, lock, lock)
    return table.concat(parts)
  end

  -- Where in the list of who is prepared this one is; else nil, and where it belongs.
  local function find(pending, id)
    for at = 1, #pending, 16 do
      local order = compare(id, sub(pending, at, at + 15))
      if order == 0 then return at end
      if order < 0 then return nil, at end
    end
    return nil, #pending + 1
  end

  -- The refusal that names one of the prepared transactions in the way of this program; nil if none is.
  local function blocking(pending, program, checks, sentinels, data)
    local id, gate, written, points, spans = sub(program, 1, 16), false, {}, {}, {}
    local function into(sets, space, key)
      if not sets[space] then sets[space] = {} end
      sets[space][key] = true
    end
    walk(program, checks, sentinels, data, function(op, space, a, b)
      if op == LOCK_RECORD then
        into(points, space, a)
      else
        if not spans[space] then spans[space] = {} end
        table.insert(spans[space], { a, b })
      end
    end, function(op, space, key)
      if op == OP_RAISE_GATE or op == OP_RETIRE then gate = true else into(written, space, key) end
    end)

    local function meets(op, space, a, b)
      local mine = written[space]
      -- The gate is what everyone checks.
      if op == OP_RAISE_GATE or op == OP_RETIRE then return true end
      if op == LOCK_RECORD then return mine and mine[a] end
      if op == LOCK_SPAN then
        for key in pairs(mine or {}) do
          if contains(a, b, key) then return true end
        end
        return false
      end
      if (mine and mine[a]) or (points[space] and points[space][a]) then return true end
      for _, span in ipairs(spans[space] or {}) do
        if contains(span[1], span[2], a) then return true end
      end
      return false
    end

    for start = 1, #pending, 16 do
      local other = sub(pending, start, start + 15)
      if other ~= id then
        local locked = call('HGET', KEYS[1], 'x' .. other)
        local met, at = gate, 14 + byte(locked, 13)
        while not met and at <= #locked do
          local op, space, a, b
          op, space, a, b, at = unpack_bytes('>BI2c0I4c0I4c0', locked, at)
          met = meets(op, space, a, b)
        end
        if met then
          local high, low = unpack_bytes('>I4I4', locked, 5)
          local expired = now() >= high * 4294967296 + low
          return 'B' .. other .. sub(locked, 1, 4) .. (expired and '1' or '0')
        end
      end
    end
  end

  -- The list without the one at this place.
  local function without(pending, at)
    return sub(pending, 1, at - 1) .. sub(pending, at + 16)
  end

  -- The `seq` after a change.
  local function raise(seq)
    -- Exact: 15 digits fit into a double.
    if #seq < 16 then return string.format('%.0f', seq + 1) end
    call('HINCRBY', KEYS[1], 'seq', '1')
    return call('HGET', KEYS[1], 'seq')
  end

  locks = { find = find, record = record, blocking = blocking, raise = raise, without = without }
end
