//! The Lua scripts of the program by hand: one a commit, and no more in them than the commit needs.

use redis::Script;

/// A new row, unless its key is taken. KEYS rows, four indexes; ARGV key, row, four entries.
const INSERT: &str = "
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('ZADD', KEYS[2], '0', ARGV[3])
redis.call('ZADD', KEYS[3], '0', ARGV[4])
redis.call('ZADD', KEYS[4], '0', ARGV[5])
redis.call('ZADD', KEYS[5], '0', ARGV[6])
return 1";

/// Another row in the place of the one that the program read. KEYS rows, index; ARGV key, row as read, new row, old
/// entry, new entry.
const UPDATE: &str = "
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('ZREM', KEYS[2], ARGV[4])
redis.call('ZADD', KEYS[2], '0', ARGV[5])
return 1";

/// Removes the row that the program read. KEYS rows, four indexes; ARGV key, row as read, four entries.
const DELETE: &str = "
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[3])
redis.call('ZREM', KEYS[3], ARGV[4])
redis.call('ZREM', KEYS[4], ARGV[5])
redis.call('ZREM', KEYS[5], ARGV[6])
return 1";

/// Another value in the place of the one that the program read. KEYS counters; ARGV counter, value as read, new value.
const REPLACE: &str = "
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1";

/// The update, read in the script too. ARGV key, size as a row has it, time as a row has it, size as an entry has it.
const UPDATE_THERE: &str = "
local row = redis.call('HGET', KEYS[1], ARGV[1])
if not row then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. string.sub(row, 9, 16) .. ARGV[3] .. string.sub(row, 25))
redis.call('ZREM', KEYS[2], string.reverse(string.sub(row, 1, 8)) .. ARGV[1])
redis.call('ZADD', KEYS[2], '0', ARGV[4] .. ARGV[1])
return 1";

/// The removal, read in the script too. KEYS rows, four indexes; ARGV key.
const DELETE_THERE: &str = "
local key = ARGV[1]
local row = redis.call('HGET', KEYS[1], key)
if not row then return 0 end
local size, created, _, _, _, name = struct.unpack('c8c8c8c4c1<H', row)
local status_at = 32 + name
local status = struct.unpack('<H', row, status_at)
local owner_at = status_at + 2 + status
local owner = struct.unpack('<H', row, owner_at)
redis.call('HDEL', KEYS[1], key)
redis.call('ZREM', KEYS[2], string.sub(row, status_at + 2, status_at + 1 + status) .. '\\0' .. key)
redis.call('ZREM', KEYS[3], string.sub(row, owner_at + 2, owner_at + 1 + owner) .. '\\0' .. key)
redis.call('ZREM', KEYS[4], string.reverse(size) .. key)
redis.call('ZREM', KEYS[5], string.reverse(created) .. key)
return 1";

/// All scripts.
pub struct Scripts {
    pub insert: Script,
    pub update: Script,
    pub delete: Script,
    pub replace: Script,
    pub update_there: Script,
    pub delete_there: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self {
            insert: Script::new(INSERT),
            update: Script::new(UPDATE),
            delete: Script::new(DELETE),
            replace: Script::new(REPLACE),
            update_there: Script::new(UPDATE_THERE),
            delete_there: Script::new(DELETE_THERE),
        }
    }
}
